// SPDX-License-Identifier: MIT OR Apache-2.0
//! Cohorts: how many objects of one are pending, in a word of the program's memory.
//!
//! One count, not two totals, raised before an object is pushed and lowered after its callback. So it
//! is zero only if nothing is pending, callbacks' own retirements included. The word is not wiped in a
//! forked child, where what is pending will never be reclaimed; so it carries the generation, and a
//! count of another one is no count.
//!
//! Who lowers it to zero does not touch the cohort any more: it may be freed at once.

use crate::abi::hazptr_cohort;
use crate::control::{Control, control};
use crate::reclaim::{self, Who};
use crate::sync::{AtomicU64, Ordering};
use crate::{init, list};
use core::ffi::c_int;

/// The low bits of the word are the count, those above the generation, as much as there is room for.
const COUNT_BITS: u32 = 40;
const COUNT: u64 = (1 << COUNT_BITS) - 1;

/// Its word.
///
/// # Safety
/// The cohort is in place.
unsafe fn word<'a>(cohort: *mut hazptr_cohort) -> &'a AtomicU64 {
    // SAFETY: the caller's duty; every access to the word is atomic.
    unsafe { AtomicU64::from_ptr(&raw mut (*cohort).pending) }
}

fn tag(generation: u32) -> u64 {
    u64::from(generation) << COUNT_BITS
}

fn is_of(word: u64, generation: u32) -> bool {
    word & !COUNT == tag(generation)
}

/// Counts `count` objects more.
///
/// # Safety
/// The cohort is in place.
pub unsafe fn raise(cohort: *mut hazptr_cohort, generation: u32, count: u64) {
    let more = |now| Some(if is_of(now, generation) { now } else { tag(generation) } + count);
    // Relaxed: the push that follows publishes it to whoever lowers; a barrier's caller has its own
    // order with those who retired.
    // SAFETY: the caller's duty.
    let _ = unsafe { word(cohort) }.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
}

/// Counts `count` objects less: their callbacks have returned, or they were not retired after all.
///
/// # Safety
/// The cohort is in place, as it must be until its count is zero.
pub unsafe fn lower(cohort: *mut hazptr_cohort, generation: u32, count: u64) {
    let less = |now| is_of(now, generation).then(|| now - count);
    // Release: pairs with the Acquire in is_empty(): what the callbacks did is seen.
    // SAFETY: the caller's duty.
    let _ = unsafe { word(cohort) }.fetch_update(Ordering::Release, Ordering::Relaxed, less);
}

unsafe fn is_empty(cohort: *mut hazptr_cohort, control: &Control) -> bool {
    // Acquire: pairs with the Release in lower().
    // SAFETY: the caller's duty.
    let now = unsafe { word(cohort) }.load(Ordering::Acquire);
    now & COUNT == 0 || !is_of(now, control.generation())
}

/// See [`crate::abi::hazptr_cohort_barrier`].
///
/// # Safety
/// As there.
pub unsafe fn barrier(cohort: *mut hazptr_cohort, timeout_ns: u64) -> c_int {
    if cohort.is_null() {
        return libc::EINVAL;
    }
    let generation = init::ensure().generation();
    // SAFETY: the caller's duty.
    let done = || unsafe { is_empty(cohort, control()) };
    // SAFETY: a node that is kept.
    let of_cohort = |node| unsafe { list::cohort(node) } == cohort;
    reclaim::until(Who::Cohort(cohort), generation, timeout_ns, of_cohort, done)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: u32 = 0xff_ffff;

    fn cohort() -> hazptr_cohort {
        hazptr_cohort { pending: 0, reserved: [0; 7] }
    }

    /// The count as a generation sees it.
    fn count(cohort: &hazptr_cohort, generation: u32) -> u64 {
        if is_of(cohort.pending, generation) { cohort.pending & COUNT } else { 0 }
    }

    #[test]
    fn what_a_parent_has_pending_does_not_count_in_its_child() {
        let mut cohort = cohort();
        // SAFETY: a local variable.
        unsafe {
            raise(&raw mut cohort, FIRST, 3);
            assert_eq!((count(&cohort, FIRST), count(&cohort, FIRST + 1)), (3, 0));
            raise(&raw mut cohort, FIRST + 1, 1);
            assert_eq!(count(&cohort, FIRST + 1), 1);
            // A callback that a fork has carried into the child returns there.
            lower(&raw mut cohort, FIRST, 1);
            assert_eq!(count(&cohort, FIRST + 1), 1);
            lower(&raw mut cohort, FIRST + 1, 1);
            assert_eq!(count(&cohort, FIRST + 1), 0);
        }
    }
}
