// SPDX-License-Identifier: MIT OR Apache-2.0
//! A list of retired objects: anybody pushes, anybody takes all of it.
//!
//! The list's head, its length and the fork generation are one word of sixteen bytes, and change
//! together, by compare-and-swap:
//!
//! - So the length is exact, and bounds what is pending; a count of its own would cost another locked
//!   instruction (measured: 8.0 ns against 6.8, and 5.0 without any).
//! - A push that a handler's fork has carried into the child finds the word wiped and the generation
//!   gone, and does nothing there.
//! - Not a restartable sequence: it would be a store to the head (scenario 18). A taker on another
//!   CPU, between its load of the head and that store, would have the same objects twice.
//!
//! No node is looked at while others may take it, so nothing depends on whether a head comes back
//! (ABA): a push does not care which list it puts itself in front of, a take wants all.

use crate::abi::hazptr_head;
use crate::sync::Wide;
use crate::wide::Halves;
use core::ptr;

/// See the module's comment. All zero is a list that no generation has opened.
pub struct Shard(Wide);

/// A value of the word.
#[derive(Clone, Copy)]
struct Word {
    head: *mut hazptr_head,
    length: u32,
    generation: u32,
}

impl Word {
    #[inline(always)]
    fn pack(self) -> Halves {
        let above = u64::from(self.generation) << 32 | u64::from(self.length);
        [self.head.expose_provenance() as u64, above]
    }

    #[inline(always)]
    fn unpack([below, above]: Halves) -> Self {
        Self {
            head: ptr::with_exposed_provenance_mut(below as usize),
            length: above as u32,
            generation: (above >> 32) as u32,
        }
    }
}

impl Shard {
    /// Empty and not opened.
    pub const fn new() -> Self {
        Self(Wide::new())
    }

    #[inline(always)]
    fn guess(&self) -> Word {
        Word::unpack(self.0.guess())
    }

    /// Compare-and-swap, or the word as it is. A full fence: what stands before it is, for one, the
    /// unpublishing of what is pushed; a taker sees all that.
    #[inline(always)]
    unsafe fn replace(&self, old: Word, new: Word) -> Result<(), Word> {
        // SAFETY: the caller's duty.
        unsafe { self.0.compare_exchange(old.pack(), new.pack()).map_err(Word::unpack) }
    }

    /// Puts a chain of `count` nodes in front. The length before; None if the list is not open for
    /// this generation: then [`Self::open`] comes first.
    ///
    /// # Safety
    /// The nodes are the caller's, linked from `first` to `last`.
    #[inline(always)]
    pub unsafe fn push(
        &self,
        first: *mut hazptr_head,
        last: *mut hazptr_head,
        count: u32,
        generation: u32,
    ) -> Option<u32> {
        let mut seen = self.guess();
        loop {
            if seen.generation != generation || generation == 0 {
                return None;
            }
            let new = Word { head: first, length: seen.length.wrapping_add(count), generation };
            // SAFETY: still the caller's, as long as the swap has not succeeded.
            unsafe { (*last).next = seen.head };
            // SAFETY: a list of a generation was opened on a processor that can do it.
            match unsafe { self.replace(seen, new) } {
                Ok(()) => return Some(seen.length),
                Err(found) => seen = found,
            }
        }
    }

    /// Takes the whole list: its first node and its length.
    ///
    /// # Safety
    /// The list was opened.
    pub unsafe fn take(&self) -> (*mut hazptr_head, u32) {
        let mut seen = self.guess();
        while !seen.head.is_null() {
            let new = Word { head: ptr::null_mut(), length: 0, generation: seen.generation };
            // SAFETY: as above.
            match unsafe { self.replace(seen, new) } {
                Ok(()) => return (seen.head, seen.length),
                Err(found) => seen = found,
            }
        }
        // Empty when its head was read. The length may be of a moment later.
        (ptr::null_mut(), 0)
    }

    /// Opens the list for a generation. Not if it holds something: then it is open.
    ///
    /// A handler may have forked just before, and this be the child, with the parent's generation. So
    /// one that was opened so is opened again.
    ///
    /// # Safety
    /// [`crate::wide::is_possible`].
    pub unsafe fn open(&self, generation: u32) {
        let seen = self.guess();
        if seen.generation != generation && seen.head.is_null() {
            let new = Word { head: ptr::null_mut(), length: 0, generation };
            // SAFETY: the caller's duty. If it fails, another thread has done it, or will be asked to.
            let _ = unsafe { self.replace(seen, new) };
        }
    }

    /// How many nodes there are, as of about now.
    pub fn len(&self) -> u32 {
        self.guess().length
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::vec::Vec;

    fn node() -> hazptr_head {
        let (next, addr, reserved) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        hazptr_head { next, func: None, addr, reserved }
    }

    fn opened(generation: u32) -> Shard {
        let shard = Shard::new();
        // SAFETY: the tests' machines have it.
        unsafe { shard.open(generation) };
        shard
    }

    #[test]
    fn what_was_pushed_is_taken_once_and_counted() {
        let shard = opened(7);
        let mut nodes: Vec<_> = (0..10).map(|_| node()).collect();
        for (before, node) in nodes.iter_mut().enumerate() {
            // SAFETY: one node, ours.
            assert_eq!(unsafe { shard.push(node, node, 1, 7) }, Some(before as u32));
        }
        // SAFETY: as in opened().
        let (mut head, length) = unsafe { shard.take() };
        let mut found = 0;
        while !head.is_null() {
            found += 1;
            // SAFETY: the nodes are in the vector.
            head = unsafe { (*head).next };
        }
        assert_eq!((found, length), (10, 10));
        // SAFETY: as in opened().
        assert_eq!(unsafe { shard.take() }, (ptr::null_mut(), 0));
    }

    #[test]
    fn a_push_of_another_generation_does_nothing() {
        let mut one = node();
        for (shard, generation) in [(Shard::new(), 1), (opened(2), 1)] {
            // SAFETY: one node, ours.
            assert_eq!(unsafe { shard.push(&raw mut one, &raw mut one, 1, generation) }, None);
            assert_eq!(shard.len(), 0);
        }
    }

    #[test]
    fn a_list_of_a_parents_generation_is_opened_anew_and_loses_nothing() {
        let shard = opened(1);
        let mut one = node();
        // SAFETY: one node, ours.
        unsafe {
            shard.open(2);
            assert_eq!(shard.push(&raw mut one, &raw mut one, 1, 2), Some(0));
            shard.open(1);
            assert_eq!(shard.take(), (&raw mut one, 1));
        }
    }

    #[test]
    fn racing_pushes_and_takes_lose_nothing_and_double_nothing() {
        const PUSHERS: usize = 3;
        const EACH: usize = 20_000;
        struct Nodes(Vec<hazptr_head>);
        // SAFETY: each node is its pusher's, then its taker's.
        unsafe impl Sync for Nodes {}
        // SAFETY: likewise.
        unsafe impl Send for Nodes {}
        let shard = opened(1);
        let (taken, counted) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut all: Vec<Nodes> =
            (0..PUSHERS).map(|_| Nodes((0..EACH).map(|_| node()).collect())).collect();
        thread::scope(|scope| {
            let (shard, taken, counted) = (&shard, &taken, &counted);
            for nodes in &mut all {
                scope.spawn(move || {
                    for node in &mut nodes.0 {
                        // SAFETY: one node, ours until it is taken.
                        unsafe { shard.push(node, node, 1, 1) }.expect("open");
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(move || {
                    while taken.load(Ordering::Relaxed) < PUSHERS * EACH {
                        // SAFETY: as in opened().
                        let (mut head, length) = unsafe { shard.take() };
                        counted.fetch_add(length as usize, Ordering::Relaxed);
                        while !head.is_null() {
                            // SAFETY: taken, so nobody else's.
                            let node = unsafe { &mut *head };
                            head = node.next;
                            assert!(node.reserved.is_null(), "taken twice");
                            node.reserved = ptr::without_provenance_mut(1);
                            taken.fetch_add(1, Ordering::Relaxed);
                        }
                        thread::yield_now();
                    }
                });
            }
        });
        assert_eq!(counted.into_inner(), PUSHERS * EACH);
        let nodes = all.iter().flat_map(|nodes| &nodes.0);
        assert!(nodes.into_iter().all(|node| !node.reserved.is_null()), "lost");
    }
}
