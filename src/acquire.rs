// SPDX-License-Identifier: MIT OR Apache-2.0
//! Acquire: the fast path, and what happens when it finds no slot. Never fails, takes no lock
//! except for a backup slot, never allocates through malloc, touches no thread-local storage.
//!
//! ```text
//! near slot of this CPU's line             (rseq.rs)
//!   else a far slot of it                  (rseq.rs)
//!   else swap in a line with room, retry   (here)
//!   else a slot of a SHARED line           (portable.rs)  CPU unknown, or mode not rseq
//!   else the context's own backup slot     (backup.rs)    no line to be had
//! ```

use crate::abi::hazptr_ctx;
use crate::control::{Control, Mode, control};
use crate::delay::{self, Point};
use crate::line::{self, Line};
use crate::stats::Count;
use crate::sync::{AtomicPtr, Ordering};
use crate::{backup, init, portable, rseq};
use core::ffi::c_void;
use core::ptr;

/// Acquires that may find the near slots of a line taken before it is parked early: holders that
/// stay (blocked threads) should not make everyone after them search. Threads that nest deeply
/// pay one swap in so many far acquires.
const FAR_LIMIT: u32 = 64;

/// Line swaps that one acquire tries before it leaves the CPU's line alone. Each failure means
/// that this thread was moved, or others filled the new line first.
const SWAPS: u32 = 8;

/// See [`crate::abi::hazptr_acquire`].
///
/// # Safety
/// As there.
#[inline(always)]
pub unsafe fn acquire(ctx: *mut hazptr_ctx, addr_p: *const *mut c_void) -> *mut c_void {
    // SAFETY: the caller's duty, passed on.
    unsafe {
        match rseq::acquire_near(control(), ctx, addr_p) {
            Some(addr) => addr,
            None => slow(ctx, addr_p),
        }
    }
}

#[cold]
#[inline(never)]
unsafe fn slow(ctx: *mut hazptr_ctx, addr_p: *const *mut c_void) -> *mut c_void {
    loop {
        let control = init::ensure();
        // SAFETY: the caller's duty, passed on.
        let acquired = unsafe {
            by_sequence(control, ctx, addr_p)
                .or_else(|| portable::acquire(control, ctx, addr_p))
                .or_else(|| backup::acquire(control, ctx, addr_p))
        };
        if let Some(addr) = acquired {
            control.counters.add(ctx, Count::AcquireSlow);
            return addr;
        }
    }
}

/// Acquires in this CPU's line, giving the CPU another line where need be. `None`: not possible
/// here, take another way.
unsafe fn by_sequence(
    control: &'static Control,
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
) -> Option<*mut c_void> {
    for _ in 0..SWAPS {
        let here = this_cpu(control)?;
        let crowded = here.note_far() >= FAR_LIMIT;
        if !crowded {
            // SAFETY: the caller's duty, passed on.
            if let Some(addr) = unsafe { rseq::acquire_far(control, ctx, addr_p) } {
                control.counters.add(ctx, Count::AcquireFar);
                return Some(addr);
            }
        }
        let swap = here.replace_line(control);
        if swap == Swap::Parked {
            control.counters.add(ctx, if crowded { Count::ParkEarly } else { Count::Park });
        }
        if swap == Swap::NoLine && !crowded {
            return None;
        }
        // SAFETY: the caller's duty, passed on.
        if let Some(addr) = unsafe { rseq::acquire_near(control, ctx, addr_p) } {
            return Some(addr);
        }
    }
    None
}

/// What became of an attempt to give a CPU another line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Swap {
    /// Done; the old line is parked.
    Parked,
    /// Done; there was no line before.
    First,
    /// This thread was moved, or another one has done it.
    Lost,
    /// Nothing to put in its place.
    NoLine,
}

/// A CPU and its line, as a thread found them. All of it may be out of date by the next
/// instruction; the swap finds out.
struct Here {
    cpu: u32,
    generation: u32,
    entry: &'static AtomicPtr<Line>,
    line: &'static Line,
}

/// This CPU's line, if acquires may use sequences here.
fn this_cpu(control: &Control) -> Option<Here> {
    let generation = control.generation();
    let cpu = rseq::cpu_id(control);
    // Acquire: pairs with the Release in init::open_sequences(); the table is filled.
    let nr_cpus = control.nr_cpus.load(Ordering::Acquire);
    if control.word.mode() != Mode::Rseq || cpu >= nr_cpus {
        return None;
    }
    // Relaxed: stored before nr_cpus, and constant.
    let table = control.current.load(Ordering::Relaxed);
    if table.is_null() {
        return None; // A handler has forked since nr_cpus was read, and this is the child.
    }
    // SAFETY: the table has nr_cpus entries, each naming a line; both live for ever (I2).
    unsafe {
        let entry = &*table.add(cpu as usize);
        // Acquire: pairs with the swap's store (a release on this architecture).
        let line = &*entry.load(Ordering::Acquire);
        Some(Here { cpu, generation, entry, line })
    }
}

impl Here {
    /// Counts one more acquire that found the near slots taken; how many there were before.
    fn note_far(&self) -> u32 {
        if self.line.is_sentinel() {
            return 0;
        }
        // Relaxed, and not one step: a hint that may lose a count.
        let far = self.line.far.load(Ordering::Relaxed);
        self.line.far.store(far.saturating_add(1), Ordering::Relaxed);
        far
    }

    /// Makes another line current and parks this one, by itself or not at all.
    fn replace_line(&self, control: &'static Control) -> Swap {
        let Some(new) = control.registry.take(line::CURRENT) else {
            if !self.line.is_sentinel() {
                // Relaxed: a hint. Not asked again before as many far acquires have passed.
                self.line.far.store(0, Ordering::Relaxed);
            }
            return Swap::NoLine;
        };
        delay::point(Point::LineTaken);
        let Here { cpu, generation, entry, line: old } = *self;
        if !rseq::swap_line(control, cpu, entry, generation, old, new) {
            new.park();
            Swap::Lost
        } else if self.line.is_sentinel() {
            Swap::First
        } else {
            delay::point(Point::LineSwapped);
            old.park();
            Swap::Parked
        }
    }
}

/// See [`crate::abi::hazptr_note_context_switch`].
pub fn note_context_switch() {
    let control = init::ensure();
    let Some(here) = this_cpu(control) else { return };
    let in_use = !here.line.is_sentinel() && !here.line.is_empty();
    if in_use && here.replace_line(control) == Swap::Parked {
        control.counters.add(ptr::from_ref(here.line), Count::Park);
    }
}
