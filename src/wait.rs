// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a waiter sleeps until one address is gone from one place, and how it is woken.
//!
//! Sleepers are told apart by a hash of the address, so that a sleeper for one object is not woken
//! by every release of another. The control word counts all sleepers; while it is zero a release
//! looks no further.

use crate::control::{Control, Mode, control};
use crate::stats::Count;
use crate::sync::{AtomicU32, Ordering};
use crate::{barrier, fence, sys};
use core::ffi::c_void;
use crossbeam_utils::Backoff;

const BUCKET_BITS: u32 = 4;

/// How often a waiter looks again before it prepares to sleep, ever less often: some microseconds.
const SPINS: u32 = if cfg!(test) { 2 } else { 12 };

/// The sleepers whose addresses hash alike. All zero is nobody.
struct Bucket {
    waiting: AtomicU32,
    /// The futex word: changes when an address of this bucket is removed while anybody waits.
    removals: AtomicU32,
}

/// See the module's comment.
pub struct Waiters([Bucket; 1 << BUCKET_BITS]);

impl Waiters {
    /// Nobody waits.
    pub const fn new() -> Self {
        Self(
            [const { Bucket { waiting: AtomicU32::new(0), removals: AtomicU32::new(0) } };
                1 << BUCKET_BITS],
        )
    }

    fn bucket(&self, addr: *const c_void) -> &Bucket {
        let hash = (addr as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.0[(hash >> (u64::BITS - BUCKET_BITS)) as usize]
    }
}

/// Waits until `held` says no, or this turns out to be a child that a handler forked since
/// `generation` was read: then whoever holds it does not exist here, and the caller starts afresh.
/// `held` reads, with Acquire, the place where `addr` was seen.
///
/// Sleeping, in order: announce; barrier; load the futex word; look again; sleep on that value.
/// Both cases against a release (store NULL, then look for sleepers): if its store came before our
/// barrier, we see it when we look again. If our barrier came before, it sees our announcement and
/// changes the futex word: before we load it, then by its Release and our Acquire we see the store
/// too; or after, then the kernel does not let us sleep, or it wakes us.
pub fn until_gone(
    control: &Control,
    generation: u32,
    addr: *const c_void,
    held: impl Fn() -> bool,
) {
    let backoff = Backoff::new();
    for _ in 0..SPINS {
        if !held() {
            return;
        }
        backoff.spin();
    }
    let bucket = control.waiters.bucket(addr);
    // Relaxed: both ordered by the barrier below against every release.
    bucket.waiting.fetch_add(1, Ordering::Relaxed);
    control.word.raise();
    barrier::before_sleep(control);
    loop {
        // Acquire: pairs with the Release in wake().
        let removals = bucket.removals.load(Ordering::Acquire);
        if !held() || control.generation() != generation {
            break;
        }
        control.counters.add(addr, Count::Sleep);
        sys::futex_wait(sys::futex_word(&bucket.removals), removals, sys::SLEEP_CAP_MS);
    }
    // Never below zero: a fork may have wiped the announcement.
    control.word.lower();
    let down = |n: u32| n.checked_sub(1);
    // Relaxed: an early or late look only wakes in vain.
    let _ = bucket.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, down);
}

/// Wakes those who may sleep for `addr`, which was removed from a slot. Out of line on purpose.
#[cold]
#[inline(never)]
pub fn wake(addr: *mut c_void) {
    let control = control();
    if control.word.mode() == Mode::Fence {
        // In this mode no waiter makes the kernel fence for us: slot's NULL, then the look at
        // `waiting`. Pairs with the full fence in before_sleep().
        fence::full();
    }
    let bucket = control.waiters.bucket(addr);
    // Relaxed: see until_gone().
    if bucket.waiting.load(Ordering::Relaxed) != 0 {
        // Release: pairs with the Acquire in until_gone().
        bucket.removals.fetch_add(1, Ordering::Release);
        sys::futex_wake(sys::futex_word(&bucket.removals), i32::MAX as u32);
        control.counters.add(addr, Count::Wake);
    }
}
