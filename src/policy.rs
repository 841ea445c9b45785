// SPDX-License-Identifier: MIT OR Apache-2.0
//! When retired objects are reclaimed, and by whom: what the program has said, or what is usual. It
//! lasts: a forked child keeps it.

use crate::abi::{HAZPTR_RECLAIM_NO_WORKER, hazptr_reclaim_policy};
use crate::control::{CPUS, lasting};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::{init, sys, worker};
use core::ffi::c_int;

/// Objects that a CPU's list counts at once; see [`crate::retire`].
pub const CREDIT: u32 = if cfg!(test) { 4 } else { 32 };

/// What is usual, besides zero.
const DELAY_US: u32 = 10_000;
const BOUND: u32 = 1280;
const BOUND_FOR_EACH_CPU: u32 = 2 * CREDIT;

/// The policy in force; see [`hazptr_reclaim_policy`]. Its parts change one after the other, which
/// none of those who read one minds. Zero is what is usual, in each, so that nobody has to write that.
pub struct Policy {
    /// Zero: nothing has been said, and nobody has asked.
    bound: AtomicU32,
    /// Zero: the bound.
    batch: AtomicU32,
    /// Exclusive or DELAY_US.
    delay_us: AtomicU32,
    flags: AtomicU32,
    nice: AtomicU32,
    cpus: [AtomicU64; 16],
}

impl Policy {
    /// Nothing said.
    pub const fn new() -> Self {
        Self {
            bound: AtomicU32::new(0),
            batch: AtomicU32::new(0),
            delay_us: AtomicU32::new(0),
            flags: AtomicU32::new(0),
            nice: AtomicU32::new(0),
            cpus: [const { AtomicU64::new(0) }; 16],
        }
    }

    /// So many objects waiting make a retiring caller help.
    pub fn bound(&self) -> u32 {
        // Relaxed, here and below: each a number by itself.
        match self.bound.load(Ordering::Relaxed) {
            0 => self.settle(),
            bound => bound,
        }
    }

    /// So many make the worker begin at once.
    pub fn batch(&self) -> u32 {
        match self.batch.load(Ordering::Relaxed) {
            0 => self.bound(),
            batch => batch,
        }
    }

    /// Half of the time in which an object is to be reclaimed.
    pub fn tick_ns(&self) -> u64 {
        const LEAST_NS: u64 = 50_000;
        (u64::from(self.delay_us()) * 500).max(LEAST_NS)
    }

    fn delay_us(&self) -> u32 {
        self.delay_us.load(Ordering::Relaxed) ^ DELAY_US
    }

    /// Whether there is to be a worker.
    pub fn wants_worker(&self) -> bool {
        // Acquire: pairs with the Release in write_placement(): a worker that finds itself wanted finds
        // where and how it is to run.
        self.flags.load(Ordering::Acquire) & HAZPTR_RECLAIM_NO_WORKER == 0
    }

    /// Reckons the usual bound, unless another is in force.
    #[cold]
    fn settle(&self) -> u32 {
        let mut mask = [0; CPUS / 64];
        let _ = sys::affinity(0, &mut mask);
        let cpus: u32 = mask.iter().map(|word| word.count_ones()).sum();
        let bound = BOUND + BOUND_FOR_EACH_CPU * cpus.max(1);
        let settled = self.bound.compare_exchange(0, bound, Ordering::Relaxed, Ordering::Relaxed);
        settled.map_or_else(|now| now, |_| bound)
    }

    fn read(&self) -> hazptr_reclaim_policy {
        hazptr_reclaim_policy {
            bound: self.bound(),
            batch: self.batch(),
            delay_us: self.delay_us(),
            flags: self.flags.load(Ordering::Relaxed),
            nice: self.nice.load(Ordering::Relaxed) as i32,
            reserved: 0,
            cpus: core::array::from_fn(|i| self.cpus[i].load(Ordering::Relaxed)),
        }
    }

    /// What a worker reads of it when it starts.
    fn write_placement(&self, new: &hazptr_reclaim_policy) {
        self.nice.store(new.nice as u32, Ordering::Relaxed);
        for (place, &word) in self.cpus.iter().zip(&new.cpus) {
            place.store(word, Ordering::Relaxed);
        }
        // Release: pairs with the Acquire in wants_worker().
        self.flags.store(new.flags, Ordering::Release);
    }

    fn write_amounts(&self, new: &hazptr_reclaim_policy) {
        self.batch.store(new.batch, Ordering::Relaxed);
        self.delay_us.store(new.delay_us ^ DELAY_US, Ordering::Relaxed);
        self.bound.store(new.bound, Ordering::Relaxed);
    }

    /// Has a new worker, which calls this, run where and as it is to. What cannot be had is left.
    pub fn apply_to_caller(&self) {
        let policy = self.read();
        let _ = set_cpus(0, &policy.cpus);
        if policy.nice != 0 {
            let _ = sys::set_priority(0, policy.nice);
        }
    }
}

/// All zero changes nothing.
fn set_cpus(tid: i32, cpus: &[u64; 16]) -> Result<(), c_int> {
    if cpus.iter().all(|&word| word == 0) {
        return Ok(());
    }
    let mut mask = [0; CPUS / 64];
    mask[..cpus.len()].copy_from_slice(cpus);
    sys::set_affinity(tid, &mask)
}

/// Has the worker, which is started if need be, run as `new` says. All or nothing.
fn apply(old: &hazptr_reclaim_policy, new: &hazptr_reclaim_policy) -> Result<(), c_int> {
    if new.flags & HAZPTR_RECLAIM_NO_WORKER != 0 || (old.cpus, old.nice) == (new.cpus, new.nice) {
        return Ok(());
    }
    loop {
        match apply_to(worker::running()?, old, new) {
            // It was on its way out.
            Err(libc::ESRCH) => {}
            result => return result,
        }
    }
}

fn apply_to(
    tid: i32,
    old: &hazptr_reclaim_policy,
    new: &hazptr_reclaim_policy,
) -> Result<(), c_int> {
    let mut before = [0; CPUS / 64];
    sys::affinity(tid, &mut before)?;
    set_cpus(tid, &new.cpus)?;
    if old.nice != new.nice {
        sys::set_priority(tid, new.nice).inspect_err(|_| _ = sys::set_affinity(tid, &before))?;
    }
    Ok(())
}

/// See [`crate::abi::hazptr_get_policy`].
///
/// # Safety
/// As there.
pub unsafe fn get(policy: *mut hazptr_reclaim_policy, size: usize) -> c_int {
    if policy.is_null() || size != size_of::<hazptr_reclaim_policy>() {
        return libc::EINVAL;
    }
    // SAFETY: the caller says that it is there.
    unsafe { policy.write(lasting().policy.read()) };
    0
}

/// See [`crate::abi::hazptr_set_policy`].
///
/// # Safety
/// As there.
pub unsafe fn set(policy: *const hazptr_reclaim_policy, size: usize) -> c_int {
    if policy.is_null() || size != size_of::<hazptr_reclaim_policy>() {
        return libc::EINVAL;
    }
    // SAFETY: the caller says that it is there.
    let new = unsafe { policy.read() };
    let known = new.flags & !HAZPTR_RECLAIM_NO_WORKER == 0 && new.reserved == 0;
    if !known || new.bound == 0 || new.batch == 0 {
        return libc::EINVAL;
    }
    init::ensure();
    let force = &lasting().policy;
    let old = force.read();
    // First: one that is not wanted goes before it can be told anything; and if it is on its way out, the
    // one that comes after it is to find all of this.
    force.write_placement(&new);
    if let Err(error) = apply(&old, &new) {
        force.write_placement(&old);
        worker::policy_changed();
        return error;
    }
    force.write_amounts(&new);
    worker::policy_changed();
    0
}
