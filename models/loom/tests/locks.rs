// SPDX-License-Identifier: MIT OR Apache-2.0
//! The lock, and what it guards.

use super::*;
use crate::lock::Lock;
use crate::sync::UnsafeCell;

struct Guarded {
    lock: Lock,
    count: UnsafeCell<u32>,
}

// SAFETY: the count is reached with the lock held.
unsafe impl Sync for Guarded {}

static GUARDED: Guarded = Guarded { lock: Lock::new(), count: UnsafeCell::new(0) };

fn increment() -> u32 {
    let _held = GUARDED.lock.lock();
    // SAFETY: the lock is held.
    unsafe {
        *GUARDED.count.get() += 1;
        *GUARDED.count.get()
    }
}

#[test]
fn who_has_the_lock_sees_what_the_last_one_wrote() {
    Model::new(Mode::Fence).preemptions(3).check(|| {
        // SAFETY: nobody else is here.
        unsafe { *GUARDED.count.get() = 0 };
        let others: Vec<_> = (1..3).map(|n| machine::spawn(n, increment)).collect();
        increment();
        for other in others {
            other.join().expect("no panic");
        }
        assert_eq!(increment(), 4);
    });
}

#[test]
fn who_got_the_lock_by_a_try_sees_it_too() {
    Model::new(Mode::Fence).check(|| {
        // SAFETY: nobody else is here.
        unsafe { *GUARDED.count.get() = 0 };
        let other = machine::spawn(1, || _ = increment());
        if let Some(_held) = GUARDED.lock.try_lock() {
            // SAFETY: the lock is held.
            assert!(unsafe { *GUARDED.count.get() } < 2);
        }
        join([other]);
    });
}
