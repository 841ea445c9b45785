// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which of many retired objects somebody protects, by one look at all hazards; by a second one if
//! the first leaves a doubt.
//!
//! The first look fills a filter of fixed size with a hash of every address held. What is not in it
//! is not protected. What is, is a suspect: those go into a table, and the second look takes out of it
//! whatever it finds held. So no memory has to be had for it, however many hazards there are, and the
//! answer is exact. A hazard on a retired address that was taken before the barrier does not come
//! anew (I5, I6), so it does not matter that between both looks some go.

use crate::abi::hazptr_head;
use crate::batch::{Batch, MIXED};
use crate::control::Control;
use crate::filter::{Filter, hash};
use crate::line::Slot;
use crate::list::{self, List};
use core::ffi::c_void;

/// Chains of the table of suspects: 2 KiB.
const CHAIN_BITS: u32 = if cfg!(test) { 2 } else { 7 };

/// Shows every hazard's address to `look`.
///
/// The caller's barrier is over, or was for an earlier look at the same objects: then the mark, the
/// slots and the list are read as in synchronize.rs (I6).
fn for_each_hazard(control: &Control, mut look: impl FnMut(*mut c_void)) {
    let mut look = |slot: &Slot| {
        let addr = slot.held();
        if !addr.is_null() {
            look(addr);
        }
    };
    for line in control.registry.lines(control.registry.mark()) {
        line.slots.iter().for_each(&mut look);
    }
    control.backup.for_each(look);
}

/// Takes all out of a batch: returns what nobody protects, and keeps what somebody does, with its
/// parity written. With what is free goes the parity of it all, or MIXED: then it is written too.
///
/// # Safety
/// The batch is the caller's.
#[inline(never)]
pub unsafe fn sort(control: &Control, batch: &mut Batch, kept: &mut List) -> (List, usize) {
    let mut filter = Filter::new();
    let mut any = false;
    for_each_hazard(control, |addr| {
        filter.add(addr);
        any = true;
    });
    if !any && batch.left.length == 0 {
        return (batch.fresh.take(), batch.parity);
    }

    let mut free = List::new();
    let mut suspects = [const { List::new() }; 1 << CHAIN_BITS];
    let mut doubt = false;
    // SAFETY: the caller's duty: the node was just taken off its list.
    let mut look = |node: *mut hazptr_head| unsafe {
        let addr = (*node).addr;
        let suspect = filter.may_have(addr);
        doubt |= suspect;
        if suspect { &mut suspects[hash(addr, CHAIN_BITS)] } else { &mut free }.push(node);
    };
    while let Some(node) = batch.fresh.pop() {
        // SAFETY: as above.
        unsafe { list::set_parity(node, batch.parity) };
        look(node);
    }
    while let Some(node) = batch.left.pop() {
        look(node);
    }
    if !doubt {
        return (free, MIXED);
    }

    for_each_hazard(control, |addr| {
        // SAFETY: the caller's nodes.
        unsafe { take_out(&mut suspects[hash(addr, CHAIN_BITS)], addr, kept) };
    });
    for list in &mut suspects {
        while let Some(node) = list.pop() {
            // SAFETY: just taken off another list.
            unsafe { free.push(node) };
        }
    }
    (free, MIXED)
}

/// Moves the nodes that have this address.
///
/// # Safety
/// The nodes are the caller's.
unsafe fn take_out(list: &mut List, addr: *mut c_void, into: &mut List) {
    let mut link: *mut *mut hazptr_head = &raw mut list.head;
    // SAFETY: `link` is the list's head or the `next` of a node in it.
    unsafe {
        while !(*link).is_null() {
            let node = *link;
            if (*node).addr == addr {
                *link = (*node).next;
                list.length -= 1;
                into.push(node);
            } else {
                link = &raw mut (*node).next;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::control;
    use crate::{abi, init};
    use std::boxed::Box;
    use std::vec::Vec;
    use std::{ptr, thread, vec};

    fn address(n: usize) -> *mut c_void {
        ptr::without_provenance_mut(0x5a00_0000 + 64 * n)
    }

    fn node(addr: *mut c_void) -> *mut hazptr_head {
        let (next, reserved) = (ptr::null_mut(), ptr::null_mut());
        Box::into_raw(Box::new(hazptr_head { next, func: None, addr, reserved }))
    }

    fn addresses(mut list: List) -> Vec<usize> {
        let mut found = vec![];
        while let Some(node) = list.pop() {
            // SAFETY: made by node(), and no longer used.
            found.push(unsafe { Box::from_raw(node) }.addr.addr());
        }
        found.sort_unstable();
        found
    }

    /// Retires the addresses `retired` while `held` are held: what is kept is to be those in both.
    fn check(retired: &[usize], held: &[usize]) {
        init::ensure();
        let pointers: Vec<_> = held.iter().map(|&n| address(n)).collect();
        let mut contexts: Vec<abi::hazptr_ctx> = Vec::with_capacity(held.len());
        for pointer in &pointers {
            let ctx = contexts.spare_capacity_mut()[0].as_mut_ptr();
            // SAFETY: contexts and pointers stay where they are.
            unsafe {
                abi::hazptr_acquire(ctx, pointer);
                contexts.set_len(contexts.len() + 1);
            }
        }
        let mut batch = Batch { fresh: List::new(), left: List::new(), parity: 1 };
        for (n, &retired) in retired.iter().enumerate() {
            // Some were kept before.
            let list = if n % 3 == 0 { &mut batch.left } else { &mut batch.fresh };
            // SAFETY: our own.
            unsafe { list.push(node(address(retired))) };
        }
        let mut kept = List::new();
        // SAFETY: our own.
        let (free, _) = unsafe { sort(control(), &mut batch, &mut kept) };
        let expected = |wanted: bool| {
            let of = retired.iter().filter(|n| held.contains(n) == wanted);
            let mut of: Vec<_> = of.map(|&n| address(n).addr()).collect();
            of.sort_unstable();
            of
        };
        assert_eq!(addresses(kept), expected(true));
        assert_eq!(addresses(free), expected(false));
        for ctx in &mut contexts {
            // SAFETY: acquired above.
            unsafe { abi::hazptr_release(ctx, ptr::null()) };
        }
    }

    #[test]
    fn what_is_held_is_kept_and_nothing_else() {
        // Filter and table are so small in tests that most of these are suspects.
        let all: Vec<usize> = (0..300).collect();
        let one_in_seven: Vec<usize> = all.iter().copied().filter(|n| n % 7 == 0).collect();
        check(&all, &[]);
        check(&all, &[17]);
        check(&all, &one_in_seven);
        check(&one_in_seven, &all);
        check(&all, &all);
        check(&[1], &[2]);
        check(&[5, 5, 5, 6], &[5, 5]);
    }

    #[test]
    fn hazards_of_other_threads_count() {
        thread::scope(|scope| {
            for n in 0..4 {
                scope.spawn(move || check(&[1000 + n, 2000 + n], &[1000 + n]));
            }
        });
    }
}
