// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backup slots: hazards in the caller's own context, for when no line is to be had. They hang on
//! one list under one lock, which a waiter holds while it reads the whole list: one pass, no retry.

use crate::abi::{hazptr_backup_slot, hazptr_ctx};
use crate::control::Control;
use crate::line::Slot;
use crate::lock::{Guard, Lock};
use crate::stats::Count;
use crate::sync::{AtomicPtr, Ordering};
use crate::{portable, release};
use core::ffi::c_void;
use core::ptr;

type Node = hazptr_backup_slot;

/// See the module's comment. All zero is the empty list.
#[repr(C)]
pub struct BackupList {
    /// The first node. Written under the lock.
    head: AtomicPtr<Node>,
    lock: Lock,
}

impl BackupList {
    /// An empty list.
    pub const fn new() -> Self {
        Self { head: AtomicPtr::new(ptr::null_mut()), lock: Lock::new() }
    }

    /// Puts a node in front.
    ///
    /// # Safety
    /// The node is on no list, and stays in place until it is unlinked.
    unsafe fn link(&self, node: *mut Node, _held: &Guard<'_>) {
        // Relaxed: written under the lock, which we hold.
        let first = self.head.load(Ordering::Relaxed);
        // SAFETY: nodes on the list are in place, and only the lock's holder touches their links.
        unsafe {
            (*node).next = first;
            (*node).pprev = self.head.as_ptr();
            if !first.is_null() {
                (*first).pprev = &raw mut (*node).next;
            }
        }
        // Release: pairs with the Acquire in holds(), which may find the list not empty without
        // having the lock. (The lock orders all the rest.)
        self.head.store(node, Ordering::Release);
    }

    /// Takes a node off.
    ///
    /// # Safety
    /// The node is on this list.
    unsafe fn unlink(&self, node: *mut Node, _held: &Guard<'_>) {
        // SAFETY: as in link(). `pprev` is the head itself or a link of a node on the list.
        unsafe {
            let next = (*node).next;
            if !next.is_null() {
                (*next).pprev = (*node).pprev;
            }
            // Relaxed: holds() takes the lock before it follows any link; an empty list that it
            // sees late costs it the lock.
            AtomicPtr::from_ptr((*node).pprev).store(next, Ordering::Relaxed);
        }
    }

    /// Counts the nodes that `wanted` picks by their address.
    fn count(&self, wanted: impl Fn(*mut c_void) -> bool) -> usize {
        // Acquire: pairs with the Release in link(). If this sees an empty list, then nothing was
        // linked whose acquire goes on to trust the old pointer: its full fence after linking
        // pairs with ours in barrier::heavy(), as in portable::validate(). A hazard linked before
        // cannot be missed; one linked later re-loads the new pointer.
        if self.head.load(Ordering::Acquire).is_null() {
            return 0;
        }
        let _held = self.lock.lock();
        // Relaxed: we hold the lock.
        let mut node = self.head.load(Ordering::Relaxed);
        let mut found = 0;
        // SAFETY: nodes on the list are in place while we hold the lock.
        while let Some(this) = unsafe { node.as_ref() } {
            if wanted(slot(this).held()) {
                found += 1;
            }
            node = this.next;
        }
        found
    }

    /// Whether any backup slot holds `addr`.
    pub fn holds(&self, addr: *const c_void) -> bool {
        self.count(|held| ptr::eq(held, addr)) != 0
    }

    /// How many backup slots are in use.
    pub fn len(&self) -> usize {
        self.count(|_| true)
    }
}

/// The hazard in a node, which others read while its owner writes.
fn slot(node: &Node) -> &Slot {
    // SAFETY: `hazptr_slot` is one pointer, and every access to it while it is linked is atomic.
    unsafe { &*(&raw const node.slot).cast::<Slot>() }
}

/// Acquires through the context's own slot. Cannot fail.
///
/// # Safety
/// As [`crate::abi::hazptr_acquire`].
pub unsafe fn acquire(
    control: &Control,
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
) -> *mut c_void {
    control.counters.add(ctx, Count::AcquireBackup);
    // SAFETY: the caller's context and pointer. The context is ours alone until it is linked, and
    // is on no list: an acquire on a context that still holds is the caller's error.
    unsafe {
        let node = &raw mut (*ctx).backup_slot;
        // Before the lock: if this load faults, no lock and no blocked signal is left behind.
        let addr = portable::load(addr_p);
        (*ctx).slot = ptr::null_mut();
        if addr.is_null() {
            return addr;
        }
        {
            let held = control.backup.lock.lock();
            (*ctx).generation = control.generation();
            (*ctx).flags = 0;
            (*node).slot.addr = addr;
            control.backup.link(node, &held);
        }
        // From here on a scan finds the node, with an address that is not final yet (scenario 3):
        // one that is gone in the end delays a waiter, and validate() wakes it.
        let addr = portable::validate(slot(&*node), addr, addr_p);
        if addr.is_null() {
            let held = control.backup.lock.lock();
            if (*ctx).generation == control.generation() {
                control.backup.unlink(node, &held);
            }
        } else {
            (*ctx).slot = &raw mut (*node).slot;
        }
        addr
    }
}

/// Releases a context whose hazard is in its backup slot.
///
/// # Safety
/// The context holds its backup slot, and nobody else releases it.
#[cold]
#[inline(never)]
pub unsafe fn release(control: &Control, ctx: *mut hazptr_ctx) {
    // SAFETY: the caller's duty.
    unsafe {
        let node = &raw mut (*ctx).backup_slot;
        let hazard = slot(&*node);
        // Relaxed: as in release::clear().
        let addr = hazard.0.load(Ordering::Relaxed);
        {
            let held = control.backup.lock.lock();
            // A context inherited from before a fork is on a list that is forgotten.
            if (*ctx).generation == control.generation() {
                control.backup.unlink(node, &held);
            }
            // Release: as in release::clear(), should a scan still be reading it.
            hazard.0.store(ptr::null_mut(), Ordering::Release);
        }
        release::removed(addr);
    }
}
