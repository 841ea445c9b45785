// SPDX-License-Identifier: MIT OR Apache-2.0
//! Makes a synchronous wait of a library that only reclaims some time later: the reclaimer counts,
//! and the waiter urges the library on until its object is among the counted.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::yield_now;

/// Tries before the CPU is offered to others.
const SPINS: u32 = 64;

static RECLAIMED: AtomicU64 = AtomicU64::new(0);

/// To be called by the reclaimer.
pub fn count() {
    // Release: pairs with the Acquire in `retire_and_wait`, whose caller may reuse the object.
    RECLAIMED.fetch_add(1, Ordering::Release);
}

/// One waiter in the process, so the next object to be counted is its own.
pub fn retire_and_wait(retire: impl FnOnce(), mut urge: impl FnMut()) {
    let before = RECLAIMED.load(Ordering::Relaxed);
    let mut tries = 0;

    retire();
    while RECLAIMED.load(Ordering::Acquire) == before {
        urge();
        tries += 1;
        if tries < SPINS { spin_loop() } else { yield_now() }
    }
}
