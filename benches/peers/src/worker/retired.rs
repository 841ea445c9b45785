// SPDX-License-Identifier: MIT OR Apache-2.0
//! The objects of the measure `retire`, counted as they end; the same as ../../c/retired.h.

use std::cell::Cell;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::object::{Apart, consume};

/// What each occupies in memory, what the library adds to it included.
pub const BYTES: usize = 64;

/// How much room there is beside the field, if the library adds so many bytes.
pub const fn room(added: usize) -> usize {
    BYTES - size_of::<i64>() - added
}

/// What is read, and ROOM bytes more. Dropping it counts.
#[repr(C)]
pub struct Counted<const ROOM: usize> {
    field: i64,
    _room: [MaybeUninit<u8>; ROOM],
}

impl<const ROOM: usize> Counted<ROOM> {
    #[inline(always)]
    pub fn new() -> Counted<ROOM> {
        Counted { field: 1, _room: [MaybeUninit::uninit(); ROOM] }
    }

    #[inline(always)]
    pub fn read(&self) {
        consume(self.field);
    }
}

impl<const ROOM: usize> Drop for Counted<ROOM> {
    #[inline(always)]
    fn drop(&mut self) {
        let tally = TALLY.get().unwrap_or_else(begin);

        // Nobody but this thread writes it; the retiring thread reads it.
        tally.store(tally.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

/// A box of which nothing is the library's.
pub type Plain = Counted<{ room(0) }>;

const _: () = assert!(size_of::<Plain>() == BYTES);

/// The writer, who beside it reads, and who started them.
const THREADS: usize = 3;

/// How many objects each thread has ended.
static TALLIES: [Apart<AtomicU64>; THREADS] = [const { Apart(AtomicU64::new(0)) }; THREADS];
static BEGUN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static TALLY: Cell<Option<&'static AtomicU64>> = const { Cell::new(None) };
}

#[cold]
fn begin() -> &'static AtomicU64 {
    let tally = &TALLIES[BEGUN.fetch_add(1, Ordering::Relaxed)].0;

    TALLY.set(Some(tally));
    tally
}

/// By all threads.
pub fn ended() -> u64 {
    TALLIES.iter().map(|tally| tally.0.load(Ordering::Relaxed)).sum()
}
