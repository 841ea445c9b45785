// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plain loads: the floor of the loops in this language.

use std::array;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::object::{Apart, OBJECTS, Object, READ, consume};
use crate::subject::{About, Subject};

pub struct None {
    shared: [Apart<AtomicPtr<Object>>; OBJECTS],
}

impl None {
    #[inline(always)]
    fn load(&self, which: usize) {
        // SAFETY: nobody replaces these objects.
        consume(unsafe { (*self.shared[which].0.load(Ordering::Acquire)).field });
    }
}

impl Subject for None {
    type Kept = ();

    fn about() -> About {
        let mut about = About::new("none-rust", "none", "everything");

        about.measures = vec!["read-made", "oversubscribed"];
        about.note = "the floor: plain loads".to_string();
        about
    }

    fn new() -> None {
        let new = |_| Apart(AtomicPtr::new(Box::into_raw(Box::new(Object::new()))));

        None { shared: array::from_fn(new) }
    }

    fn keep(&self) {}

    #[inline(always)]
    fn read_made(&self) {
        self.load(READ);
    }

    fn hold(&self, during: impl FnOnce()) {
        during();
    }

    #[inline(always)]
    fn hold_all(&self, during: impl FnOnce()) {
        for which in 0..OBJECTS {
            self.load(which);
        }
        during();
    }
}
