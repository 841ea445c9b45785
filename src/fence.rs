// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fences, and which pairs with which.
//!
//! Every argument of the engine is of one form: two parties each store to one place and then load
//! from the other's ("store buffering"), and at least one of them must see the other's store. That
//! holds if each has a full fence between its store and its load, or if one has nothing but a
//! compiler barrier (*light*) and the other makes the kernel fence for both (*heavy*).
//!
//! | reader's side (store, then load)        | waiter's side (store, then load)        | mode |
//! |-----------------------------------------|-----------------------------------------|------|
//! | restartable sequence: load, then commit | `barrier::heavy` = membarrier RSEQ      | rseq |
//! | portable acquire: `full`                | `full` (part of `barrier::heavy`)       | all  |
//! | backup acquire: `full`                  | `full` (part of `barrier::heavy`)       | all  |
//! | held hazard: `light`                    | `barrier::heavy` = membarrier RSEQ      | rseq |
//! | held hazard: `full`                     | `full` (part of `barrier::heavy`)       | all  |
//! | release: `light`, then the control word | `barrier::before_sleep` = membarrier    | rseq, membarrier |
//! | release: `full`, then the control word  | `full` (part of `barrier::before_sleep`)| fence |
//!
//! A light fence never pairs with a light one, and never with a mere `full`.

use crate::sync::{Ordering, RMW_IS_FENCE, compiler_fence, fence};

/// Orders every access before it against every access after it, for this thread alone.
#[inline(always)]
pub fn full() {
    // SeqCst: the only fence of the language that orders a store against a later load. Whom it
    // pairs with is said at each place that calls it.
    fence(Ordering::SeqCst);
}

/// As [`full`], where an atomic read-modify-write has just been done.
///
/// On x86-64 a locked instruction is a full fence for all accesses, so that the compiler is all
/// that is left to be held back.
#[inline(always)]
pub fn after_rmw() {
    if RMW_IS_FENCE {
        light();
    } else {
        full();
    }
}

/// The reader's half of an asymmetric fence: holds the compiler back, costs no instruction.
#[inline(always)]
pub fn light() {
    compiler_fence(Ordering::SeqCst);
}
