// SPDX-License-Identifier: MIT OR Apache-2.0
//! crossbeam-epoch. Made each time: `pin()`, which finds the thread's participant; kept: the
//! `LocalHandle` of a collector.

use std::array;
use std::sync::atomic::Ordering;

use crossbeam_epoch::{self as epoch, Atomic, Collector, Guard, LocalHandle};

use crate::object::{Apart, OBJECTS, OTHER, Object, READ, consume};
use crate::reclaimed;
use crate::subject::{About, Subject};

pub struct CrossbeamEpoch {
    shared: [Apart<Atomic<Object>>; OBJECTS],
    /// The waiter's: what will be published next.
    spare: Atomic<Object>,
    collector: Collector,
}

impl CrossbeamEpoch {
    #[inline(always)]
    fn read(&self, which: usize, guard: &Guard) {
        let shared = self.shared[which].0.load(Ordering::Acquire, guard);

        // SAFETY: never null, and never freed.
        consume(unsafe { shared.deref() }.field);
    }
}

impl Subject for CrossbeamEpoch {
    type Kept = LocalHandle;

    fn about() -> About {
        let mut about = About::new("crossbeam-epoch", "crossbeam-epoch", "everything");

        about.measures = vec!["read-made", "read-held", "wait", "oversubscribed"];
        about.note = "wait: defer, then pin and flush until that has run".to_string();
        about
    }

    fn new() -> CrossbeamEpoch {
        CrossbeamEpoch {
            shared: array::from_fn(|_| Apart(Atomic::new(Object::new()))),
            spare: Atomic::new(Object::new()),
            collector: Collector::new(),
        }
    }

    fn keep(&self) -> LocalHandle {
        self.collector.register()
    }

    #[inline(always)]
    fn read_made(&self) {
        self.read(READ, &epoch::pin());
    }

    #[inline(always)]
    fn read_held(&self, handle: &mut LocalHandle) {
        self.read(READ, &handle.pin());
    }

    fn hold(&self, during: impl FnOnce()) {
        let guard = epoch::pin();

        self.read(OTHER, &guard);
        during();
    }

    #[inline(always)]
    fn hold_all(&self, during: impl FnOnce()) {
        let guard = epoch::pin();

        for which in 0..OBJECTS {
            self.read(which, &guard);
        }
        during();
    }

    fn replace(&self) {
        let retire = || {
            let guard = epoch::pin();
            let new = self.spare.load(Ordering::Relaxed, &guard);
            let old = self.shared[READ].0.swap(new, Ordering::AcqRel, &guard);

            self.spare.store(old, Ordering::Relaxed);
            guard.defer(reclaimed::count);
            guard.flush();
        };

        reclaimed::retire_and_wait(retire, || epoch::pin().flush());
    }
}
