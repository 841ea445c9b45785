// SPDX-License-Identifier: MIT OR Apache-2.0
//! The subjects, a file for each library.

pub mod arc_swap;
pub mod crossbeam_epoch;
pub mod haphazard;
#[cfg(feature = "kovan")]
pub mod kovan;
pub mod none;
pub mod seize;
pub mod std_locks;
