// SPDX-License-Identifier: MIT OR Apache-2.0
//! Acquire by compare-and-swap, for any thread on any CPU, with no help of the kernel: in the modes
//! below rseq, for CPUs from `nr_cpus` on, and for threads that have no rseq area. Correct beside
//! sequences too, as it fences for itself.

use crate::abi::hazptr_ctx;
use crate::control::Control;
use crate::delay::{self, Point};
use crate::line::{self, Slot};
use crate::stats::Count;
use crate::sync::{AtomicPtr, AtomicU32, Ordering};
use crate::{fence, release};
use core::ffi::c_void;
use core::ptr;

/// SHARED lines taken ahead.
const SHARED_AHEAD: u32 = 16;

/// Loads the pointer to protect.
///
/// # Safety
/// `addr_p` can be read.
pub unsafe fn load(addr_p: *const *mut c_void) -> *mut c_void {
    // Acquire: what the interface promises; pairs with the publisher's store.
    // SAFETY: the caller's duty; a pointer that others change is read atomically.
    unsafe { AtomicPtr::from_ptr(addr_p.cast_mut()).load(Ordering::Acquire) }
}

/// What of a pointer is protected: the bits of `keep`.
pub fn masked(addr: *mut c_void, keep: usize) -> *mut c_void {
    addr.map_addr(|bits| bits & keep)
}

/// Acquires through a slot of a SHARED line. `None` if there is none to be had.
///
/// # Safety
/// As [`crate::abi::hazptr_acquire`].
pub unsafe fn acquire(
    control: &Control,
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
    keep: usize,
) -> Option<*mut c_void> {
    // SAFETY: the caller's duty, passed on; validate() gets a slot that was just claimed.
    unsafe {
        let mut addr = load(addr_p);
        let mut held: *const Slot = ptr::null();
        if !masked(addr, keep).is_null() {
            let slot = claim(control, ctx, masked(addr, keep))?;
            addr = validate(slot, addr, addr_p, keep);
            if !masked(addr, keep).is_null() {
                held = slot;
            }
        }
        control.counters.add(ctx, Count::AcquirePortable);
        (*ctx).slot = held.cast_mut().cast();
        Some(addr)
    }
}

/// Makes sure that what an owned slot protects is still what `addr_p` holds, following it if not.
/// Returns what was loaded in the end: the slot holds the bits of `keep` of that, NULL included.
///
/// Both cases, against a waiter that unpublishes, fences and then scans: if its fence came before
/// ours, our load below sees the new pointer and we let go of the old one. If ours came first, its
/// scan sees our slot, and waits.
///
/// # Safety
/// `slot` belongs to the caller and holds `addr`, masked; `addr_p` can be read.
pub unsafe fn validate(
    slot: &Slot,
    mut addr: *mut c_void,
    addr_p: *const *mut c_void,
    keep: usize,
) -> *mut c_void {
    loop {
        delay::point(Point::Published);
        // Pairs with the full fence in barrier::heavy().
        fence::full();
        // SAFETY: the caller's duty, passed on.
        let now = unsafe { load(addr_p) };
        if masked(now, keep) == masked(addr, keep) {
            return now;
        }
        // Relaxed: the fence releases. It pairs with the Acquire in Slot::held(), for the slot's former
        // holder: a waiter may read this store instead of that holder's NULL.
        slot.0.store(masked(now, keep), Ordering::Relaxed);
        delay::point(Point::Overwritten);
        // A waiter may have seen the old address here in the meantime (I7, scenario 12).
        release::removed(slot);
        if masked(now, keep).is_null() {
            return now;
        }
        addr = now;
    }
}

/// Where threads begin to look for an empty slot: the line where one that began at the same place
/// last found one. So threads are spread over lines, and lines full of blocked holders are passed
/// over once.
#[repr(transparent)]
pub struct Starts([AtomicU32; SHARED_AHEAD as usize]);

impl Starts {
    /// All at the first line.
    pub const fn new() -> Self {
        Self([const { AtomicU32::new(0) }; SHARED_AHEAD as usize])
    }
}

/// An empty slot of a SHARED line, now holding `addr`.
fn claim(control: &Control, ctx: *mut hazptr_ctx, addr: *mut c_void) -> Option<&'static Slot> {
    // By where their stacks lie, threads begin at different lines.
    let start = &control.starts.0[(ctx as usize >> 12) % SHARED_AHEAD as usize];
    loop {
        let mark = control.registry.mark();
        // Relaxed: a hint.
        let first = start.load(Ordering::Relaxed);
        for i in 0..mark {
            let index = first.wrapping_add(i) % mark;
            let line = control.registry.line(index)?;
            let claimed = line.is_shared().then(|| line.slots.iter().find(|slot| take(slot, addr)));
            if let Some(Some(slot)) = claimed {
                if i != 0 {
                    // Relaxed: a hint.
                    start.store(index, Ordering::Relaxed);
                }
                return Some(slot);
            }
        }
        control.registry.take(line::SHARED)?;
    }
}

/// Puts `addr` into a slot if that is empty.
fn take(slot: &Slot, addr: *mut c_void) -> bool {
    // Relaxed: the CAS decides.
    slot.0.load(Ordering::Relaxed).is_null()
        // Relaxed: the fence in validate() acquires what the slot's former holder has released, and
        // passes it on to a waiter that reads what comes next. One that reads this very store gets it
        // because a CAS continues the release sequence.
        && slot
            .0
            .compare_exchange(ptr::null_mut(), addr, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
}

/// Takes SHARED lines ahead and spreads the threads over them, for when this is the path that
/// everybody uses.
pub fn prepare(control: &Control) {
    for (index, start) in control.starts.0.iter().enumerate() {
        // Relaxed: a hint.
        start.store(index as u32, Ordering::Relaxed);
        if control.registry.take(line::SHARED).is_none() {
            break;
        }
    }
}
