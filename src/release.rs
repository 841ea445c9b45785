// SPDX-License-Identifier: MIT OR Apache-2.0
//! Release: one plain store of NULL, from any thread, fibre or handler, and a look at the control
//! word to see whether somebody sleeps.

use crate::abi::hazptr_ctx;
use crate::control::control;
use crate::delay::{self, Point};
use crate::line::Slot;
use crate::sync::Ordering;
use crate::{backup, fence, wait};
use core::ffi::c_void;
use core::ptr;

/// See [`crate::abi::hazptr_release`].
///
/// # Safety
/// As there.
#[inline(always)]
pub unsafe fn release(ctx: *mut hazptr_ctx) {
    // SAFETY: the caller's context: NULL, or a slot that it holds.
    unsafe {
        let slot = (*ctx).slot;
        if slot.is_null() {
            return;
        }
        // First, so that a second release, later or in a handler right here, does nothing. (In a
        // handler between the load above and this store it is the caller's error; see the header.)
        ptr::write_volatile(&raw mut (*ctx).slot, ptr::null_mut());
        if ptr::eq(slot, &raw const (*ctx).backup_slot.slot) {
            return backup::release(control(), ctx);
        }
        clear(&*slot.cast::<Slot>());
    }
}

/// Removes the address in a slot that the caller holds, and sees to its waiters (I7).
#[inline(always)]
pub fn clear(slot: &Slot) {
    // Relaxed: the holder's own store, or one it was handed together with the context.
    let addr = slot.0.load(Ordering::Relaxed);
    // Release: pairs with the Acquire in Slot::held(): all that was done with the object comes
    // before what the waiter does next.
    slot.0.store(ptr::null_mut(), Ordering::Release);
    removed(addr);
}

/// To be called after `addr` was removed from a slot, or overwritten (I7): wakes its waiters.
///
/// The address must be the one that stood in the slot, never one that a caller claims to have
/// held (scenario 13).
///
/// Both cases of a waiter that is about to sleep (wait.rs): if our store came before its barrier,
/// its next look at the slot sees it gone. If its barrier came first, then so did its announcement
/// in the control word, and we see that.
#[inline(always)]
pub fn removed(addr: *mut c_void) {
    delay::point(Point::Removed);
    fence::light();
    if control().word.release_is_slow() {
        wait::wake(addr);
    }
}
