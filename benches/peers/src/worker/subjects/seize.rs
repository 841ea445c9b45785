// SPDX-License-Identifier: MIT OR Apache-2.0
//! seize. A guard that is kept keeps its protection, so there is nothing else to keep. Its readers
//! are free of fences, as its default feature `fast-barrier` has it.

use std::array;
use std::sync::atomic::{AtomicPtr, Ordering};

use seize::{Collector, Guard};

use crate::object::{Apart, OBJECTS, OTHER, Object, READ, consume};
use crate::reclaimed;
use crate::subject::{About, Subject};

pub struct Seize {
    shared: [Apart<AtomicPtr<Object>>; OBJECTS],
    /// The waiter's: what will be published next.
    spare: AtomicPtr<Object>,
    collector: Collector,
}

impl Seize {
    #[inline(always)]
    fn read(&self, which: usize, guard: &impl Guard) {
        let object = guard.protect(&self.shared[which].0, Ordering::Acquire);

        // SAFETY: never null, and reclaimed by way of the collector only.
        consume(unsafe { (*object).field });
    }
}

/// The object is published again.
unsafe fn reclaim(_: *mut Object, _: &Collector) {
    reclaimed::count();
}

fn object() -> AtomicPtr<Object> {
    AtomicPtr::new(Box::into_raw(Box::new(Object::new())))
}

impl Subject for Seize {
    type Kept = ();

    fn about() -> About {
        let mut about = About::new("seize", "seize", "everything");

        about.note =
            "wait: retire in a batch of one, then flush until it was reclaimed".to_string();
        about
    }

    fn new() -> Seize {
        Seize {
            shared: array::from_fn(|_| Apart(object())),
            spare: object(),
            collector: Collector::new().batch_size(1),
        }
    }

    fn keep(&self) {}

    #[inline(always)]
    fn read_made(&self) {
        self.read(READ, &self.collector.enter());
    }

    fn hold(&self, during: impl FnOnce()) {
        let guard = self.collector.enter();

        self.read(OTHER, &guard);
        during();
    }

    #[inline(always)]
    fn hold_all(&self, during: impl FnOnce()) {
        let guard = self.collector.enter();

        for which in 0..OBJECTS {
            self.read(which, &guard);
        }
        during();
    }

    fn replace(&self) {
        let new = self.spare.load(Ordering::Relaxed);
        let old = self.shared[READ].0.swap(new, Ordering::AcqRel);

        reclaimed::retire_and_wait(
            // SAFETY: unpublished, and retired once until it is published again.
            || unsafe { self.collector.retire(old, reclaim) },
            || self.collector.enter().flush(),
        );
        self.spare.store(old, Ordering::Relaxed);
    }
}
