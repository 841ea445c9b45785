// SPDX-License-Identifier: MIT OR Apache-2.0
//! No object is freed while somebody reads it, however hazards are taken and given back; and who waits for
//! one is woken: a sleeper that is forgotten is a deadlock.

use super::*;

fn a_reader_and_a_writer(mode: Mode, lines: u32) {
    Model::new(mode).lines(lines).preemptions(3).check(|| {
        let reader = machine::spawn(1, || read(1));
        let writer = machine::spawn(2, || replace(0, OBJECTS[1].addr()));
        join([reader]);
        join([writer]);
    });
}

#[test]
fn through_a_line() {
    MODES.into_iter().for_each(|mode| a_reader_and_a_writer(mode, 1));
}

#[test]
fn through_a_backup_slot() {
    MODES.into_iter().for_each(|mode| a_reader_and_a_writer(mode, 0));
}

/// The first reader's slot is the second one's before the writer looks: what the first has done must be
/// seen in what the second has written there, also if that is overwritten at once.
fn one_slot_after_another(mode: Mode) {
    Model::new(mode).preemptions(1).check(|| {
        let early = machine::spawn(1, || {
            read(1);
        });
        let late = machine::spawn(2, || {
            read_from(2, &ANOTHER);
        });
        let writer = machine::spawn(3, || {
            ANOTHER.store(OBJECTS[2].addr(), Ordering::Release);
            replace(0, ptr::null_mut());
        });
        join([early, late, writer]);
    });
}

#[test]
fn through_a_slot_that_another_reader_takes_next() {
    MODES.into_iter().for_each(one_slot_after_another);
}

fn two_writers(mode: Mode, lines: u32) {
    Model::new(mode).preemptions(1).lines(lines).check(|| {
        let reader = machine::spawn(1, || {
            read(1);
            read_from(1, &ANOTHER);
        });
        let writers = [
            machine::spawn(2, || replace(0, ptr::null_mut())),
            machine::spawn(3, || {
                ANOTHER.store(ptr::null_mut(), Ordering::Release);
                synchronize::synchronize(OBJECTS[1].addr());
                OBJECTS[1].free();
            }),
        ];
        join([reader]);
        join(writers);
    });
}

#[test]
fn from_two_writers() {
    MODES.into_iter().for_each(|mode| two_writers(mode, 1));
    MODES.into_iter().for_each(|mode| two_writers(mode, 0));
}

/// The waiter waits for a hazard that another thread releases than has taken it.
fn released_elsewhere(mode: Mode, lines: u32) {
    Model::new(mode).lines(lines).check(|| {
        // SAFETY: static memory, this thread's until it is handed on.
        let addr = unsafe { acquire::acquire(ctx(0), POINTER.as_ptr()) };
        assert_eq!(addr, OBJECTS[0].addr());
        let releaser = machine::spawn(1, || {
            OBJECTS[0].look();
            // SAFETY: handed on.
            unsafe { release::release(ctx(0), core::ptr::null()) };
        });
        let writer = machine::spawn(2, || replace(0, ptr::null_mut()));
        join([releaser, writer]);
    });
}

#[test]
fn by_a_hazard_that_another_thread_releases() {
    MODES.into_iter().for_each(|mode| released_elsewhere(mode, 1));
    MODES.into_iter().for_each(|mode| released_elsewhere(mode, 0));
}

/// Two waiters for one slot, and two slots that are released.
fn sleepers(mode: Mode, lines: u32) {
    Model::new(mode).preemptions(1).lines(lines).check(|| {
        for (number, pointer) in [(0, &POINTER), (1, &ANOTHER)] {
            // SAFETY: static memory, this thread's until it is handed on.
            unsafe { acquire::acquire(ctx(number), pointer.as_ptr()) };
        }
        let waiters = [0, 1].map(|object| {
            machine::spawn(1 + object, move || {
                synchronize::synchronize(OBJECTS[object].addr());
                OBJECTS[object].free();
            })
        });
        let releaser = machine::spawn(3, || {
            for (number, object) in OBJECTS[..2].iter().enumerate() {
                object.look();
                // SAFETY: handed on.
                unsafe { release::release(ctx(number), core::ptr::null()) };
            }
        });
        join([releaser]);
        join(waiters);
    });
}

#[test]
fn whoever_sleeps_is_woken() {
    sleepers(Mode::Membarrier, 1);
    sleepers(Mode::Fence, 1);
    MODES.into_iter().for_each(|mode| sleepers(mode, 0));
}

/// Two contexts hold one object, and are released one after the other.
fn held_twice(mode: Mode, lines: u32) {
    Model::new(mode).preemptions(1).lines(lines).check(|| {
        for number in [0, 1] {
            // SAFETY: static memory, this thread's until it is handed on.
            unsafe { acquire::acquire(ctx(number), POINTER.as_ptr()) };
        }
        let releaser = machine::spawn(1, || {
            for number in [0, 1] {
                OBJECTS[0].look();
                // SAFETY: handed on.
                unsafe { release::release(ctx(number), core::ptr::null()) };
            }
        });
        let writer = machine::spawn(2, || replace(0, ptr::null_mut()));
        join([releaser, writer]);
    });
}

#[test]
fn by_each_of_two_hazards() {
    MODES.into_iter().for_each(|mode| held_twice(mode, 1));
    MODES.into_iter().for_each(|mode| held_twice(mode, 0));
}

/// What is released a second time may be another one's slot by now.
#[test]
fn from_whoever_releases_twice() {
    Model::new(Mode::Fence).check(|| {
        let clumsy = machine::spawn(1, || {
            read_from(1, &ANOTHER);
            // SAFETY: this thread's; it holds nothing.
            unsafe { release::release(ctx(1), core::ptr::null()) };
        });
        let reader = machine::spawn(2, || read(2));
        let writer = machine::spawn(3, || replace(0, ptr::null_mut()));
        join([clumsy, reader, writer]);
    });
}

/// Who waits for another's barrier is woken when that is over: it has no need of the end of its nap.
#[test]
fn by_a_barrier_that_is_shared() {
    Model::new(Mode::Rseq).preemptions(1).check(|| {
        machine::be_patient();
        let writers = [1, 2].map(|number| machine::spawn(number, || barrier::heavy(control())));
        join(writers);
    });
}

/// No address is waited for, but what the caller did before comes before what it does next.
#[test]
fn waiting_for_nothing_is_a_fence() {
    Model::new(Mode::Fence).check(|| {
        let sides = [(1, &POINTER, &ANOTHER), (2, &ANOTHER, &POINTER)];
        let [one, other] = sides.map(|(number, mine, yours)| {
            machine::spawn(number, move || {
                mine.store(ptr::null_mut(), Ordering::Relaxed);
                synchronize::synchronize(ptr::null());
                yours.load(Ordering::Relaxed).is_null()
            })
        });
        let (one, other) = (one.join().expect("no panic"), other.join().expect("no panic"));
        assert!(one || other, "neither has seen the other");
    });
}
