// SPDX-License-Identifier: MIT OR Apache-2.0
//! All lines there are, numbered from zero, and the mark below which they have ever been used.
//!
//! Lines live in chunks that double in size; a chunk once published stays (I2). The first chunk is
//! static memory, so that small programs map nothing, and acquire works where mmap is refused.
//! Everything here is lock-free and safe in signal handlers.

use crate::delay::{self, Point};
use crate::line::Line;
use crate::sync::{AtomicPtr, AtomicU32, Ordering};
use crate::sys;
use core::ptr::{self, NonNull};

/// Lines in the first chunk; chunk k holds `FIRST << k`.
pub const FIRST: usize = if cfg!(test) { 2 } else { 32 };
const CHUNKS: usize = 20;
/// Lines that the chunks have room for, a third of a billion hazards.
const CAPACITY: u32 = (FIRST * ((1 << CHUNKS) - 1)) as u32;

static FIRST_CHUNK: [Line; FIRST] = [const { Line::new() }; FIRST];

/// Where the process's first registry keeps its first chunk. A forked child must not use it, for
/// inherited contexts may still store NULL there.
pub fn static_chunk() -> *mut Line {
    FIRST_CHUNK.as_ptr().cast_mut()
}

/// See the module's comment. All zero is an empty registry.
#[repr(C)]
pub struct Registry {
    /// Number of lines ever used: a scan reads all below.
    mark: AtomicU32,
    /// The most lines that may be used.
    limit: AtomicU32,
    chunks: [AtomicPtr<Line>; CHUNKS],
    /// Where to look for a drained line.
    cursor: AtomicU32,
    /// Fresh lines that may be taken without a look for drained ones.
    credit: AtomicU32,
}

/// The chunk of a line, and its place in there.
const fn locate(index: usize) -> (usize, usize) {
    let chunk = (index / FIRST + 1).ilog2() as usize;
    (chunk, index - FIRST * ((1 << chunk) - 1))
}

impl Registry {
    /// An empty registry with no room.
    pub const fn new() -> Self {
        Self {
            mark: AtomicU32::new(0),
            limit: AtomicU32::new(0),
            chunks: [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS],
            cursor: AtomicU32::new(0),
            credit: AtomicU32::new(0),
        }
    }

    /// Opens an empty registry. Called before any other thread may use it.
    pub fn open(&self, first_chunk: *mut Line, limit: u64) {
        // Relaxed: initialisation publishes all of the control block at its end.
        self.chunks[0].store(first_chunk, Ordering::Relaxed);
        self.limit.store(limit.min(u64::from(CAPACITY)) as u32, Ordering::Relaxed);
    }

    /// The number of lines ever used.
    pub fn mark(&self) -> u32 {
        // Acquire: pairs with the Release half of fresh()'s CAS; the chunks below are in place.
        self.mark.load(Ordering::Acquire)
    }

    /// One line below the mark.
    pub fn line(&self, index: u32) -> Option<&'static Line> {
        let (chunk, offset) = locate(index as usize);
        // Relaxed: mark() has acquired it.
        let base = NonNull::new(self.chunks.get(chunk)?.load(Ordering::Relaxed))?;
        // SAFETY: a published chunk holds FIRST << chunk lines for ever (I2).
        Some(unsafe { base.add(offset).as_ref() })
    }

    /// Every line below `mark`, in order.
    pub fn lines(&self, mark: u32) -> impl Iterator<Item = &'static Line> {
        let mark = mark as usize;
        let start = |chunk: usize| FIRST * ((1 << chunk) - 1);
        (0..CHUNKS).take_while(move |&chunk| start(chunk) < mark).flat_map(move |chunk| {
            let start = start(chunk);
            let count = mark.saturating_sub(start).min(FIRST << chunk);
            // Relaxed: mark() has acquired it.
            let base = self.chunks[chunk].load(Ordering::Relaxed);
            let lines: &'static [Line] = if count == 0 || base.is_null() {
                &[]
            } else {
                // SAFETY: a published chunk holds FIRST << chunk lines for ever (I2).
                unsafe { core::slice::from_raw_parts(base, count) }
            };
            lines.iter()
        })
    }

    /// A line for the caller alone, in `state`: a drained one, or a fresh one. None at the limit, or
    /// when memory for the next chunk is refused.
    ///
    /// Who has looked at all lines in vain pays for those who come after: they take fresh lines
    /// without a look, an eighth of what there are. So with thousands of lines full of hazards a
    /// line costs a look at some, and yet there are never many more of them than needed.
    pub fn take(&self, state: u32) -> Option<&'static Line> {
        let spend = |credit: u32| credit.checked_sub(1);
        // Relaxed: a hint, as all that concerns it.
        let paid_for =
            self.credit.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok();
        let at_once = if paid_for { self.fresh(state) } else { None };
        at_once.or_else(|| self.drained(state)).or_else(|| {
            self.credit.store(self.mark() / 8, Ordering::Relaxed);
            self.fresh(state)
        })
    }

    /// A drained line: with few lines the lowest, which is likelier to be in a cache, else the next
    /// one from where one was found before.
    fn drained(&self, state: u32) -> Option<&'static Line> {
        let mark = self.mark();
        // Relaxed: a hint.
        let first = if mark > 64 { self.cursor.load(Ordering::Relaxed) } else { 0 };
        let mut indices = (0..mark).map(|i| first.wrapping_add(i) % mark);
        let found = indices.find(|&i| self.line(i).is_some_and(|line| line.try_take(state)))?;
        // Relaxed: a hint.
        self.cursor.store(found, Ordering::Relaxed);
        self.line(found)
    }

    fn fresh(&self, state: u32) -> Option<&'static Line> {
        loop {
            let mark = self.mark();
            // Relaxed: written once, before other threads come.
            if mark >= self.limit.load(Ordering::Relaxed) {
                return None;
            }
            let (chunk, offset) = locate(mark as usize);
            let base = self.chunk(chunk)?;
            // Release: pairs with the Acquire in mark(): who sees the line counted, sees its chunk, and those
            // of the lines before, for each of these steps goes on with the release sequence of the last.
            // The mark rises before `current` or a SHARED state names the line: the swap comes after this
            // in the same thread, and the waiter loads the mark after its barrier (I6).
            let won =
                self.mark.compare_exchange(mark, mark + 1, Ordering::Release, Ordering::Relaxed);
            if won.is_ok() {
                // SAFETY: the chunk has room for `offset`, and lives for ever (I2).
                let line = unsafe { base.add(offset).as_ref() };
                delay::point(Point::MarkRaised);
                line.assign(state);
                return Some(line);
            }
        }
    }

    /// The memory of a chunk, mapped if need be.
    fn chunk(&self, chunk: usize) -> Option<NonNull<Line>> {
        let entry = self.chunks.get(chunk)?;
        // Acquire: pairs with the Release below; the memory is mapped.
        if let Some(base) = NonNull::new(entry.load(Ordering::Acquire)) {
            return Some(base);
        }
        let bytes = (FIRST << chunk) * size_of::<Line>();
        let mapped = sys::map_zeroed(bytes)?;
        let new = mapped.cast::<Line>();
        // Release: publishes our mapping to the load above. Acquire, on failure: pairs with the winner's
        // Release.
        match entry.compare_exchange(
            ptr::null_mut(),
            new.as_ptr(),
            Ordering::Release,
            Ordering::Acquire,
        ) {
            Ok(_) => Some(new),
            Err(winner) => {
                // SAFETY: the mapping is ours and nobody has seen it.
                unsafe { sys::unmap(mapped, bytes) };
                NonNull::new(winner)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{CURRENT, PARKED};

    fn open(limit: u64) -> Registry {
        let registry = Registry::new();
        let chunk = sys::map_zeroed(FIRST * size_of::<Line>()).expect("mmap");
        registry.open(chunk.as_ptr().cast(), limit);
        registry
    }

    #[test]
    fn chunks_are_filled_without_a_gap() {
        let mut expected = (0, 0);
        for index in 0..1000 {
            assert_eq!(locate(index), expected, "line {index}");
            expected.1 += 1;
            if expected.1 == FIRST << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
    }

    #[test]
    fn every_line_is_taken_once_and_all_are_scanned() {
        let registry = open(100);
        let taken: Vec<_> = (0..100).map(|_| registry.take(CURRENT).expect("room")).collect();
        assert!(registry.take(CURRENT).is_none(), "the limit holds");
        let scanned: Vec<_> = registry.lines(registry.mark()).collect();
        assert_eq!(scanned.len(), 100);
        for (a, b) in taken.iter().zip(&scanned) {
            assert!(ptr::eq(*a, *b));
        }
    }

    #[test]
    fn the_lowest_drained_line_is_taken_again() {
        let registry = open(100);
        let lines: Vec<_> = (0..6).map(|_| registry.take(CURRENT).expect("room")).collect();
        lines[4].park();
        lines[2].park();
        assert!(ptr::eq(registry.take(CURRENT).expect("drained"), lines[2]));
        assert!(ptr::eq(registry.take(CURRENT).expect("drained"), lines[4]));
        assert_eq!(registry.mark(), 6);
    }

    #[test]
    fn a_parked_line_that_holds_is_left_alone() {
        let registry = open(2);
        let line = registry.take(CURRENT).expect("room");
        line.slots[7].0.store(ptr::without_provenance_mut(8), Ordering::Relaxed);
        line.park();
        assert!(!line.try_take(CURRENT));
        line.slots[7].0.store(ptr::null_mut(), Ordering::Relaxed);
        assert!(line.try_take(PARKED));
    }

    #[test]
    fn lines_that_drain_keep_others_from_being_needed() {
        const HELD: u32 = 1000;
        let registry = open(u64::MAX);
        for _ in 0..HELD {
            let line = registry.take(CURRENT).expect("room");
            line.slots[0].0.store(ptr::without_provenance_mut(8), Ordering::Relaxed);
            line.park();
        }
        for _ in 0..10 * HELD {
            registry.take(CURRENT).expect("room").park();
        }
        assert!(registry.mark() <= HELD + HELD / 8 + 1, "{} lines", registry.mark());
    }

    #[test]
    fn no_room_at_limit_zero() {
        assert!(open(0).take(CURRENT).is_none());
    }

    #[test]
    fn racing_takers_never_share_a_line() {
        let registry = open(u64::MAX);
        let taken: Vec<usize> = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        (0..500)
                            .map(|_| ptr::from_ref(registry.take(CURRENT).expect("room")) as usize)
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            takers.into_iter().flat_map(|t| t.join().expect("taker")).collect()
        });
        let mut unique = taken.clone();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), taken.len());
        assert_eq!(registry.mark() as usize, taken.len());
    }
}
