// SPDX-License-Identifier: MIT OR Apache-2.0
//! Backup slots: hazards in the caller's own context, for when no line is to be had. They hang on
//! one list under one lock, which a waiter holds while it reads the whole list: one pass, no retry.

use crate::abi::{hazptr_backup_slot, hazptr_ctx};
use crate::control::{Control, control};
use crate::line::Slot;
use crate::lock::{Guard, Lock};
use crate::portable::{self, masked};
use crate::stats::Count;
use crate::sync::{AtomicPtr, Ordering};
use crate::{debug, release};
use core::ffi::c_void;
use core::mem::offset_of;
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
        // Relaxed: who finds the list not empty takes the lock.
        self.head.store(node, Ordering::Relaxed);
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
            // Release: pairs with the Acquire in find(), which may find the list empty by this
            // store, without the lock: what the holder did comes before what the waiter does next.
            AtomicPtr::from_ptr((*node).pprev).store(next, Ordering::Release);
        }
    }

    /// Shows every node's slot to `look`, until it has found what it looks for.
    fn find<T>(&self, look: impl FnMut(&Slot) -> Option<T>) -> Option<T> {
        // Acquire: pairs with the Release in link(). If this sees an empty list, then nothing was
        // linked whose acquire goes on to trust the old pointer: its full fence after linking
        // pairs with ours in barrier::heavy(), as in portable::validate(). A hazard linked before
        // cannot be missed; one linked later re-loads the new pointer.
        if self.head.load(Ordering::Acquire).is_null() {
            return None;
        }
        self.walk(&self.lock.lock(), look)
    }

    fn walk<T>(&self, _held: &Guard<'_>, mut look: impl FnMut(&Slot) -> Option<T>) -> Option<T> {
        // Relaxed: the lock is held.
        let mut node = self.head.load(Ordering::Relaxed);
        // SAFETY: nodes on the list are in place while we hold the lock.
        while let Some(this) = unsafe { node.as_ref() } {
            let found = look(slot(this));
            if found.is_some() {
                return found;
            }
            node = this.next;
        }
        None
    }

    /// A backup slot that holds what is `wanted`, and which address that is. Its owner may unlink it at any
    /// time: it is but a name.
    pub fn holder(
        &self,
        wanted: impl Fn(*const c_void) -> bool,
    ) -> Option<(*const Slot, *mut c_void)> {
        self.find(|slot| {
            let held = slot.held();
            wanted(held).then_some((ptr::from_ref(slot), held))
        })
    }

    /// Whether the slot of that name is on the list and holds `addr`.
    pub fn is_held(&self, name: *const Slot, addr: *const c_void) -> bool {
        let found = |slot: &Slot| ptr::eq(slot, name).then(|| ptr::eq(slot.held(), addr));
        self.find(found) == Some(true)
    }

    /// Shows every node's slot to `look`.
    pub fn for_each(&self, mut look: impl FnMut(&Slot)) {
        self.find(|slot| -> Option<()> {
            look(slot);
            None
        });
    }

    /// Of the slots from one on, as many as there is room for: where each is, and what it holds. How many
    /// these are; None if somebody has the lock.
    pub fn try_copy(&self, from: usize, to: &mut [(*const Slot, *mut c_void)]) -> Option<usize> {
        let held = self.lock.try_lock()?;
        let (mut number, mut copied) = (0, 0);
        self.walk(&held, |slot| {
            if number >= from {
                *to.get_mut(copied)? = (ptr::from_ref(slot), slot.held());
                copied += 1;
            }
            number += 1;
            (copied == to.len()).then_some(())
        });
        Some(copied)
    }

    /// How many backup slots are in use.
    pub fn len(&self) -> usize {
        let mut len = 0;
        self.for_each(|_| len += 1);
        len
    }
}

/// The hazard in a node, which others read while its owner writes.
fn slot(node: &Node) -> &Slot {
    // SAFETY: `hazptr_slot` is one pointer, and every access to it while it is linked is atomic.
    unsafe { &*(&raw const node.slot).cast::<Slot>() }
}

/// Acquires through the context's own slot. `None` only if the library is not initialised, because
/// a handler has forked since the caller saw to that, and this is the child.
///
/// # Safety
/// As [`crate::abi::hazptr_acquire`].
pub unsafe fn acquire(
    control: &Control,
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
    keep: usize,
) -> Option<*mut c_void> {
    // SAFETY: the caller's context and pointer. The context is ours alone until it is linked, and
    // is on no list: an acquire on a context that still holds is the caller's error.
    unsafe {
        let node = &raw mut (*ctx).backup_slot;
        // This load, and a first store to both ends of what we write of the context, before the
        // lock: should they fault, the program's handler may acquire.
        let mut addr = portable::load(addr_p);
        (*ctx).slot = ptr::null_mut();
        (*ctx).flags = 0;
        if !masked(addr, keep).is_null() {
            let held = control.backup.lock.lock();
            // With signals blocked nobody forks under us: the node and the list agree on it.
            (*ctx).generation = control.generation();
            if (*ctx).generation == 0 {
                return None;
            }
            (*node).slot.addr = masked(addr, keep);
            control.backup.link(node, &held);
            drop(held);
            // From here on a scan finds the node, with an address that is not final yet
            // (scenario 3): one that is gone in the end delays a waiter, whom validate() wakes.
            addr = portable::validate(slot(&*node), addr, addr_p, keep);
            if masked(addr, keep).is_null() {
                unlink(control, ctx);
            }
        }
        control.counters.add(ctx, Count::AcquireBackup);
        if !masked(addr, keep).is_null() {
            (*ctx).slot = &raw mut (*node).slot;
        }
        Some(addr)
    }
}

/// Whether a context's own slot is on the list.
pub fn is_linked(control: &Control, ctx: *const hazptr_ctx) -> bool {
    let name = ctx.wrapping_byte_add(offset_of!(hazptr_ctx, backup_slot)).cast::<Slot>();
    control.backup.find(|slot| ptr::eq(slot, name).then_some(())).is_some()
}

/// Takes a context's node off the list, unless that is a list of before a fork, and forgotten.
///
/// # Safety
/// The node was linked, and is unlinked by nobody else.
unsafe fn unlink(control: &Control, ctx: *mut hazptr_ctx) {
    let held = control.backup.lock.lock();
    // SAFETY: the caller's duty; with signals blocked the generation stays what it is.
    unsafe {
        if (*ctx).generation == control.generation() {
            control.backup.unlink(&raw mut (*ctx).backup_slot, &held);
        }
    }
}

/// Hands over what a context says that it holds in its backup slot.
///
/// # Safety
/// As [`relink`].
#[cold]
#[inline(never)]
pub unsafe fn hand_over(control: &Control, to: *mut hazptr_ctx, from: *mut hazptr_ctx) {
    // SAFETY: the caller's duty.
    unsafe {
        if !debug::hand_over(control, to, from) {
            relink(control, to, from);
        }
    }
}

/// Hands a backup slot's hazard to another context's. No scan finds both or neither, for it has the lock;
/// who sleeps for the one is told to look again.
///
/// # Safety
/// `from` holds its backup slot, `to` holds nothing, and nobody else touches either.
pub unsafe fn relink(control: &Control, to: *mut hazptr_ctx, from: *mut hazptr_ctx) {
    // SAFETY: the caller's duty; the rest as in acquire().
    unsafe {
        // A first store to both ends, before the lock, as there.
        (*to).slot = ptr::null_mut();
        (*to).flags = (*from).flags;
        (*from).slot = ptr::null_mut();
        let held = control.backup.lock.lock();
        (*to).backup_slot.slot = (*from).backup_slot.slot;
        (*to).generation = (*from).generation;
        if (*from).generation == control.generation() {
            control.backup.link(&raw mut (*to).backup_slot, &held);
            control.backup.unlink(&raw mut (*from).backup_slot, &held);
        }
        (*to).slot = &raw mut (*to).backup_slot.slot;
        drop(held);
        release::removed(slot(&(*from).backup_slot));
    }
}

/// Releases a context whose hazard is in its backup slot.
///
/// # Safety
/// The context says that it holds its backup slot, and nobody else releases it.
#[cold]
#[inline(never)]
pub unsafe fn release(ctx: *mut hazptr_ctx, addr: *const c_void) {
    // SAFETY: the caller's duty.
    unsafe {
        if !debug::release(ctx, addr) {
            // First, as in release::release().
            ptr::write_volatile(&raw mut (*ctx).slot, ptr::null_mut());
            let_go(control(), ctx);
        }
    }
}

/// Takes a context's own slot off the list, and empties it.
///
/// # Safety
/// The context holds that, and nobody else releases it.
pub unsafe fn let_go(control: &Control, ctx: *mut hazptr_ctx) {
    // SAFETY: the caller's duty.
    unsafe {
        let hazard = slot(&(*ctx).backup_slot);
        unlink(control, ctx);
        // Off the list, so that no scan reads it any more; the lock has ordered us before the next.
        release::clear(hazard);
    }
}
