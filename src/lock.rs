// SPDX-License-Identifier: MIT OR Apache-2.0
//! A mutex that a signal handler may meet: signals are blocked while it is held, so that no handler
//! ever waits for the thread that it interrupted. (Except those that the thread brings about by
//! itself, by a fault or a filtered system call: their handlers must not come here.)
//!
//! Waiters spin briefly and then sleep: a pure spin would keep a low-priority holder from its CPU
//! for ever. Zero is the unlocked state, so that a wiped block is full of free locks.

use crate::delay::{self, Point};
use crate::sync::{AtomicU32, Backoff, Ordering};
use crate::sys;

const FREE: u32 = 0;
const HELD: u32 = 1;
const CONTENDED: u32 = 2;

/// The mutex. See the module's comment.
#[repr(transparent)]
pub struct Lock(AtomicU32);

/// Unlocks, and then unblocks signals, when dropped.
pub struct Guard<'a> {
    lock: &'a Lock,
    signals: sys::SignalMask,
}

impl Lock {
    /// A free lock.
    pub const fn new() -> Self {
        Self(AtomicU32::new(FREE))
    }

    /// Blocks signals and takes the lock.
    #[inline(never)]
    pub fn lock(&self) -> Guard<'_> {
        let signals = sys::block_signals();
        // Acquire: pairs with the Release in drop; what the last holder wrote is seen.
        if self.0.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.lock_contended();
        }
        delay::point(Point::Locked);
        Guard { lock: self, signals }
    }

    /// The same if it is free.
    pub fn try_lock(&self) -> Option<Guard<'_>> {
        let signals = sys::block_signals();
        // Acquire: as in lock().
        if self.0.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            return Some(Guard { lock: self, signals });
        }
        sys::restore_signals(signals);
        None
    }

    #[cold]
    fn lock_contended(&self) {
        let backoff = Backoff::new();
        while !backoff.is_completed() {
            // Acquire: as in lock().
            if self.0.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return;
            }
            backoff.snooze();
        }
        // Acquire: as in lock(). CONTENDED even if nobody else sleeps: one wake-up too many.
        while self.0.swap(CONTENDED, Ordering::Acquire) != FREE {
            sys::futex_wait(sys::futex_word(&self.0), CONTENDED, sys::SLEEP_CAP_MS);
        }
    }
}

impl Drop for Guard<'_> {
    #[inline(never)]
    fn drop(&mut self) {
        // Release: pairs with the Acquire in lock().
        if self.lock.0.swap(FREE, Ordering::Release) == CONTENDED {
            sys::futex_wake(sys::futex_word(&self.lock.0), 1);
        }
        sys::restore_signals(self.signals);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_only_tries_waits_for_nobody() {
        let lock = Lock::new();
        let held = lock.lock();
        assert!(lock.try_lock().is_none());
        drop(held);
        assert!(lock.try_lock().is_some());
    }
}
