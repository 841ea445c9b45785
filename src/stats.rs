// SPDX-License-Identifier: MIT OR Apache-2.0
//! Statistics: counted off the fast path only, in shards so that counting does not become what
//! threads meet in.

use crate::abi::hazptr_statistics;
use crate::control::{Control, retired};
use crate::sync::unseen::{AtomicU64, Ordering};
use crate::{init, synchronize};
use core::ffi::c_int;
use core::ptr;
use crossbeam_utils::CachePadded;

/// What is counted. The comments stand in [`hazptr_statistics`].
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub enum Count {
    AcquireSlow,
    AcquireFar,
    AcquirePortable,
    AcquireBackup,
    Park,
    ParkEarly,
    Barrier,
    BarrierShared,
    BarrierRefused,
    BarrierRetry,
    Sleep,
    Wake,
}

const COUNTS: usize = Count::Wake as usize + 1;
const SHARDS: usize = 8;

/// See the module's comment.
pub struct Counters([CachePadded<[AtomicU64; COUNTS]>; SHARDS]);

impl Counters {
    /// All zero.
    pub const fn new() -> Self {
        Self([const { CachePadded::new([const { AtomicU64::new(0) }; COUNTS]) }; SHARDS])
    }

    /// Counts one. The key, any address that differs between threads, chooses the shard.
    pub fn add<T>(&self, key: *const T, count: Count) {
        let shard = key as usize >> 12 ^ key as usize >> 6;
        // Relaxed: counts order nothing.
        self.0[shard % SHARDS][count as usize].fetch_add(1, Ordering::Relaxed);
    }

    fn sum(&self, count: Count) -> u64 {
        // Relaxed: as above.
        self.0.iter().map(|shard| shard[count as usize].load(Ordering::Relaxed)).sum()
    }
}

/// All numbers, as of about now.
pub fn collect(control: &Control) -> hazptr_statistics {
    let sum = |count| control.counters.sum(count);
    let mark = control.registry.mark();
    let backup_held = control.backup.len() as u64;
    // Of one instant: what is taken is counted under the same lock.
    let (totals, waiting) = retired().ledger.with(|books| {
        let waiting = retired().waiting();
        books.note_peak(waiting);
        (books.totals, waiting)
    });
    hazptr_statistics {
        acquire_slow: sum(Count::AcquireSlow),
        acquire_far: sum(Count::AcquireFar),
        acquire_portable: sum(Count::AcquirePortable),
        acquire_backup: sum(Count::AcquireBackup),
        held: synchronize::held_in_lines(control) as u64 + backup_held,
        held_backup: backup_held,
        lines: u64::from(mark),
        lines_parked: control.registry.lines(mark).filter(|line| line.is_parked()).count() as u64,
        parks: sum(Count::Park) + sum(Count::ParkEarly),
        parks_early: sum(Count::ParkEarly),
        barriers: sum(Count::Barrier),
        barriers_shared: sum(Count::BarrierShared),
        barriers_refused: sum(Count::BarrierRefused),
        barriers_retried: sum(Count::BarrierRetry),
        sleeps: sum(Count::Sleep),
        wakes: sum(Count::Wake),
        retired: totals.taken + waiting,
        reclaimed: totals.reclaimed,
        helped: totals.helped,
        pending: totals.taken + waiting - totals.reclaimed,
        pending_peak: totals.peak,
        batches: totals.batches,
        batch_barriers: totals.barriers,
    }
}

/// See [`crate::abi::hazptr_stats`].
///
/// # Safety
/// As there.
pub unsafe fn read(stats: *mut hazptr_statistics, size: usize) -> c_int {
    if stats.is_null() || size == 0 || size % size_of::<u64>() != 0 {
        return libc::EINVAL;
    }
    let full = collect(init::ensure());
    let known = size.min(size_of::<hazptr_statistics>());
    // SAFETY: the caller says that `size` bytes are there. What a newer caller knows and we do not
    // is zero.
    unsafe {
        ptr::copy_nonoverlapping((&raw const full).cast::<u8>(), stats.cast(), known);
        ptr::write_bytes(stats.cast::<u8>().add(known), 0, size - known);
    }
    0
}
