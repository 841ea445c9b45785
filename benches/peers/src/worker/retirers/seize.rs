// SPDX-License-Identifier: MIT OR Apache-2.0
//! seize: an exchange and `retire`, which needs no guard, with batches of the default size.

use std::array;
use std::sync::atomic::{AtomicPtr, Ordering};

use seize::{Collector, Guard, reclaim};

use crate::object::Apart;
use crate::retire::{PLACES, REPLACED, Retires};
use crate::retired::Plain;

pub struct Seize {
    places: [Apart<AtomicPtr<Plain>>; PLACES],
    collector: Collector,
}

fn object() -> *mut Plain {
    Box::into_raw(Box::new(Plain::new()))
}

impl Seize {
    #[inline(always)]
    fn load(&self, place: usize, guard: &impl Guard) {
        // SAFETY: never null, and reclaimed by way of the collector only.
        unsafe { (*guard.protect(&self.places[place].0, Ordering::Acquire)).read() };
    }
}

impl Retires for Seize {
    const NOTE: &'static str = "swap, then Collector::retire";

    fn new() -> Seize {
        Seize {
            places: array::from_fn(|_| Apart(AtomicPtr::new(object()))),
            collector: Collector::new(),
        }
    }

    #[inline(always)]
    fn retire_one(&self) {
        let old = self.places[REPLACED].0.swap(object(), Ordering::AcqRel);

        // SAFETY: from a box, unpublished, and retired once.
        unsafe { self.collector.retire(old, reclaim::boxed) };
    }

    #[inline(always)]
    fn read(&self, place: usize) {
        self.load(place, &self.collector.enter());
    }

    fn hold(&self, during: impl FnOnce()) {
        let guard = self.collector.enter();

        self.load(REPLACED, &guard);
        during();
    }
}
