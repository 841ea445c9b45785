// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the measured readers read; the same as ../object.h.

use std::arch::asm;

/// How many objects are there, each with a shared pointer of its own.
pub const OBJECTS: usize = 4;

/// The one that the loops read and the waiter replaces.
pub const READ: usize = 0;

/// The one that a sibling holds while the waiter replaces the other.
pub const OTHER: usize = 1;

/// On a cache line that nobody writes to.
#[repr(C, align(128))]
pub struct Object {
    pub field: i64,
}

impl Object {
    pub const fn new() -> Object {
        Object { field: 1 }
    }
}

/// A shared pointer, on a cache line of its own.
#[repr(C, align(128))]
pub struct Apart<T>(pub T);

/// Keeps the load of `value`, and its place in the loop.
#[inline(always)]
pub fn consume(value: i64) {
    // SAFETY: no instructions. Without `nomem`, no access to memory passes it either.
    unsafe { asm!("/* {0} */", in(reg) value, options(nostack, preserves_flags)) };
}
