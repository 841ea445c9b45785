// SPDX-License-Identifier: MIT OR Apache-2.0
//! Held hazards: written by plain stores, behind a light fence while the mode is rseq.

use super::*;
use crate::held;

fn a_reader_and_a_writer(mode: Mode, lines: u32) {
    Model::new(mode).lines(lines).preemptions(2).check(|| {
        // SAFETY: static memory, this thread's until it is handed on.
        unsafe { held::hold(ctx(0)) };
        let reader = machine::spawn(1, || protect(0));
        let writer = machine::spawn(2, || replace(0, OBJECTS[1].addr()));
        join([reader, writer]);
        // SAFETY: the thread has ended.
        unsafe { release::release(ctx(0), core::ptr::null()) };
    });
}

#[test]
fn what_is_protected_is_not_freed() {
    MODES.into_iter().for_each(|mode| a_reader_and_a_writer(mode, 1));
    MODES.into_iter().for_each(|mode| a_reader_and_a_writer(mode, 0));
}

/// What is found when the pointer is loaded again is not protected before it is written, too.
fn replaced_twice(mode: Mode, preemptions: usize) {
    Model::new(mode).preemptions(preemptions).check(|| {
        // SAFETY: static memory, this thread's until it is handed on.
        unsafe { held::hold(ctx(0)) };
        let reader = machine::spawn(1, || protect(0));
        let writer = machine::spawn(2, || {
            replace(0, OBJECTS[1].addr());
            replace(1, ptr::null_mut());
        });
        join([reader, writer]);
        // SAFETY: the thread has ended.
        unsafe { release::release(ctx(0), core::ptr::null()) };
    });
}

#[test]
fn what_replaces_it_is_not_freed_either() {
    replaced_twice(Mode::Rseq, 2);
    replaced_twice(Mode::Membarrier, 1);
    replaced_twice(Mode::Fence, 1);
}

fn held_and_tried(mode: Mode) {
    Model::new(mode).check(|| {
        let reader = machine::spawn(1, || {
            // SAFETY: static memory, this thread's.
            unsafe {
                held::hold(ctx(1));
                let mut expected = POINTER.load(Ordering::Acquire);
                if held::try_protect(ctx(1), &raw mut expected, POINTER.as_ptr())
                    && let Some(object) = expected.cast::<Object>().as_ref()
                {
                    object.look();
                }
                release::release(ctx(1), core::ptr::null());
            }
        });
        let writer = machine::spawn(2, || replace(0, OBJECTS[1].addr()));
        join([reader, writer]);
    });
}

#[test]
fn what_is_tried_and_protected_is_not_freed() {
    MODES.into_iter().for_each(held_and_tried);
}

/// What protects object 0 protects object 1 next, without letting go in between.
fn overwritten(mode: Mode) {
    Model::new(mode).preemptions(1).check(|| {
        // SAFETY: static memory, this thread's until it is handed on.
        unsafe {
            held::hold(ctx(0));
            held::protect(ctx(0), POINTER.as_ptr(), !0);
        }
        let reader = machine::spawn(1, || {
            OBJECTS[0].look();
            // SAFETY: handed on.
            unsafe { held::publish(ctx(0), OBJECTS[1].addr()) };
        });
        let writer = machine::spawn(2, || replace(0, ptr::null_mut()));
        join([reader, writer]);
        // SAFETY: the thread has ended.
        unsafe { release::release(ctx(0), core::ptr::null()) };
    });
}

#[test]
fn who_waits_for_what_is_overwritten_is_woken_and_sees_it_used() {
    MODES.into_iter().for_each(overwritten);
}

/// A protection of the program's own making: publish, light fence, load again.
fn by_hand(mode: Mode) {
    Model::new(mode).check(|| {
        // SAFETY: static memory, this thread's until it is handed on.
        unsafe { held::hold(ctx(0)) };
        let reader = machine::spawn(1, || {
            let addr = POINTER.load(Ordering::Acquire);
            // SAFETY: handed on.
            unsafe { held::publish(ctx(0), addr) };
            held::light_fence();
            if !addr.is_null() && POINTER.load(Ordering::Acquire) == addr {
                OBJECTS[0].look();
            }
            // SAFETY: as above.
            unsafe { held::reset(ctx(0)) };
        });
        let writer = machine::spawn(2, || replace(0, ptr::null_mut()));
        join([reader, writer]);
        // SAFETY: the thread has ended.
        unsafe { release::release(ctx(0), core::ptr::null()) };
    });
}

#[test]
fn what_is_published_by_hand_is_protected() {
    MODES.into_iter().for_each(by_hand);
}

/// Who stores a flag before a light fence and then looks sees what was stored before a barrier, or its flag
/// is seen behind that: the fence alone, without a hazard.
fn light_fence(mode: Mode) {
    Model::new(mode).check(|| {
        ANOTHER.store(ptr::null_mut(), Ordering::Relaxed);
        let reader = machine::spawn(1, || {
            ANOTHER.store(OBJECTS[2].addr(), Ordering::Relaxed);
            held::light_fence();
            POINTER.load(Ordering::Relaxed) == OBJECTS[0].addr()
        });
        let writer = machine::spawn(2, || {
            POINTER.store(ptr::null_mut(), Ordering::Relaxed);
            barrier::heavy(control());
            ANOTHER.load(Ordering::Relaxed).is_null()
        });
        let (old, unseen) = (reader.join().expect("no panic"), writer.join().expect("no panic"));
        assert!(!(old && unseen), "neither has seen the other");
    });
}

#[test]
fn a_light_fence_pairs_with_the_barrier() {
    MODES.into_iter().for_each(light_fence);
}

fn moved(mode: Mode, lines: u32) {
    Model::new(mode).lines(lines).preemptions(2).check(|| {
        // SAFETY: static memory, this thread's until it is handed on.
        unsafe {
            held::hold(ctx(0));
            held::protect(ctx(0), POINTER.as_ptr(), !0);
        }
        let mover = machine::spawn(1, || {
            // SAFETY: handed on.
            unsafe {
                held::hand_over(ctx(1), ctx(0));
                // Holds nothing any more.
                release::release(ctx(0), core::ptr::null());
                OBJECTS[0].look();
                release::release(ctx(1), core::ptr::null());
            }
        });
        let writer = machine::spawn(2, || replace(0, ptr::null_mut()));
        join([mover, writer]);
    });
}

#[test]
fn what_is_moved_stays_protected() {
    MODES.into_iter().for_each(|mode| moved(mode, 1));
    MODES.into_iter().for_each(|mode| moved(mode, 0));
}

/// The writer relies on the barrier of another: what that has made seen is passed on with it.
fn beside_another_writer(others: [usize; 2]) {
    Model::new(Mode::Rseq).preemptions(1).check(move || {
        // SAFETY: static memory, this thread's until it is handed on.
        unsafe { held::hold(ctx(0)) };
        let reader = machine::spawn(1, || protect(0));
        let writers = others.map(|number| {
            machine::spawn(number, move || match number {
                2 => replace(0, ptr::null_mut()),
                _ => barrier::heavy(control()),
            })
        });
        join([reader]);
        join(writers);
        // SAFETY: the thread has ended.
        unsafe { release::release(ctx(0), core::ptr::null()) };
    });
}

#[test]
fn what_is_protected_is_not_freed_behind_a_barrier_that_is_shared() {
    beside_another_writer([2, 3]);
    beside_another_writer([3, 2]);
}
