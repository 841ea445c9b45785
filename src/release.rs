// SPDX-License-Identifier: MIT OR Apache-2.0
//! Release: one plain store of NULL, from any thread, fibre or handler, and a look at the control
//! word to see whether somebody sleeps.

use crate::abi::hazptr_ctx;
use crate::control::control;
use crate::delay::{self, Point};
use crate::line::Slot;
use crate::sync::Ordering;
use crate::{backup, debug, fence, wait};
use core::ffi::c_void;
use core::ptr;

/// See [`crate::abi::hazptr_release`].
///
/// # Safety
/// As there.
#[inline(always)]
pub unsafe fn release(ctx: *mut hazptr_ctx, addr: *const c_void) {
    // SAFETY: the caller's context: NULL, or a slot that it holds.
    unsafe {
        let slot = (*ctx).slot;
        if slot.is_null() {
            return;
        }
        if ptr::eq(slot, &raw const (*ctx).backup_slot.slot) {
            return backup::release(ctx, addr);
        }
        // First, so that a second release, later or in a handler right here, does nothing. (In a
        // handler between the load above and this store it is the caller's error; see the header.)
        ptr::write_volatile(&raw mut (*ctx).slot, ptr::null_mut());
        let slot = &*slot.cast::<Slot>();
        // Release: as in clear().
        slot.0.store(ptr::null_mut(), Ordering::Release);
        removed_by_program(slot);
    }
}

/// Removes the address in a slot that the caller holds, and sees to its waiters (I7).
#[inline(always)]
pub fn clear(slot: &Slot) {
    // Release: pairs with the Acquire in Slot::held(): all that was done with the object comes
    // before what the waiter does next.
    slot.0.store(ptr::null_mut(), Ordering::Release);
    removed(slot);
}

/// To be called after an address was removed from `slot`, or overwritten (I7): wakes its waiters.
///
/// Which address it was does not matter, nor what a caller claims to have held (scenario 13): who
/// sleeps, sleeps for a slot.
///
/// Both cases of a waiter that is about to sleep (wait.rs): if our store came before its barrier,
/// its next look at the slot sees it gone. If its barrier came first, then so did its announcement
/// in the control word, and we see that.
#[inline(always)]
pub fn removed(slot: &Slot) {
    delay::point(Point::Removed);
    fence::light();
    if control().word.release_is_slow() {
        wait::wake(slot);
    }
}

/// The same where what was written may not be a slot of the library's, but what a context says that it
/// holds: in debug mode these are not the same.
#[inline(always)]
pub fn removed_by_program(slot: &Slot) {
    delay::point(Point::Removed);
    fence::light();
    if control().word.release_is_slow() {
        wake_by_program(slot);
    }
}

/// See [`crate::abi::hazptr_wake`].
#[cold]
#[inline(never)]
pub fn wake_by_program(slot: *const Slot) {
    if debug::is_wanted() {
        return wait::wake(debug::written(control(), slot));
    }
    wait::wake_now(slot);
}
