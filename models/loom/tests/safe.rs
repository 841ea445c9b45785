// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Rust interface: what is put into a cell is seen by who finds it there, or takes it out.

use super::*;
use crate::safe::Atomic;
use std::boxed::Box;
use std::sync::Arc;

/// What cells own.
struct Owner(&'static Object);

/// A cell that holds object 0, as all threads of an execution have it.
fn cell() -> Arc<Atomic<Owner>> {
    Arc::new(Atomic::new(Owner(&OBJECTS[0])))
}

fn new(object: usize) -> Box<Owner> {
    OBJECTS[object].renew();
    Box::new(Owner(&OBJECTS[object]))
}

#[test]
fn what_is_swapped_in_is_seen_and_what_is_read_stays() {
    for mode in MODES {
        Model::new(mode).check(|| {
            let (cell, others) = (cell(), cell());
            drop(others);
            let reader = machine::spawn(1, {
                let cell = cell.clone();
                move || cell.load().expect("never null").0.look()
            });
            let writer = machine::spawn(2, move || {
                cell.swap(new(1)).expect("never null").wait().0.free();
            });
            join([reader, writer]);
        });
    }
}

#[test]
fn what_is_taken_out_is_seen_as_it_was_put_in() {
    Model::new(Mode::Fence).preemptions(3).check(|| {
        let cell = cell();
        let writers = [1, 2].map(|number| {
            let cell = cell.clone();
            machine::spawn(number, move || {
                let old = cell.swap(new(number)).expect("never null");
                // The first one's may be read at once.
                old.0.look();
                old.wait().0.free();
            })
        });
        join(writers);
    });
}

#[test]
fn what_is_compared_and_swapped_is_seen_by_readers_and_takers() {
    Model::new(Mode::Fence).preemptions(3).check(|| {
        let cell = Arc::new(Atomic::<Owner>::null());
        let first = machine::spawn(1, {
            let cell = cell.clone();
            move || assert!(cell.compare_exchange(None, new(1)).is_ok())
        });
        let second = machine::spawn(2, {
            let cell = cell.clone();
            move || {
                let Some(guard) = cell.load() else { return };
                guard.0.look();
                let Ok(Some(old)) = cell.compare_exchange(Some(&guard), new(2)) else {
                    panic!("nobody else replaces it");
                };
                drop(guard);
                old.wait().0.free();
            }
        });
        join([first, second]);
    });
}

/// Without a look before: it is the exchange itself that orders.
#[test]
fn who_finds_that_it_was_null_puts_in_what_the_next_one_sees() {
    Model::new(Mode::Fence).preemptions(3).check(|| {
        let cell = Arc::new(Atomic::<Owner>::null());
        let writers = [1, 2].map(|number| {
            let cell = cell.clone();
            machine::spawn(number, move || {
                if cell.compare_exchange(None, new(number)).is_err() {
                    // The other one's.
                    cell.take().expect("never null again").wait().0.free();
                }
            })
        });
        join(writers);
    });
}
