// SPDX-License-Identifier: MIT OR Apache-2.0
//! Held hazards: a slot that its context keeps, and writes itself, until it is released.
//!
//! It is claimed as any other is, by an acquire of a pointer to NOTHING, an address that no object has:
//! so it is never NULL while it is held (I3), and there is no other way into a slot. After that no
//! sequence is needed. One primitive does the rest: to protect is to [`publish`] what was loaded, until
//! that is what is there.
//!
//! Both cases, against a waiter that unpublishes and then has its barrier (fence.rs): if the barrier came
//! before our store, our second load sees what the waiter stored, and we go on with that. If our store
//! came first, the scan sees it. The look at the control block stands between the two: whoever has found
//! mode rseq there was still to meet the sweep by which that mode ends (init.rs), and then that is the
//! barrier of those who come after; whoever has not, has fenced.

use crate::abi::hazptr_ctx;
use crate::control::{Control, Mode, control};
use crate::line::Slot;
use crate::portable::{load, masked};
use crate::sync::{AtomicPtr, Ordering};
use crate::{acquire, backup, debug, fence, init, release, rseq};
use core::ffi::c_void;
use core::ptr;

/// What a held slot holds while it protects nothing.
pub const NOTHING: *mut c_void = ptr::without_provenance_mut(1);

/// What an acquire loads NOTHING from.
static POINTER_TO_NOTHING: AtomicPtr<c_void> = AtomicPtr::new(NOTHING);

/// See [`crate::abi::hazptr_hold`].
///
/// # Safety
/// As there.
#[inline(never)]
pub unsafe fn hold(ctx: *mut hazptr_ctx) {
    let control = control();
    let generation = control.generation();
    // SAFETY: the caller's context.
    unsafe {
        let nothing = rseq::acquire_near(control, ctx, POINTER_TO_NOTHING.as_ptr());
        if nothing.is_none() || control.generation() != generation {
            return hold_slow(ctx, nothing.is_some());
        }
        mark(ctx, generation);
    }
}

/// The same by whichever way there is. `holds`: the context holds a slot, but a handler has forked, so it
/// may be the parent's.
///
/// # Safety
/// As there.
#[cold]
#[inline(never)]
unsafe fn hold_slow(ctx: *mut hazptr_ctx, mut holds: bool) {
    loop {
        let generation = init::ensure().generation();
        // SAFETY: the caller's context.
        unsafe {
            if holds {
                release::release(ctx, ptr::null());
            }
            acquire::slow(ctx, POINTER_TO_NOTHING.as_ptr(), !0);
            if control().generation() == generation {
                return mark(ctx, generation);
            }
        }
        holds = true;
    }
}

/// Notes when a context's slot is to be trusted: in mode rseq, nobody sleeping, of this generation. One
/// store, for inlined code looks at both halves at once.
///
/// # Safety
/// The context holds a slot of that generation.
unsafe fn mark(ctx: *mut hazptr_ctx, generation: u32) {
    // SAFETY: the two members lie side by side (abi.rs), at a multiple of eight.
    unsafe { (&raw mut (*ctx).generation).cast::<u64>().write(Control::quiet(generation)) };
}

/// The slot of a context that holds one.
///
/// # Safety
/// It does.
unsafe fn slot<'a>(ctx: *mut hazptr_ctx) -> &'a Slot {
    // SAFETY: the caller's duty; lines are for ever (I2), and a backup slot stays while it is held.
    unsafe { &*(*ctx).slot.cast::<Slot>() }
}

/// See [`crate::abi::hazptr_publish`].
///
/// # Safety
/// As there.
#[inline(always)]
pub unsafe fn publish(ctx: *mut hazptr_ctx, addr: *mut c_void) {
    // SAFETY: the caller's duty.
    unsafe {
        if !is_published(ctx, addr) {
            publish_slow(ctx, addr);
        }
    }
}

/// Puts an address into a held slot. Whether that was enough: then what loads again, and finds the
/// address where it was, may rely on it.
///
/// # Safety
/// The context holds a slot.
#[inline(always)]
unsafe fn is_published(ctx: *mut hazptr_ctx, addr: *mut c_void) -> bool {
    // SAFETY: the caller's duty.
    unsafe {
        // Release: pairs with the Acquire in Slot::held(): the slot may have held another address.
        slot(ctx).0.store(or_nothing(addr), Ordering::Release);
        fence::light();
        control().is_quiet((*ctx).generation)
    }
}

/// The same where the mode is not rseq, somebody sleeps, or this is a child and the slot its parent's.
///
/// # Safety
/// As there.
#[cold]
#[inline(never)]
unsafe fn publish_slow(ctx: *mut hazptr_ctx, addr: *mut c_void) {
    let control = control();
    // SAFETY: the caller's duty. What is forgotten here is a slot that nobody in this process looks at.
    unsafe {
        if !control.word.is_usual() {
            return publish_first_or_debug(ctx, addr);
        }
        if (*ctx).generation != control.generation() {
            hold_slow(ctx, false);
        }
        publish_in(slot(ctx), addr);
    }
}

/// # Safety
/// As [`publish_slow`].
#[cold]
#[inline(never)]
unsafe fn publish_first_or_debug(ctx: *mut hazptr_ctx, addr: *mut c_void) {
    let control = init::ensure();
    // SAFETY: the caller's duty.
    unsafe {
        if !debug::is_on(control) {
            return publish_slow(ctx, addr);
        }
        if (*ctx).generation != control.generation() {
            hold_slow(ctx, false);
        }
        publish_in(debug::publish(control, ctx, addr), addr);
    }
}

#[inline(always)]
fn publish_in(slot: &Slot, addr: *mut c_void) {
    // Release: as in is_published().
    slot.0.store(or_nothing(addr), Ordering::Release);
    release::removed(slot);
    // Pairs with the full fence in barrier::heavy().
    fence::full();
}

fn or_nothing(addr: *mut c_void) -> *mut c_void {
    if addr.is_null() { NOTHING } else { addr }
}

/// See [`crate::abi::hazptr_protect`] and [`crate::abi::hazptr_protect_masked`].
///
/// # Safety
/// As there.
#[inline(never)]
pub unsafe fn protect(
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
    keep: usize,
) -> *mut c_void {
    // SAFETY: the caller's duty, passed on.
    unsafe {
        let mut addr = load(addr_p);
        loop {
            if !is_published(ctx, masked(addr, keep)) {
                return protect_slow(ctx, addr_p, keep);
            }
            let now = load(addr_p);
            if masked(now, keep) == masked(addr, keep) {
                return now;
            }
            addr = now;
        }
    }
}

/// # Safety
/// As there.
#[cold]
#[inline(never)]
unsafe fn protect_slow(
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
    keep: usize,
) -> *mut c_void {
    // SAFETY: the caller's duty, passed on.
    unsafe {
        let mut addr = load(addr_p);
        loop {
            publish_slow(ctx, masked(addr, keep));
            let now = load(addr_p);
            if masked(now, keep) == masked(addr, keep) {
                return now;
            }
            addr = now;
        }
    }
}

/// See [`crate::abi::hazptr_try_protect`].
///
/// # Safety
/// As there.
#[inline(always)]
pub unsafe fn try_protect(
    ctx: *mut hazptr_ctx,
    expected: *mut *mut c_void,
    addr_p: *const *mut c_void,
) -> bool {
    // SAFETY: the caller's duty, passed on.
    unsafe {
        publish(ctx, *expected);
        let now = load(addr_p);
        if now == *expected {
            return true;
        }
        reset(ctx);
        *expected = now;
    }
    false
}

/// See [`crate::abi::hazptr_reset`].
///
/// # Safety
/// As there.
#[inline(always)]
pub unsafe fn reset(ctx: *mut hazptr_ctx) {
    // SAFETY: the caller's duty.
    let slot = unsafe { slot(ctx) };
    empty(slot);
    release::removed_by_program(slot);
}

/// Has a held slot protect nothing any more. Its waiters are still to be seen to.
#[inline(always)]
pub fn empty(slot: &Slot) {
    // Release: as in publish().
    slot.0.store(NOTHING, Ordering::Release);
}

/// See [`crate::abi::hazptr_light_fence`].
pub fn light_fence() {
    fence::light();
    if control().word.mode() != Mode::Rseq {
        // Pairs with the full fence in barrier::heavy().
        fence::full();
    }
}

/// See [`crate::abi::hazptr_move`].
///
/// # Safety
/// As there.
pub unsafe fn hand_over(to: *mut hazptr_ctx, from: *mut hazptr_ctx) {
    // SAFETY: the caller's duty.
    unsafe {
        if ptr::eq(to, from) {
            return;
        }
        if ptr::eq((*from).slot, &raw const (*from).backup_slot.slot) {
            return backup::hand_over(control(), to, from);
        }
        // The slot stays where it is (I1); who may write it changes.
        (*to).slot = (*from).slot;
        mark(to, (*from).generation);
        (*from).slot = ptr::null_mut();
    }
}
