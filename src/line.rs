// SPDX-License-Identifier: MIT OR Apache-2.0
//! A line: one padded array of hazard slots, with the state that says who may fill them.
//!
//! ```text
//!            take (fresh)                 swap succeeded
//! UNUSED ------------------> CURRENT ------------------------> PARKED
//!    |                          ^      (or: swap failed, so      |
//!    |                          |       given back unused)       |
//!    |                          +--------------------------------+
//!    |                               take: seen empty, one CAS   |
//!    +--------------------------> SHARED <-----------------------+
//!            take (fresh)                  take: seen empty, one CAS
//! ```
//!
//! - CURRENT: named by one entry of `current` (or held by the one thread about to put it there).
//!   Acquires on that CPU store into its empty slots, inside a restartable sequence (I3).
//! - PARKED: no new hazards; those that it has drain (I4).
//! - SHARED: any thread claims an empty slot by CAS. For ever: never becomes CURRENT (I3).
//!
//! Who takes a line owns its state until it passes it on, so only `take` needs a CAS.

use crate::sync::{AtomicPtr, AtomicU32, Ordering};
use core::ffi::c_void;
use core::ptr;

/// Hazard slots in a line. With the state they fill two cache lines, which is what the hardware
/// fetches together.
pub const SLOTS: usize = 15;

/// Never used since the process (or its last fork) began.
pub const UNUSED: u32 = 0;
/// See the module's comment.
pub const CURRENT: u32 = 1;
/// See the module's comment.
pub const PARKED: u32 = 2;
/// See the module's comment.
pub const SHARED: u32 = 3;

/// One hazard: the address it protects, or NULL when nobody holds it.
#[repr(transparent)]
pub struct Slot(pub AtomicPtr<c_void>);

impl Slot {
    /// What a waiter reads: the address held here.
    #[inline]
    pub fn held(&self) -> *mut c_void {
        // Acquire: pairs with the Release of whoever removed the address that the waiter looked
        // for, so that all that holder did comes before what the waiter does next (I6).
        self.0.load(Ordering::Acquire)
    }
}

/// See the module's comment. The layout is known to the sequences and to debuggers.
#[repr(C, align(128))]
pub struct Line {
    /// The hazards.
    pub slots: [Slot; SLOTS],
    state: AtomicU32,
    /// Acquires that found the near slots taken, since the line became current. Only a hint.
    pub far: AtomicU32,
}

const _: () = assert!(size_of::<Line>() == 128);

impl Line {
    /// A line as fresh memory has it: UNUSED and empty.
    pub const fn new() -> Self {
        Self {
            slots: [const { Slot(AtomicPtr::new(ptr::null_mut())) }; SLOTS],
            state: AtomicU32::new(UNUSED),
            far: AtomicU32::new(0),
        }
    }

    /// As of about now.
    pub fn state(&self) -> u32 {
        // Relaxed: for people.
        self.state.load(Ordering::Relaxed)
    }

    /// Whether any thread may claim slots here by CAS.
    pub fn is_shared(&self) -> bool {
        // Relaxed: for ever, once it is. Who asks has found the line below the mark, and claims by CAS.
        self.state.load(Ordering::Relaxed) == SHARED
    }

    /// Whether the line is parked.
    pub fn is_parked(&self) -> bool {
        // Relaxed: a hint for statistics; try_take's CAS decides.
        self.state.load(Ordering::Relaxed) == PARKED
    }

    /// Whether any slot holds what is `wanted`. Looks at all of them without a branch: stopping early saves
    /// nothing, for hardly any line does.
    #[inline]
    pub fn holds(&self, wanted: impl Fn(*const c_void) -> bool) -> bool {
        self.slots.iter().fold(false, |found, slot| found | wanted(slot.held()))
    }

    /// Whether no slot is held. Stays true for a parked line (I4), is a hint for any other.
    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(|slot| slot.held().is_null())
    }

    /// Makes a parked, drained line `state`. False if it is anything else or another thread was
    /// quicker.
    ///
    /// It may have been taken, filled and parked again between the look and the CAS. Then a line
    /// that is not empty becomes current, which is harmless: acquires pass over occupied slots.
    pub fn try_take(&self, state: u32) -> bool {
        // Relaxed: the CAS decides, and orders.
        let taken = self.state.load(Ordering::Relaxed) == PARKED
            && self.is_empty()
            // Acquire: pairs with the Release in park(); the sequences that filled this line on
            // its last CPU are over, so its slots have one writer again.
            && self
                .state
                .compare_exchange(PARKED, state, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        if taken {
            // Relaxed: a hint.
            self.far.store(0, Ordering::Relaxed);
        }
        taken
    }

    /// Gives a fresh line, which only the caller knows of, its first state.
    pub fn assign(&self, state: u32) {
        // Relaxed: nothing was done with it yet.
        self.state.store(state, Ordering::Relaxed);
    }

    /// Parks a line that the caller took off its CPU by a swap, or took and did not use.
    pub fn park(&self) {
        // Release: pairs with the Acquire in try_take().
        self.state.store(PARKED, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_slot_is_passed_over() {
        let address = ptr::without_provenance_mut(0x1000);
        for index in 0..SLOTS {
            let line = Line::new();
            line.slots[index].0.store(address, Ordering::Relaxed);
            assert!(line.holds(|held| ptr::eq(held, address)) && !line.is_empty(), "slot {index}");
            assert!(!line.holds(|held| held.addr() == 0x2000));
        }
        assert!(Line::new().is_empty());
    }
}
