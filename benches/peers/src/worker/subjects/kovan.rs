// SPDX-License-Identifier: MIT OR Apache-2.0
//! kovan. A guard that is kept keeps its protection, so there is nothing else to keep. It reclaims in
//! batches that have an object for each active reader at least, so that there is no wait for one.

use std::array;
use std::sync::atomic::Ordering;

use kovan::{Atomic, Guard, RetiredNode, pin};

use crate::object::{Apart, OBJECTS, OTHER, Object, READ, consume};
use crate::subject::{About, Subject};

#[repr(C)]
struct Node {
    retired: RetiredNode,
    object: Object,
}

fn node() -> *mut Node {
    Box::into_raw(Box::new(Node { retired: RetiredNode::new(), object: Object::new() }))
}

pub struct Kovan {
    shared: [Apart<Atomic<Node>>; OBJECTS],
}

impl Kovan {
    #[inline(always)]
    fn read(&self, which: usize, guard: &Guard) {
        let node = self.shared[which].0.load(Ordering::Acquire, guard);

        // SAFETY: never null, and never retired.
        consume(unsafe { node.deref() }.object.field);
    }
}

impl Subject for Kovan {
    type Kept = ();

    fn about() -> About {
        let mut about = About::new("kovan", "kovan", "everything");

        about.measures = vec!["read-made", "oversubscribed"];
        about.note = "no wait: a single object is not reclaimed beside active readers".to_string();
        about
    }

    fn new() -> Kovan {
        Kovan { shared: array::from_fn(|_| Apart(Atomic::new(node()))) }
    }

    fn keep(&self) {}

    #[inline(always)]
    fn read_made(&self) {
        self.read(READ, &pin());
    }

    fn hold(&self, during: impl FnOnce()) {
        let guard = pin();

        self.read(OTHER, &guard);
        during();
    }

    #[inline(always)]
    fn hold_all(&self, during: impl FnOnce()) {
        let guard = pin();

        for which in 0..OBJECTS {
            self.read(which, &guard);
        }
        during();
    }
}
