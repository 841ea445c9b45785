// SPDX-License-Identifier: MIT OR Apache-2.0
//! A barrier without membarrier, for the one time when it is withdrawn from a running process: the
//! caller visits every CPU, so that whichever thread runs there is switched out once. A switch ends
//! any restartable sequence, committed or not, and fences.

use crate::control::TABLE;
use crate::sys::{self, CpuMask};
use core::ffi::c_int;

/// How often the set of CPUs may change under us.
const TRIES: u32 = 16;

/// Returns once every thread of this process that was running when this was called has been
/// switched out or has gone, or the error if that cannot be had.
pub fn every_cpu() -> Result<(), c_int> {
    let mut own = [0; TABLE / 64];
    sys::affinity(0, &mut own)?;
    let mut outcome = Err(libc::EINVAL);
    for _ in 0..TRIES {
        // A CPU that goes offline, or out of our cpuset, between the look and the visit makes
        // EINVAL; its threads have been moved, so look again.
        outcome = visit_all();
        if outcome != Err(libc::EINVAL) {
            break;
        }
    }
    let _ = sys::set_affinity(&own);
    outcome
}

fn visit_all() -> Result<(), c_int> {
    let mut wanted = [0; TABLE / 64];
    // The kernel leaves out CPUs that are offline. A thread whose mask changes after we have read
    // it is moved off its CPU, which is a switch too; a thread born after is no concern of ours.
    sys::for_each_thread(|tid| {
        let mut mask = [0; TABLE / 64];
        if sys::affinity(tid, &mut mask).is_ok() {
            for (all, one) in wanted.iter_mut().zip(mask) {
                *all |= one;
            }
        }
    })?;
    for cpu in (0..TABLE).filter(|cpu| wanted[cpu / 64] >> (cpu % 64) & 1 != 0) {
        let mut only: CpuMask = [0; TABLE / 64];
        only[cpu / 64] = 1 << (cpu % 64);
        sys::set_affinity(&only)?;
    }
    Ok(())
}
