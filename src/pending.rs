// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debug mode, of objects that are retired: none twice.

use crate::abi::hazptr_head;
use crate::control::{Control, control};
use crate::debug::{self, Addr};
use crate::records::{Kind, Record, State, records};
use crate::report::{Misuse, report};
use crate::stamp::Stamp;
use crate::{init, list};
use core::ffi::c_void;
use core::ptr;

/// Whether there is anything to be noted. A child may retire before it does anything else.
#[inline(always)]
fn is_on() -> bool {
    debug::is_wanted() && debug::is_on(init::ensure())
}

/// To be called before anything is done with a node that is retired. False if it must not be: it is retired
/// already.
#[inline(always)]
pub fn before_retire(node: *mut hazptr_head, addr: *const c_void) -> bool {
    !is_on() || note_retired(&mut [(Kind::Node, node.addr(), addr.addr())].into_iter())
}

/// The same for an object without a node. It may be retired as often as it has references, if these are what its
/// callback counts down. But it is freed once.
#[inline]
pub fn before_retire_ptr(addr: *const c_void, func: unsafe extern "C" fn(*mut c_void)) -> bool {
    if !is_on() || !is_free(func as usize) {
        return true;
    }
    note_retired(&mut [(Kind::Object, addr.addr(), addr.addr())].into_iter())
}

/// Whether a function is libc's, or what stands for that in this process.
fn is_free(func: usize) -> bool {
    func == libc::free as *const () as usize
}

/// The same for a list: all of it, or nothing.
///
/// # Safety
/// The links lead to nodes, or in a circle.
#[inline]
pub unsafe fn before_retire_list(first: *mut hazptr_head) -> bool {
    // SAFETY: the caller's duty.
    !is_on() || unsafe { note_retired_list(first) }
}

#[cold]
unsafe fn note_retired_list(first: *mut hazptr_head) -> bool {
    let mut node = first;
    let mut is_list = true;
    let mut nodes = core::iter::from_fn(|| {
        // SAFETY: the caller's duty.
        let this = unsafe { node.as_ref() }?;
        is_list &= this.func.is_some();
        let known = (Kind::Node, node.addr(), this.addr.addr());
        node = this.next;
        is_list.then_some(known)
    });
    let is_first = note_retired(&mut nodes);
    if !is_list {
        // It is to be refused, for another reason.
        // SAFETY: the caller's duty.
        unsafe { forget_list(first) };
    }
    is_first
}

/// Those in front of the first that has no callback were not retired after all.
unsafe fn forget_list(first: *mut hazptr_head) {
    let mut node = first;
    // SAFETY: the caller's duty.
    while let Some(this) = unsafe { node.as_ref() }.filter(|this| this.func.is_some()) {
        records(control()).with(|table| table.forget(Kind::Node, node.addr()));
        node = this.next;
    }
}

#[cold]
fn note_retired(nodes: &mut dyn Iterator<Item = (Kind, usize, usize)>) -> bool {
    let here = Stamp::now();
    let before = records(control()).with(|table| {
        let mut first: *mut Record = ptr::null_mut();
        for (kind, at, addr) in nodes {
            if let Some(before) = table.find(kind, at, &[State::Now]) {
                let before = *before;
                // SAFETY: of this table: those that were added here.
                while let Some(added) = unsafe { first.as_mut() } {
                    added.state = State::Unused;
                    first = added.slot.cast_mut().cast();
                }
                return Some(before);
            }
            let record = table.add(kind, at)?;
            (record.addr, record.begun) = (addr, here);
            record.slot = first.cast_const().cast();
            first = record;
        }
        None
    });
    let Some(before) = before.flatten() else { return true };
    report(
        Misuse::DoubleRetire,
        format_args!(
            "retire of {}, which is retired already, and not reclaimed yet; left out",
            Addr(before.addr)
        ),
        &[("here", &here), ("retired", &before.begun)],
    );
    false
}

/// To be called before a retired object's callback is.
///
/// # Safety
/// The node is the caller's.
#[inline]
pub unsafe fn before_callback(control: &Control, node: *mut hazptr_head) {
    if debug::is_on(control) {
        // SAFETY: the caller's duty.
        unsafe { forget_retired(control, node) }
    }
}

#[cold]
unsafe fn forget_retired(control: &Control, node: *mut hazptr_head) {
    // SAFETY: the caller's duty.
    let (kind, at) = unsafe {
        if list::is_of_ptr(node) {
            (Kind::Object, (*node).addr.addr())
        } else {
            (Kind::Node, node.addr())
        }
    };
    records(control).with(|table| table.forget(kind, at));
}
