// SPDX-License-Identifier: MIT OR Apache-2.0
//! A barrier without membarrier, for the one time when it is withdrawn from a running process: the
//! caller visits every CPU, so that whichever thread runs there is switched out once. A switch ends
//! any restartable sequence, committed or not, and fences.

use crate::control::CPUS;
use crate::sync;
use crate::sys::{self, CpuMask};
use core::ffi::c_int;

/// How often the set of CPUs may change under us.
const TRIES: u32 = 16;

/// Returns once every thread of this process that was running when this was called has been
/// switched out or has gone, or the error if that cannot be had.
pub fn every_cpu() -> Result<(), c_int> {
    let mut own = [0; CPUS / 64];
    sys::affinity(0, &mut own)?;
    let mut outcome = Err(libc::EINVAL);
    for _ in 0..TRIES {
        // A CPU that goes offline, or out of our cpuset, between the look and the visit makes
        // EINVAL; its threads have been moved, so look again.
        outcome = every_cpu_in_use().and_then(|cpus| visit(&cpus));
        if outcome != Err(libc::EINVAL) {
            break;
        }
    }
    let _ = sys::set_affinity(0, &own);
    outcome
}

/// The CPUs that a thread of this process may be on now. One whose mask changes after we have read
/// it is moved off its CPU, which is a switch too; one born after is no concern of ours.
fn every_cpu_in_use() -> Result<CpuMask, c_int> {
    let mut cpus = [0; CPUS / 64];
    let mut add = |tid| -> Result<(), c_int> {
        let mut mask = [0; CPUS / 64];
        sys::affinity(tid, &mut mask)?;
        for (all, one) in cpus.iter_mut().zip(mask) {
            *all |= one;
        }
        Ok(())
    };
    let listed_at_once = sys::for_each_thread(|tid| _ = add(tid));
    if listed_at_once != Ok(true) {
        // No list to be had (no /proc, no free descriptor), or one in pieces, which leaves out a
        // thread if others end in between. So ask for all CPUs: what remains of them is our
        // cpuset, which the threads share but for those in control groups of their own.
        sys::set_affinity(0, &[!0; CPUS / 64])?;
        add(0)?;
    }
    Ok(cpus)
}

fn visit(cpus: &CpuMask) -> Result<(), c_int> {
    for cpu in (0..CPUS).filter(|cpu| cpus[cpu / 64] >> (cpu % 64) & 1 != 0) {
        let mut only: CpuMask = [0; CPUS / 64];
        only[cpu / 64] = 1 << (cpu % 64);
        sys::set_affinity(0, &only)?;
        // A sandbox may have pretended. (Or the CPU went offline since: look again.)
        if sync::current_cpu() != cpu {
            return Err(libc::EINVAL);
        }
    }
    Ok(())
}
