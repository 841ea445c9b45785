// SPDX-License-Identifier: MIT OR Apache-2.0
//! arc-swap: an `Arc` is dropped; whoever has the last one frees the object.

use std::array;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::object::Apart;
use crate::retire::{PLACES, REPLACED, Retires};
use crate::retired::{Counted, room};

/// An Arc has two counts before it.
type Object = Counted<{ room(16) }>;

pub struct ArcSwapped([Apart<ArcSwap<Object>>; PLACES]);

impl Retires for ArcSwapped {
    const NOTE: &'static str = "swap, then drop the old Arc";

    fn new() -> ArcSwapped {
        ArcSwapped(array::from_fn(|_| Apart(ArcSwap::from_pointee(Object::new()))))
    }

    #[inline(always)]
    fn retire_one(&self) {
        drop(self.0[REPLACED].0.swap(Arc::new(Object::new())));
    }

    #[inline(always)]
    fn read(&self, place: usize) {
        self.0[place].0.load().read();
    }

    fn hold(&self, during: impl FnOnce()) {
        let guard = self.0[REPLACED].0.load();

        guard.read();
        during();
    }
}
