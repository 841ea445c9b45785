// SPDX-License-Identifier: MIT OR Apache-2.0
//! The atomic types of the engine, in one place, so that a model checker can supply its own.

pub use core::sync::atomic::{
    AtomicI64, AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};
