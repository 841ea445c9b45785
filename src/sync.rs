// SPDX-License-Identifier: MIT OR Apache-2.0
//! The seam between the engine and the machine: all by which one thread can tell that there are others
//! goes through here. In a build for loom, which alone sets `cfg(loom)`, and only here, models/loom
//! supplies all of it instead, and runs the engine as it stands in every interleaving.

#[cfg(not(loom))]
mod machine {
    pub use crate::sys::{call_kernel as system_call, current_cpu};
    pub use crate::thread::{create as create_thread, me};
    pub use crate::wide::Wide;
    pub use core::cell::UnsafeCell;
    pub use core::sync::atomic::{
        AtomicI64, AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        compiler_fence, fence,
    };
    pub use crossbeam_utils::Backoff;

    /// Whether a read-modify-write is a full fence for all accesses, whatever its ordering says.
    pub const RMW_IS_FENCE: bool = cfg!(target_arch = "x86_64");
}

#[cfg(loom)]
#[path = "../models/loom/machine.rs"]
mod machine;

#[cfg(all(loom, test))]
#[path = "../models/loom/tests/mod.rs"]
mod tests;

pub use machine::*;

/// What a model checker is not to be kept busy by: counts that order nothing; and debug mode, which is off
/// there.
pub mod unseen {
    pub use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};
}
