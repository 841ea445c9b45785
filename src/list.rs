// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retired objects: what the words of a node say, and chains of them that one thread has to itself.

use crate::abi::{hazptr_cohort, hazptr_head};
use crate::sys;
use core::ffi::c_void;
use core::ptr;

/// The node was made by hazptr_retire_ptr(): its callback is one that takes the address, and it is to
/// be freed.
pub const OF_PTR: usize = 1;
/// The phase that the node was taken in, modulo 2; see [`crate::ledger`]. Written when a node is kept.
const ODD_PHASE: usize = 2;
/// What is left is the cohort's address, which is a multiple of 8, or NULL.
const MARKS: usize = OF_PTR | ODD_PHASE;

/// A chain by `next`, last in, first out.
pub struct List {
    pub head: *mut hazptr_head,
    pub length: u32,
}

impl List {
    pub const fn new() -> Self {
        Self { head: ptr::null_mut(), length: 0 }
    }

    /// # Safety
    /// The node is the caller's, and in no list.
    pub unsafe fn push(&mut self, node: *mut hazptr_head) {
        // SAFETY: the caller's duty.
        unsafe { (*node).next = self.head };
        self.head = node;
        self.length += 1;
    }

    pub fn pop(&mut self) -> Option<*mut hazptr_head> {
        let node = self.head;
        if node.is_null() {
            return None;
        }
        // SAFETY: nodes of the list are in place.
        self.head = unsafe { (*node).next };
        self.length -= 1;
        Some(node)
    }

    /// Takes the first `length` nodes, which `rest` comes after. They stay linked to it: what is cut off
    /// is to be taken by [`Self::pop_cut`].
    pub fn cut(&mut self, rest: *mut hazptr_head, length: u32) -> Self {
        let cut = Self { head: self.head, length };
        self.head = rest;
        self.length -= length;
        cut
    }

    /// As [`Self::pop`], of what was cut off.
    pub fn pop_cut(&mut self) -> Option<*mut hazptr_head> {
        if self.length == 0 { None } else { self.pop() }
    }

    pub fn take(&mut self) -> Self {
        core::mem::replace(self, Self::new())
    }

    /// Puts a chain of so many nodes in front. Costs a walk along it, unless this list is empty.
    ///
    /// # Safety
    /// The nodes are the caller's, and there is one at least.
    pub unsafe fn prepend(&mut self, head: *mut hazptr_head, length: u32) {
        let mut last = head;
        // SAFETY: the caller's duty.
        unsafe {
            while !self.head.is_null() && !(*last).next.is_null() {
                last = (*last).next;
            }
            if !self.head.is_null() {
                (*last).next = self.head;
            }
        }
        self.head = head;
        self.length += length;
    }
}

/// Writes a node's last word.
///
/// # Safety
/// The node is the caller's.
pub unsafe fn set_owner(node: *mut hazptr_head, cohort: *mut hazptr_cohort, marks: usize) {
    // SAFETY: the caller's duty.
    unsafe { (*node).reserved = cohort.map_addr(|bits| bits | marks).cast() };
}

/// The node's cohort, or NULL.
///
/// # Safety
/// The node is the caller's.
pub unsafe fn cohort(node: *const hazptr_head) -> *mut hazptr_cohort {
    // SAFETY: the caller's duty.
    unsafe { (*node).reserved.map_addr(|bits| bits & !MARKS).cast() }
}

/// # Safety
/// The node is the caller's.
pub unsafe fn is_of_ptr(node: *const hazptr_head) -> bool {
    // SAFETY: the caller's duty.
    unsafe { (*node).reserved.addr() & OF_PTR != 0 }
}

/// The phase that a node was taken in, modulo 2.
///
/// # Safety
/// The node is the caller's, and its phase has been written.
pub unsafe fn parity(node: *const hazptr_head) -> usize {
    // SAFETY: the caller's duty.
    unsafe { ((*node).reserved.addr() & ODD_PHASE) / ODD_PHASE }
}

/// # Safety
/// The node is the caller's.
pub unsafe fn set_parity(node: *mut hazptr_head, parity: usize) {
    let bits = parity * ODD_PHASE;
    // SAFETY: the caller's duty.
    unsafe {
        (*node).reserved = (*node).reserved.map_addr(|now| now & !ODD_PHASE | bits);
    }
}

/// A node for an object that has none, and its callback; None if memory is refused. Its cohort is to
/// be written, with [`OF_PTR`].
pub fn new_of_ptr(
    addr: *mut c_void,
    func: unsafe extern "C" fn(*mut c_void),
) -> Option<*mut hazptr_head> {
    let head = sys::allocate(size_of::<hazptr_head>())?.cast::<hazptr_head>().as_ptr();
    // SAFETY: fresh memory of the right size. What reclaims the node gives `func` its type back.
    unsafe {
        (*head).addr = addr;
        (*head).func = Some(core::mem::transmute::<
            unsafe extern "C" fn(*mut c_void),
            unsafe extern "C" fn(*mut hazptr_head),
        >(func));
    }
    Some(head)
}

/// Calls a node's callback, after which it is gone.
///
/// # Safety
/// The node is the caller's, and nobody protects its object.
pub unsafe fn reclaim(head: *mut hazptr_head) {
    // SAFETY: the caller's duty; callbacks were looked at when the node was retired.
    unsafe {
        let (func, addr, of_ptr) = ((*head).func, (*head).addr, is_of_ptr(head));
        let Some(func) = func else { return };
        if of_ptr {
            sys::free(head.cast());
            core::mem::transmute::<
                unsafe extern "C" fn(*mut hazptr_head),
                unsafe extern "C" fn(*mut c_void),
            >(func)(addr);
        } else {
            func(head);
        }
    }
}
