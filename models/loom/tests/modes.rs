// SPDX-License-Identifier: MIT OR Apache-2.0
//! Initialisation, and the ways down (scenario 9).

use super::*;
use crate::held;

#[test]
fn whoever_finds_the_library_initialised_finds_all_of_it() {
    for mode in [Mode::Membarrier, Mode::Fence] {
        Model::new(mode).check_uninitialised(move || {
            let looks = [1, 2].map(|number| {
                machine::spawn(number, move || {
                    let control = init::ensure();
                    // The rest of what is written there is read by those who look at it first.
                    assert_eq!(control.generation(), 1);
                    assert_eq!(control.word.mode(), mode);
                })
            });
            join(looks);
        });
    }
}

#[test]
fn whoever_finds_entries_for_lines_finds_the_generation() {
    Model::new(Mode::Rseq).check_uninitialised(|| {
        let other = machine::spawn(1, || _ = init::ensure());
        // As a swap does that a handler's fork has carried into a child (rseq.rs).
        if control().nr_cpus.load(Ordering::Acquire) != 0 {
            assert_eq!(control().generation(), 1);
        }
        join([other]);
    });
}

/// Writers' membarrier is refused, while a reader relies on it. `beside`: what another thread does.
fn refused(mode: Mode, preemptions: usize, beside: Option<fn()>) {
    Model::new(mode).preemptions(preemptions).check(move || {
        // SAFETY: static memory, this thread's until it is handed on.
        unsafe { held::hold(ctx(0)) };
        machine::refuse_membarrier();
        let reader = machine::spawn(1, || protect(0));
        let writer = machine::spawn(2, || replace(0, ptr::null_mut()));
        let beside = beside.map(|act| machine::spawn(3, act));
        join([reader, writer]);
        beside.into_iter().for_each(|beside| join([beside]));
        // SAFETY: the thread has ended.
        unsafe { release::release(ctx(0), core::ptr::null()) };
    });
}

#[test]
fn nothing_is_freed_under_a_reader_while_membarrier_is_withdrawn() {
    refused(Mode::Rseq, 2, None);
    refused(Mode::Membarrier, 2, None);
}

/// The other one changes the mode: the writer finds it in the middle of that.
#[test]
fn nothing_is_freed_by_one_writer_while_another_changes_the_mode() {
    refused(Mode::Rseq, 1, Some(|| init::leave_rseq(control())));
}

/// The mode that one of them has chosen is not left by the other.
#[test]
fn whoever_finds_membarrier_refused_leaves_the_mode_for_good() {
    Model::new(Mode::Rseq).check(|| {
        machine::refuse_membarrier();
        let writers = [1, 2].map(|number| {
            machine::spawn(number, || {
                init::leave_rseq(control());
                assert_eq!(control().word.mode(), Mode::Fence);
            })
        });
        join(writers);
    });
}

/// The sweep is one writer's, the second one finds membarrier refused and has no more to do, and the third
/// relies on the second one's barrier.
#[test]
fn nothing_is_freed_by_one_writer_who_relies_on_another_who_relies_on_a_third() {
    Model::new(Mode::Rseq).preemptions(1).check(|| {
        // SAFETY: static memory, this thread's until it is handed on.
        unsafe { held::hold(ctx(0)) };
        machine::refuse_membarrier();
        let reader = machine::spawn(1, || protect(0));
        let writer = machine::spawn(2, || replace(0, ptr::null_mut()));
        let other = machine::spawn(3, || barrier::heavy(control()));
        init::leave_rseq(control());
        join([reader, writer, other]);
        // SAFETY: the thread has ended.
        unsafe { release::release(ctx(0), core::ptr::null()) };
    });
}
