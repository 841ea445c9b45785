// SPDX-License-Identifier: MIT OR Apache-2.0
//! kovan: `swap` in a pinned section, and `retire`. Its part of an object comes first.

use std::array;
use std::sync::atomic::Ordering;

use kovan::{Atomic, Guard, RetiredNode, Shared, pin, retire};

use crate::object::Apart;
use crate::retire::{PLACES, REPLACED, Retires};
use crate::retired::{BYTES, Counted, room};

#[repr(C)]
struct Node {
    retired: RetiredNode,
    object: Counted<{ room(size_of::<RetiredNode>()) }>,
}

const _: () = assert!(size_of::<Node>() == BYTES);

#[inline(always)]
fn node() -> *mut Node {
    Box::into_raw(Box::new(Node { retired: RetiredNode::new(), object: Counted::new() }))
}

pub struct Kovan([Apart<Atomic<Node>>; PLACES]);

impl Kovan {
    #[inline(always)]
    fn load(&self, place: usize, guard: &Guard) {
        // SAFETY: never null, and retired by way of the library only.
        unsafe { self.0[place].0.load(Ordering::Acquire, guard).deref() }.object.read();
    }
}

impl Retires for Kovan {
    const NOTE: &'static str = "pin, swap, retire";

    fn new() -> Kovan {
        Kovan(array::from_fn(|_| Apart(Atomic::new(node()))))
    }

    #[inline(always)]
    fn retire_one(&self) {
        let guard = pin();

        // SAFETY: from a box; what it replaces is retired once.
        unsafe {
            let next = Shared::from_raw(node());
            let old = self.0[REPLACED].0.swap(next, Ordering::AcqRel, &guard);

            retire(old.as_raw());
        }
    }

    #[inline(always)]
    fn read(&self, place: usize) {
        self.load(place, &pin());
    }

    fn hold(&self, during: impl FnOnce()) {
        let guard = pin();

        self.load(REPLACED, &guard);
        during();
    }
}
