// SPDX-License-Identifier: MIT OR Apache-2.0
//! Places where a build for the tests (feature `test-delay`) loses time at random, so that other
//! threads and handlers meet calls in states that otherwise last some nanoseconds. In the library
//! as it is shipped there is nothing here.
//!
//! The sequences, which no call may interrupt, have `rseq::window!` instead.

/// The points, each named after what has just been done where it stands.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "test-delay"), allow(dead_code))]
pub enum Point {
    /// 0: a sequence has committed; the context does not know of its slot yet.
    Committed,
    /// 1: a portable or backup slot is filled; the pointer is not loaded again yet.
    Published,
    /// 2: a slot was overwritten by another address; the look for sleepers of the first is to come.
    Overwritten,
    /// 3: a line was taken; it is on no CPU yet.
    LineTaken,
    /// 4: a CPU has another line; the old one is not parked yet.
    LineSwapped,
    /// 5: the mark counts a line whose state is not written yet.
    MarkRaised,
    /// 6: a hazard is removed; the look for sleepers is to come.
    Removed,
    /// 7: a futex word was changed; the wake-up is to come.
    Waking,
    /// 8: a waiter has fenced; it has not read the mode yet.
    Fenced,
    /// 9: a ticket is drawn; its membarrier is to come.
    TicketDrawn,
    /// 10: a membarrier is over; its ticket is not done yet.
    BarrierOver,
    /// 11: the waiter's barrier is over; it has not read the mark yet.
    BeforeScan,
    /// 12: a sleeper is announced; its barrier is to come.
    Announced,
    /// 13: a sleeper has looked once more; it does not sleep yet.
    BeforeSleep,
    /// 14: a lock was taken.
    Locked,
    /// 15: an object is on its list; it is not counted yet, and nobody has been told.
    Pushed,
    /// 16: a batch was taken; its barrier is to come.
    Taken,
    /// 17: it is known what of a batch is protected; that is not kept for others yet.
    Sorted,
    /// 18: the worker has found nothing to do; it does not sleep yet.
    Idle,
}

/// Loses some time, now and then.
#[cfg(feature = "test-delay")]
#[inline(never)]
pub fn point(point: Point) {
    // SAFETY: every x86-64 has this instruction.
    let now = unsafe { core::arch::x86_64::_rdtsc() };
    // The low bits of the clock are the chance; the point keeps two in a row from agreeing.
    let chance = (now ^ (point as u64) << 7).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    let spins = match chance {
        0..16 => return crate::sys::yield_now(),
        16..32 => 4096,
        32..2048 => chance & 63,
        _ => 0,
    };
    for _ in 0..spins {
        core::hint::spin_loop();
    }
}

/// Nothing.
#[cfg(not(feature = "test-delay"))]
#[inline(always)]
pub fn point(_: Point) {}
