// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one thread has taken to reclaim it: its batch, and what others may know and take of that.
//!
//! Callbacks are called in runs of one cohort's. What is not in the present run is on offer: a cohort's
//! waiter takes its own out of it. So it never waits for a stranger's callback that comes first, and
//! may wait for a lock that the waiter holds.

use crate::abi::{hazptr_cohort, hazptr_head};
use crate::list::{self, List};
use crate::sync::{AtomicU32, Ordering, UnsafeCell};
use core::ptr;

/// Objects in a run: so many that the lock costs nothing, so few that they stay in the cache from here
/// to their callbacks.
const RUN: u32 = 64;

/// What is the reclaiming thread's own.
pub struct Batch {
    /// Out of the shards: no barrier yet.
    pub fresh: List,
    /// Kept by an earlier batch, or taken over from another.
    pub left: List,
    /// The parity of the phase of what is fresh; see [`crate::ledger`].
    pub parity: usize,
}

/// What others see of it, from its beginning to its end. In the stack of the thread that reclaims.
pub struct Record {
    thread: usize,
    /// The ledger's, under its lock: the next one, and how many objects of each parity this batch is to
    /// reclaim.
    next: UnsafeCell<*const Record>,
    of: UnsafeCell<[u64; 2]>,
    /// Nobody protects these. Whose [`Self::taking`] is 1 may take them.
    offer: UnsafeCell<List>,
    /// The parity of all that is on offer, or MIXED: then each object's is written in it.
    parity: UnsafeCell<usize>,
    taking: AtomicU32,
}

/// See [`Record`].
pub const MIXED: usize = 2;

impl Record {
    /// For the calling thread.
    pub fn new(thread: usize) -> Self {
        Self {
            thread,
            next: UnsafeCell::new(ptr::null()),
            of: UnsafeCell::new([0; 2]),
            offer: UnsafeCell::new(List::new()),
            parity: UnsafeCell::new(MIXED),
            taking: AtomicU32::new(0),
        }
    }

    /// Whether it is that thread's.
    pub fn is_of(&self, thread: usize) -> bool {
        self.thread == thread
    }

    /// # Safety
    /// The ledger's lock is held, as long as the result is used.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn next(&self) -> &mut *const Record {
        // SAFETY: the caller's duty.
        unsafe { &mut *self.next.get() }
    }

    /// # Safety
    /// The ledger's lock is held, as long as the result is used.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn of(&self) -> &mut [u64; 2] {
        // SAFETY: the caller's duty.
        unsafe { &mut *self.of.get() }
    }

    /// Acts on what is on offer, unless somebody else is.
    fn try_take<T>(&self, act: impl FnOnce(&mut List, &mut usize) -> T) -> Option<T> {
        // Acquire: pairs with the Release below.
        if self.taking.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return None;
        }
        // SAFETY: ours alone until the store below.
        let result = unsafe { act(&mut *self.offer.get(), &mut *self.parity.get()) };
        // Release: pairs with the Acquire above.
        self.taking.store(0, Ordering::Release);
        Some(result)
    }

    /// Offers what is to be called. Only by the batch's own thread. False as in [`Self::next_run`].
    pub fn put(&self, free: &mut List, parity: usize) -> bool {
        self.try_take(|offer, of| (*offer, *of) = (free.take(), parity)).is_some()
    }

    /// The next run, and its cohort: empty if there is none. None if another thread is taking
    /// something: it holds the ledger's lock, so who waits for that waits for it.
    pub fn next_run(&self) -> Option<(List, *mut hazptr_cohort)> {
        self.try_take(|offer, _| {
            let first = offer.head;
            if first.is_null() {
                return (List::new(), ptr::null_mut());
            }
            let mut length = 0;
            let mut node = first;
            // SAFETY: on offer, so ours.
            unsafe {
                let cohort = list::cohort(first);
                while !node.is_null() && length < RUN && list::cohort(node) == cohort {
                    node = (*node).next;
                    length += 1;
                }
                (offer.cut(node, length), cohort)
            }
        })
    }

    /// Takes what is of one cohort, with its parity written; does nothing if the batch's thread is
    /// taking its next run.
    ///
    /// # Safety
    /// The ledger's lock is held.
    pub unsafe fn take_over(
        &self,
        cohort: *mut hazptr_cohort,
        mut to: impl FnMut(*mut hazptr_head),
    ) {
        self.try_take(|offer, parity| {
            let mut others = List::new();
            while let Some(node) = offer.pop() {
                // SAFETY: on offer, so ours.
                unsafe {
                    if list::cohort(node) != cohort {
                        others.push(node);
                        continue;
                    }
                    if *parity != MIXED {
                        list::set_parity(node, *parity);
                    }
                }
                to(node);
            }
            *offer = others;
        });
    }
}
