// SPDX-License-Identifier: MIT OR Apache-2.0
//! The registry, and the states of its lines.

use super::*;
use crate::line::{CURRENT, SHARED};

/// What a line's owner does with it, and nobody else may: the stores of sequences, which are no atomic
/// operations.
struct Owned([UnsafeCell<u32>; 8]);

// SAFETY: that no two threads are there at once is what is looked into.
unsafe impl Sync for Owned {}

static OWNED: Owned = Owned([const { UnsafeCell::new(0) }; 8]);

fn use_alone(line: &'static Line) {
    let lines = control().registry.lines(control().registry.mark());
    let index = lines.take_while(|other| !ptr::eq(*other, line)).count();
    // SAFETY: see above.
    unsafe { *OWNED.0[index].get() += 1 };
}

fn take_and_park(times: usize) {
    for _ in 0..times {
        let line = control().registry.take(CURRENT).expect("room");
        use_alone(line);
        line.park();
    }
}

#[test]
fn a_line_has_one_owner_and_sees_what_the_last_one_did() {
    Model::new(Mode::Rseq).lines(8).check(|| {
        let takers = [1, 2].map(|number| machine::spawn(number, || take_and_park(2)));
        join(takers);
    });
}

#[test]
fn of_three_takers_each_has_another_line() {
    Model::new(Mode::Rseq).lines(8).preemptions(1).check(|| {
        let takers = [1, 2, 3].map(|number| {
            machine::spawn(number, || use_alone(control().registry.take(CURRENT).expect("room")))
        });
        join(takers);
        assert_eq!(control().registry.mark(), 3);
    });
}

/// The third line and the fourth are in memory that is mapped for them: who takes one, or scans, finds them
/// in place, also if another one has mapped it.
#[test]
fn who_reads_the_mark_finds_the_lines_below() {
    Model::new(Mode::Rseq).lines(8).preemptions(2).check(|| {
        // No more have room in the first chunk.
        while control().registry.mark() < 2 {
            control().registry.take(CURRENT).expect("room");
        }
        let takers = [1, 2].map(|number| {
            machine::spawn(number, || {
                control().registry.take(CURRENT).expect("room");
            })
        });
        let scan = machine::spawn(3, || {
            let mark = control().registry.mark();
            for line in control().registry.lines(mark) {
                assert!(line.slots[0].held().is_null());
            }
        });
        join(takers);
        join([scan]);
        assert_eq!(control().registry.mark(), 4);
    });
}

/// Lines that are taken for the portable path while somebody acquires through it, and somebody scans.
#[test]
fn what_is_acquired_in_a_new_line_is_not_freed() {
    for mode in MODES {
        Model::new(mode).lines(3).check(|| {
            // All slots of the first line are taken.
            while control().registry.mark() < 2 {
                control().registry.take(CURRENT).expect("room");
            }
            let reader = machine::spawn(1, || read(1));
            let writer = machine::spawn(2, || replace(0, ptr::null_mut()));
            join([reader, writer]);
        });
    }
}

/// A line that was parked becomes one that all may use.
#[test]
fn what_is_acquired_in_a_drained_line_is_not_freed() {
    Model::new(Mode::Rseq).lines(1).preemptions(1).check(|| {
        let line = control().registry.take(CURRENT).expect("room");
        // The last hazard of its time as a CPU's line.
        line.slots[0].0.store(OBJECTS[0].addr(), Ordering::Relaxed);
        line.park();
        let last = machine::spawn(1, move || {
            OBJECTS[0].look();
            release::clear(&line.slots[0]);
        });
        let reader = machine::spawn(2, || {
            read_from(2, &ANOTHER);
        });
        let writer = machine::spawn(3, || replace(0, ptr::null_mut()));
        join([last, reader, writer]);
        assert!(line.is_shared() || !line.is_parked() || line.is_empty());
    });
}

#[test]
fn a_shared_line_is_never_taken() {
    Model::new(Mode::Rseq).lines(1).check(|| {
        control().registry.take(SHARED).expect("room");
        let taker = machine::spawn(1, || assert!(control().registry.take(CURRENT).is_none()));
        let reader = machine::spawn(2, || read(2));
        join([taker, reader]);
    });
}

/// A line that belongs to a CPU is written by plain stores, which know nothing of claims.
#[test]
fn only_shared_lines_are_claimed() {
    Model::new(Mode::Rseq).lines(1).check(|| {
        control().registry.take(CURRENT).expect("room");
        read(1);
        // SAFETY: static memory, this thread's.
        unsafe {
            acquire::acquire(ctx(0), POINTER.as_ptr());
            assert_eq!(synchronize::held_in_lines(control()), 0, "in its backup slot instead");
            release::release(ctx(0), core::ptr::null());
        }
    });
}
