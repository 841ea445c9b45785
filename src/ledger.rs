// SPDX-License-Identifier: MIT OR Apache-2.0
//! The accounts of reclamation, under one lock: what was taken and is not reclaimed yet, who is
//! reclaiming, what was kept because a reader protects it, and the phases by which barriers wait.
//!
//! # Where an object is
//!
//! ```text
//!           push              take                 no reader           callback has returned
//! caller ----------> shard ----------> a batch ----------------------> (reclaimed)
//!                                       |    ^
//!                      a reader has it  v    |  take
//!                                       kept
//! ```
//!
//! All arrows but the first are under the lock, so who holds it sees each object in one place, and
//! `taken` counts all that are in batches or kept.
//!
//! # Phases
//!
//! Objects belong to the phase in which they were taken out of a shard, also while they are kept. The
//! phase goes up by one when a barrier wants it and nothing of the phase before is left: so there are
//! two with anything pending, and parity tells them apart. A barrier takes all that is in the shards,
//! and waits until the phase of that moment is closed, and nothing of it is left. Nobody adds to a
//! closed phase: so it ends, however much is retired meanwhile. Two totals, of what was retired and
//! of what was reclaimed, would not do: later objects would make up for earlier ones.

use crate::abi::{hazptr_cohort, hazptr_head};
use crate::batch::{Batch, Record};
use crate::list::{self, List};
use crate::lock::Lock;
use crate::sync::UnsafeCell;
use core::ffi::c_void;
use core::ptr;

/// See the module's comment. All zero is that nothing was ever retired.
pub struct Ledger {
    lock: Lock,
    books: UnsafeCell<Books>,
}

// SAFETY: the books are only reached with the lock held.
unsafe impl Sync for Ledger {}

/// What the lock guards.
pub struct Books {
    /// Taken, and found protected, or not to be reclaimed by who took them; and how many of each
    /// parity. They have been through a barrier.
    kept: List,
    kept_of: [u64; 2],
    /// Taken and not reclaimed yet, by parity.
    taken_of: [u64; 2],
    phase: u64,
    /// The latest phase that a barrier wants closed, plus one.
    wanted: u64,
    /// Who is reclaiming.
    running: *const Record,
    /// What hazptr_stats() tells.
    pub totals: Totals,
}

/// Counts that only rise, and the peak.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub struct Totals {
    pub taken: u64,
    pub reclaimed: u64,
    pub helped: u64,
    pub batches: u64,
    pub barriers: u64,
    pub peak: u64,
}

impl Ledger {
    /// Nothing was ever retired.
    pub const fn new() -> Self {
        let totals = Totals { taken: 0, reclaimed: 0, helped: 0, batches: 0, barriers: 0, peak: 0 };
        Self {
            lock: Lock::new(),
            books: UnsafeCell::new(Books {
                kept: List::new(),
                kept_of: [0; 2],
                taken_of: [0; 2],
                phase: 0,
                wanted: 0,
                running: ptr::null(),
                totals,
            }),
        }
    }

    /// Opens the books.
    pub fn with<T>(&self, act: impl FnOnce(&mut Books) -> T) -> T {
        let _held = self.lock.lock();
        // SAFETY: the lock is held, and signals are blocked: nobody else is here.
        act(unsafe { &mut *self.books.get() })
    }

    /// The same, unless somebody has the lock.
    pub fn try_with<T>(&self, act: impl FnOnce(&mut Books) -> T) -> Option<T> {
        let _held = self.lock.try_lock()?;
        // SAFETY: as above.
        Some(act(unsafe { &mut *self.books.get() }))
    }
}

impl Books {
    /// How many are kept for readers, and the address of one of them.
    pub fn kept(&self) -> (u64, *const c_void) {
        // SAFETY: a node in a list is in place while the lock is held.
        let first = unsafe { self.kept.head.as_ref() };
        (u64::from(self.kept.length), first.map_or(ptr::null(), |node| node.addr))
    }

    /// Whether an object at that address is among them, of which `of` is true.
    pub fn keeps(&self, addr: usize, of: impl Fn(*const hazptr_head) -> bool) -> bool {
        let mut node = self.kept.head.cast_const();
        // SAFETY: as above.
        while let Some(this) = unsafe { node.as_ref() } {
            if this.addr.addr() == addr && of(node) {
                return true;
            }
            node = this.next;
        }
        false
    }

    /// How many are taken and not reclaimed yet.
    pub fn taken(&self) -> u64 {
        self.taken_of[0] + self.taken_of[1]
    }

    /// Whether nothing is kept.
    pub fn keeps_nothing(&self) -> bool {
        self.kept.length == 0
    }

    /// Enters a batch: `fresh` objects, just taken out of the shards, all that was kept, and what is of
    /// `cohort`, unless that is NULL, in other batches. None if that is nothing.
    ///
    /// # Safety
    /// The record stays in place until [`Self::end`].
    pub unsafe fn begin(
        &mut self,
        fresh: u64,
        cohort: *mut hazptr_cohort,
        record: &Record,
    ) -> Option<Batch> {
        let parity = (self.phase & 1) as usize;
        let mut left = self.kept.take();
        let mut of = core::mem::take(&mut self.kept_of);
        of[parity] += fresh;
        if !cohort.is_null() {
            // SAFETY: the lock is held, for somebody has the books; nodes come off another list.
            self.for_each_running(|other| unsafe {
                other.take_over(cohort, |node| {
                    let parity = list::parity(node);
                    other.of()[parity] -= 1;
                    of[parity] += 1;
                    left.push(node);
                });
            });
        }
        if of == [0; 2] {
            return None;
        }
        self.taken_of[parity] += fresh;
        self.totals.taken += fresh;
        self.totals.batches += 1;
        self.totals.barriers += u64::from(fresh != 0);
        // SAFETY: the lock is held.
        unsafe { (*record.of(), *record.next()) = (of, self.running) };
        self.running = record;
        Some(Batch { fresh: List::new(), left, parity })
    }

    /// Keeps objects of a batch for a later one.
    ///
    /// # Safety
    /// They are of this batch, with their parities written.
    pub unsafe fn keep(&mut self, record: &Record, nodes: &mut List) {
        while let Some(node) = nodes.pop() {
            // SAFETY: the caller's duty; the lock is held.
            unsafe {
                let parity = list::parity(node);
                record.of()[parity] -= 1;
                self.kept_of[parity] += 1;
                self.kept.push(node);
            }
        }
    }

    /// Ends a batch: what it still has is reclaimed. `waiting`: how many objects are in the shards.
    pub fn end(&mut self, record: &Record, helped: bool, waiting: u64) {
        self.note_peak(waiting);
        let mut reclaimed = 0;
        // SAFETY: the lock is held.
        for (taken, of) in self.taken_of.iter_mut().zip(unsafe { *record.of() }) {
            *taken -= of;
            reclaimed += of;
        }
        self.totals.reclaimed += reclaimed;
        self.totals.helped += if helped { reclaimed } else { 0 };
        let mut link = &raw mut self.running;
        // SAFETY: records stay in place until they are taken out here, and this one is in.
        unsafe {
            while *link != record {
                link = (**link).next();
            }
            *link = *record.next();
        }
    }

    /// What is pending rises by pushes, and falls where a batch ends: just before that is its peak.
    pub fn note_peak(&mut self, waiting: u64) {
        self.totals.peak = self.totals.peak.max(self.taken() + waiting);
    }

    fn for_each_running(&self, mut act: impl FnMut(&Record)) {
        let mut record = self.running;
        // SAFETY: records stay in place while they are in this list; the lock is held.
        unsafe {
            while let Some(this) = record.as_ref() {
                act(this);
                record = *this.next();
            }
        }
    }

    /// Whether a thread is reclaiming: then the caller, if it is that thread, is a callback.
    pub fn is_running(&self, thread: usize) -> bool {
        let mut found = false;
        self.for_each_running(|record| found |= record.is_of(thread));
        found
    }

    /// Wants the present phase closed: returns it.
    pub fn close(&mut self) -> u64 {
        self.wanted = self.phase + 1;
        self.phase
    }

    /// Whether a phase is closed and nothing of it is left.
    pub fn is_over(&mut self, phase: u64) -> bool {
        while self.phase < self.wanted && self.taken_of[(self.phase as usize + 1) & 1] == 0 {
            self.phase += 1;
        }
        self.phase > phase + 1 || self.phase == phase + 1 && self.taken_of[phase as usize & 1] == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::hazptr_head;
    use std::boxed::Box;

    fn node() -> *mut hazptr_head {
        let (next, addr, reserved) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        Box::into_raw(Box::new(hazptr_head { next, func: None, addr, reserved }))
    }

    /// A batch of so many fresh objects, which are not there.
    fn begin(books: &mut Books, fresh: u64) -> (Batch, &'static Record) {
        let record = Box::leak(Box::new(Record::new(1)));
        // SAFETY: never freed.
        (unsafe { books.begin(fresh, ptr::null_mut(), record) }.expect("something"), record)
    }

    /// A batch of one object, that is found protected.
    fn keep_one(books: &mut Books) {
        let (batch, record) = begin(books, 1);
        let node = node();
        let mut nodes = List::new();
        // SAFETY: our node, never freed.
        unsafe {
            list::set_parity(node, batch.parity);
            nodes.push(node);
            books.keep(record, &mut nodes);
        }
        books.end(record, false, 0);
    }

    fn books() -> Books {
        Ledger::new().books.into_inner()
    }

    #[test]
    fn nothing_pending_is_closed_at_once() {
        let mut books = books();
        let phase = books.close();
        assert!(books.is_over(phase));
    }

    #[test]
    fn a_barrier_waits_for_a_batch_that_is_running() {
        let mut books = books();
        let (_, record) = begin(&mut books, 5);
        let phase = books.close();
        assert!(!books.is_over(phase));
        books.end(record, false, 0);
        assert!(books.is_over(phase));
        assert_eq!(books.totals.reclaimed, 5);
    }

    #[test]
    fn a_barrier_waits_for_what_was_kept_however_often_it_is_taken_again() {
        let mut books = books();
        keep_one(&mut books);
        let phase = books.close();
        assert!(!books.is_over(phase));
        let (mut batch, record) = begin(&mut books, 0);
        assert!(!books.is_over(phase));
        // SAFETY: of this batch.
        unsafe { books.keep(record, &mut batch.left) };
        books.end(record, false, 0);
        assert!(!books.is_over(phase), "kept again");
        let (_, record) = begin(&mut books, 0);
        books.end(record, false, 0);
        assert!(books.is_over(phase));
    }

    #[test]
    fn later_objects_neither_delay_a_barrier_nor_make_up_for_earlier_ones() {
        let mut books = books();
        let (_, early) = begin(&mut books, 1);
        let phase = books.close();
        assert!(!books.is_over(phase));
        // After the close: of the next phase, and reclaimed at once.
        for _ in 0..10 {
            let (_, late) = begin(&mut books, 3);
            books.end(late, false, 0);
            assert!(!books.is_over(phase));
        }
        begin(&mut books, 7);
        books.end(early, false, 0);
        assert!(books.is_over(phase), "although {} are pending", books.taken());
    }

    #[test]
    fn objects_that_are_taken_after_a_close_do_not_keep_its_phase_from_ending() {
        let mut books = books();
        let (_, early) = begin(&mut books, 1);
        let phase = books.close();
        // Nobody has looked since the close: still of that phase.
        let (_, late) = begin(&mut books, 1);
        assert!(!books.is_over(phase));
        begin(&mut books, 1);
        books.end(late, false, 0);
        assert!(!books.is_over(phase));
        books.end(early, false, 0);
        assert!(books.is_over(phase), "although {} is pending", books.taken());
    }

    #[test]
    fn a_second_barrier_waits_for_the_first_ones_objects_too() {
        let mut books = books();
        let (_, first) = begin(&mut books, 1);
        let a = books.close();
        assert!(!books.is_over(a));
        let (_, second) = begin(&mut books, 1);
        let b = books.close();
        books.end(second, false, 0);
        assert!(!books.is_over(b) && !books.is_over(a));
        books.end(first, false, 0);
        assert!(books.is_over(a) && books.is_over(b));
    }

    #[test]
    fn who_is_reclaiming_is_known_until_its_batch_ends() {
        let mut books = books();
        let (first, second) = (Record::new(11), Record::new(22));
        for record in [&first, &second] {
            // SAFETY: the records outlive the books.
            unsafe { books.begin(1, ptr::null_mut(), record) }.expect("one");
        }
        assert!(books.is_running(11) && books.is_running(22) && !books.is_running(33));
        books.end(&first, false, 0);
        assert!(!books.is_running(11) && books.is_running(22));
        books.end(&second, false, 0);
        assert!(!books.is_running(22));
    }

    #[test]
    fn a_cohorts_waiter_takes_its_own_out_of_a_batch_that_is_running() {
        let mut books = books();
        let mut cohorts = [const { hazptr_cohort { pending: 0, reserved: [0; 7] } }; 2];
        let [ours, others] = &mut cohorts;
        let (ours, others) = (ptr::from_mut(ours), ptr::from_mut(others));
        // An odd phase, which is not what a node has that nobody has written.
        let phase = books.close();
        assert!(books.is_over(phase));
        let (batch, record) = begin(&mut books, 5);
        assert_eq!(batch.parity, 1);
        let mut offer = List::new();
        for cohort in [ours, others, ours, others, others] {
            let node = node();
            // SAFETY: our nodes, never freed.
            unsafe {
                list::set_owner(node, cohort, 0);
                offer.push(node);
            }
        }
        assert!(record.put(&mut offer, batch.parity));
        let (run, of) = record.next_run().expect("nobody else");
        assert_eq!((run.length, of), (2, others), "a run is of one cohort");
        // SAFETY: never freed.
        let waiter = Box::leak(Box::new(Record::new(2)));
        // SAFETY: likewise.
        let taken = unsafe { books.begin(0, ours, waiter) }.expect("two");
        assert_eq!(taken.left.length, 2);
        let phase = books.close();
        books.end(waiter, false, 0);
        assert_eq!((books.totals.reclaimed, books.taken()), (2, 3));
        let (run, of) = record.next_run().expect("nobody else");
        assert_eq!((run.length, of), (1, others), "the rest stays");
        assert_eq!(record.next_run().expect("nobody else").0.length, 0);
        assert!(!books.is_over(phase));
        books.end(record, false, 0);
        assert!(books.is_over(phase));
    }
}
