// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the libraries retire, a file for each. All with their defaults.

pub mod arc_swap;
pub mod crossbeam_epoch;
pub mod haphazard;
#[cfg(feature = "kovan")]
pub mod kovan;
pub mod seize;
