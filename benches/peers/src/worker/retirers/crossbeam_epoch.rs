// SPDX-License-Identifier: MIT OR Apache-2.0
//! crossbeam-epoch: `swap` and `defer_destroy` in a pinned section of the global collector.

use std::array;
use std::sync::atomic::Ordering;

use crossbeam_epoch::{self as epoch, Atomic, Guard, Owned};

use crate::object::Apart;
use crate::retire::{PLACES, REPLACED, Retires};
use crate::retired::Plain;

pub struct CrossbeamEpoch([Apart<Atomic<Plain>>; PLACES]);

impl CrossbeamEpoch {
    #[inline(always)]
    fn load(&self, place: usize, guard: &Guard) {
        // SAFETY: never null, and destroyed by way of the library only.
        unsafe { self.0[place].0.load(Ordering::Acquire, guard).deref() }.read();
    }
}

impl Retires for CrossbeamEpoch {
    const NOTE: &'static str = "pin, swap, defer_destroy";

    fn new() -> CrossbeamEpoch {
        CrossbeamEpoch(array::from_fn(|_| Apart(Atomic::new(Plain::new()))))
    }

    #[inline(always)]
    fn retire_one(&self) {
        let guard = epoch::pin();
        let old = self.0[REPLACED].0.swap(Owned::new(Plain::new()), Ordering::AcqRel, &guard);

        // SAFETY: unpublished, and retired once.
        unsafe { guard.defer_destroy(old) };
    }

    #[inline(always)]
    fn read(&self, place: usize) {
        self.load(place, &epoch::pin());
    }

    fn hold(&self, during: impl FnOnce()) {
        let guard = epoch::pin();

        self.load(REPLACED, &guard);
        during();
    }
}
