// SPDX-License-Identifier: MIT OR Apache-2.0
//! haphazard: `swap` and `retire` in the global domain. A hazard pointer is made for each read.

use std::array;

use haphazard::{AtomicPtr, HazardPointer};

use crate::object::Apart;
use crate::retire::{PLACES, REPLACED, Retires};
use crate::retired::Plain;

pub struct Haphazard([Apart<AtomicPtr<Plain>>; PLACES]);

impl Retires for Haphazard {
    const NOTE: &'static str = "swap, then retire";

    fn new() -> Haphazard {
        Haphazard(array::from_fn(|_| Apart(AtomicPtr::from(Box::new(Plain::new())))))
    }

    #[inline(always)]
    fn retire_one(&self) {
        let old = self.0[REPLACED].0.swap(Box::new(Plain::new())).expect("never null");

        // SAFETY: unpublished, and retired once.
        unsafe { old.retire() };
    }

    #[inline(always)]
    fn read(&self, place: usize) {
        let mut hazard = HazardPointer::new();

        self.0[place].0.safe_load(&mut hazard).expect("never null").read();
    }

    fn hold(&self, during: impl FnOnce()) {
        let mut hazard = HazardPointer::new();

        self.0[REPLACED].0.safe_load(&mut hazard).expect("never null").read();
        during();
    }
}
