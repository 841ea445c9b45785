// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is retired is reclaimed once, behind a barrier, and barriers wait for it.

use super::*;
use crate::abi::{HAZPTR_FOREVER, HAZPTR_RECLAIM_NO_WORKER};
use crate::abi::{hazptr_cohort, hazptr_head, hazptr_reclaim_policy};
use crate::control::lasting;
use crate::{cohort, held, policy, reclaim, retire};

struct Heads([UnsafeCell<MaybeUninit<hazptr_head>>; 3]);

// SAFETY: each is its retirer's, then the engine's.
unsafe impl Sync for Heads {}

static HEADS: Heads = Heads([const { UnsafeCell::new(MaybeUninit::uninit()) }; 3]);

struct Cohorts([UnsafeCell<hazptr_cohort>; 2]);

// SAFETY: their words are atomic.
unsafe impl Sync for Cohorts {}

const EMPTY: hazptr_cohort = hazptr_cohort { pending: 0, reserved: [0; 7] };
static COHORTS: Cohorts = Cohorts([const { UnsafeCell::new(EMPTY) }; 2]);

fn cohort(number: usize) -> *mut hazptr_cohort {
    COHORTS.0[number].get_untold()
}

unsafe extern "C" fn free(head: *mut hazptr_head) {
    // SAFETY: ours until it is retired again.
    unsafe { &*(*head).addr.cast::<Object>() }.free();
}

/// As long as the pointer points to something, it is not freed.
unsafe extern "C" fn free_later(head: *mut hazptr_head) {
    while !POINTER.load(Ordering::Acquire).is_null() {
        machine::yield_now();
    }
    // SAFETY: passed on.
    unsafe { free(head) };
}

/// Others have their turn first.
unsafe extern "C" fn free_slowly(head: *mut hazptr_head) {
    machine::yield_now();
    // SAFETY: passed on.
    unsafe { free(head) };
}

/// Retires an object, in a cohort or not.
fn retire(object: usize, cohort: *mut hazptr_cohort) {
    retire_by(object, cohort, free);
}

fn retire_by(
    object: usize,
    cohort: *mut hazptr_cohort,
    func: unsafe extern "C" fn(*mut hazptr_head),
) {
    let head = HEADS.0[object].get_untold().cast();
    // SAFETY: ours, once.
    let error = unsafe { retire::retire_in(cohort, head, OBJECTS[object].addr(), Some(func), 0) };
    assert_eq!(error, 0);
}

fn policy_now() -> hazptr_reclaim_policy {
    // SAFETY: plain numbers.
    let mut policy: hazptr_reclaim_policy = unsafe { core::mem::zeroed() };
    // SAFETY: a local variable.
    let error = unsafe { policy::get(&raw mut policy, size_of::<hazptr_reclaim_policy>()) };
    assert_eq!(error, 0);
    policy
}

fn set_policy(policy: &hazptr_reclaim_policy) {
    // SAFETY: a local variable.
    let error = unsafe { policy::set(policy, size_of::<hazptr_reclaim_policy>()) };
    assert_eq!(error, 0);
}

fn no_worker() {
    set_policy(&hazptr_reclaim_policy { flags: HAZPTR_RECLAIM_NO_WORKER, ..policy_now() });
    for number in 0..2 {
        // SAFETY: nobody else is here.
        unsafe { *cohort(number) = EMPTY };
    }
}

fn retired_beside_a_reader(mode: Mode, lines: u32) {
    Model::new(mode).lines(lines).check(|| {
        no_worker();
        let reader = machine::spawn(1, || read(1));
        let writer = machine::spawn(2, || {
            POINTER.store(ptr::null_mut(), Ordering::Release);
            retire(0, ptr::null_mut());
            reclaim::here();
        });
        join([reader, writer]);
        reclaim::here();
        assert!(OBJECTS[0].is_freed());
    });
}

#[test]
fn what_is_retired_is_not_freed_under_a_reader() {
    MODES.into_iter().for_each(|mode| retired_beside_a_reader(mode, 1));
    MODES.into_iter().for_each(|mode| retired_beside_a_reader(mode, 0));
}

/// A held hazard is behind a light fence: the barrier of the batch is what makes it seen.
fn retired_beside_a_held_hazard(mode: Mode) {
    Model::new(mode).check(|| {
        no_worker();
        // SAFETY: static memory, this thread's until it is handed on.
        unsafe { held::hold(ctx(0)) };
        let reader = machine::spawn(1, || protect(0));
        let writer = machine::spawn(2, || {
            POINTER.store(ptr::null_mut(), Ordering::Release);
            retire(0, ptr::null_mut());
            reclaim::here();
        });
        join([reader, writer]);
        // SAFETY: the thread has ended.
        unsafe { release::release(ctx(0), core::ptr::null()) };
        reclaim::here();
        assert!(OBJECTS[0].is_freed());
    });
}

#[test]
fn what_is_retired_is_not_freed_under_a_held_hazard() {
    MODES.into_iter().for_each(retired_beside_a_held_hazard);
}

/// Two barriers at once: the second one's phase is not the first one's.
#[test]
fn each_of_two_barriers_waits_for_its_own() {
    Model::new(Mode::Fence).preemptions(2).check(|| {
        no_worker();
        machine::be_crowded();
        machine::be_patient();
        let waiters = [0, 1].map(|object| {
            machine::spawn(1 + object, move || {
                retire(object, ptr::null_mut());
                assert_eq!(reclaim::barrier(), 0);
                assert!(OBJECTS[object].is_freed());
            })
        });
        join(waiters);
    });
}

/// What one thread retires is taken by another.
#[test]
fn who_reclaims_sees_what_retirers_did() {
    Model::new(Mode::Fence).preemptions(1).check(|| {
        no_worker();
        machine::be_crowded();
        let retirers = [0, 1].map(|object| {
            machine::spawn(1 + object, move || {
                OBJECTS[object].look();
                retire(object, ptr::null_mut());
            })
        });
        let reclaimer = machine::spawn(3, || _ = reclaim::here());
        join(retirers);
        join([reclaimer]);
        reclaim::here();
        assert!(OBJECTS[0].is_freed() && OBJECTS[1].is_freed());
    });
}

/// A barrier waits for what was retired before, and sees what the callbacks did, whoever called them.
#[test]
fn a_barrier_waits_for_all_that_was_retired_before() {
    Model::new(Mode::Fence).check(|| {
        no_worker();
        machine::be_patient();
        retire(0, ptr::null_mut());
        let reclaimer = machine::spawn(1, || _ = reclaim::here());
        let waiter = machine::spawn(2, || {
            retire(1, ptr::null_mut());
            assert_eq!(reclaim::barrier(), 0);
            assert!(OBJECTS[0].is_freed() && OBJECTS[1].is_freed());
        });
        join([reclaimer, waiter]);
    });
}

/// The same for a cohort's: it is not waited for strangers, and theirs are left to others.
#[test]
fn a_cohorts_barrier_waits_for_its_own() {
    Model::new(Mode::Fence).check(|| {
        no_worker();
        machine::be_patient();
        retire(0, cohort(0));
        retire(1, cohort(1));
        let reclaimer = machine::spawn(1, || _ = reclaim::here());
        let waiter = machine::spawn(2, || {
            // SAFETY: static memory.
            assert_eq!(unsafe { cohort::barrier(cohort(0), HAZPTR_FOREVER) }, 0);
            assert!(OBJECTS[0].is_freed());
        });
        join([reclaimer, waiter]);
        reclaim::here();
        assert!(OBJECTS[1].is_freed());
    });
}

/// Who finds a cohort empty frees it, and what its callbacks used.
#[test]
fn whoever_finds_a_cohort_empty_sees_its_callbacks_done() {
    Model::new(Mode::Fence).check(|| {
        no_worker();
        machine::be_patient();
        retire(0, cohort(0));
        let reclaimers = [1, 2].map(|number| machine::spawn(number, || _ = reclaim::here()));
        // SAFETY: static memory.
        assert_eq!(unsafe { cohort::barrier(cohort(0), HAZPTR_FOREVER) }, 0);
        assert!(OBJECTS[0].is_freed());
        join(reclaimers);
    });
}

/// Another one's callback in the same batch lasts until the waiter has been told.
#[test]
fn a_cohorts_waiter_is_told_before_others_callbacks_are_over() {
    Model::new(Mode::Fence).check(|| {
        no_worker();
        machine::be_patient();
        // The last one is called first.
        retire_by(1, cohort(1), free_later);
        retire(0, cohort(0));
        let reclaimer = machine::spawn(1, || _ = reclaim::here());
        let waiter = machine::spawn(2, || {
            // SAFETY: static memory.
            assert_eq!(unsafe { cohort::barrier(cohort(0), HAZPTR_FOREVER) }, 0);
            assert!(OBJECTS[0].is_freed());
            POINTER.store(ptr::null_mut(), Ordering::Release);
        });
        join([reclaimer, waiter]);
        reclaim::here();
        assert!(OBJECTS[1].is_freed());
    });
}

/// What was retired before it is waited for, if another one closes the phase and a third one reclaims it.
#[test]
fn a_barrier_waits_for_what_is_being_reclaimed_beside_another_barrier() {
    Model::new(Mode::Fence).preemptions(1).check(|| {
        no_worker();
        machine::be_patient();
        let waiter = machine::spawn(1, || {
            retire_by(0, ptr::null_mut(), free_slowly);
            assert_eq!(reclaim::barrier(), 0);
            assert!(OBJECTS[0].is_freed());
        });
        let other = machine::spawn(2, || assert_eq!(reclaim::barrier(), 0));
        let reclaimer = machine::spawn(3, || _ = reclaim::here());
        join([waiter, other, reclaimer]);
    });
}

/// The barrier of who reclaims is after what it takes, whoever has retired that.
#[test]
fn what_another_retires_is_not_freed_under_a_held_hazard() {
    Model::new(Mode::Rseq).check(|| {
        no_worker();
        // SAFETY: static memory, this thread's until it is handed on.
        unsafe { held::hold(ctx(0)) };
        let reclaimer = machine::spawn(1, || _ = reclaim::here());
        let reader = machine::spawn(2, || protect(0));
        let writer = machine::spawn(3, || {
            POINTER.store(ptr::null_mut(), Ordering::Release);
            retire(0, ptr::null_mut());
        });
        join([reclaimer, reader, writer]);
        // SAFETY: the thread has ended.
        unsafe { release::release(ctx(0), core::ptr::null()) };
        reclaim::here();
        assert!(OBJECTS[0].is_freed());
    });
}

/// Two who wait for one cohort, or for all: who has heard sees what there is.
#[test]
fn waiters_for_one_batch_are_all_told() {
    Model::new(Mode::Fence).preemptions(2).check(|| {
        no_worker();
        machine::be_patient();
        retire(0, cohort(0));
        let first = machine::spawn(1, || {
            // SAFETY: static memory.
            assert_eq!(unsafe { cohort::barrier(cohort(0), HAZPTR_FOREVER) }, 0);
            assert!(OBJECTS[0].is_freed());
        });
        let second = machine::spawn(2, || {
            assert_eq!(reclaim::barrier(), 0);
            assert!(OBJECTS[0].is_freed());
        });
        join([first, second]);
    });
}

/// The worker reclaims what nobody else does, sleeps when there is nothing, and goes when it is told to.
#[test]
fn the_worker_is_never_asleep_while_something_is_pending() {
    Model::new(Mode::Fence).preemptions(2).check(|| {
        let retirers = [0, 1]
            .map(|object| machine::spawn(1 + object, move || retire(object, ptr::null_mut())));
        join(retirers);
        while !OBJECTS[0].was_freed() || !OBJECTS[1].was_freed() {
            machine::yield_now();
        }
        set_policy(&hazptr_reclaim_policy { flags: HAZPTR_RECLAIM_NO_WORKER, ..policy_now() });
    });
}

/// A worker that finds itself wanted finds how it is to run.
#[test]
fn whoever_is_wanted_finds_how() {
    Model::new(Mode::Fence).preemptions(1).check(|| {
        no_worker();
        let looks = machine::spawn(1, || {
            if lasting().policy.wants_worker() {
                assert_eq!(policy_now().nice, 7);
            }
        });
        set_policy(&hazptr_reclaim_policy { flags: 0, nice: 7, ..policy_now() });
        join([looks]);
        no_worker();
    });
}
