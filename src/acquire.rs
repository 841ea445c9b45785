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
use crate::control::{Control, control, current};
use crate::delay::{self, Point};
use crate::line::{self, Line};
use crate::stats::Count;
use crate::sync::{AtomicPtr, Ordering};
use crate::{backup, debug, init, portable, rseq, trace};
use core::ffi::c_void;

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
            None => slow(ctx, addr_p, !0),
        }
    }
}

/// See [`crate::abi::hazptr_acquire_masked`].
///
/// # Safety
/// As there.
#[inline(always)]
pub unsafe fn acquire_masked(
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
    mask: usize,
) -> *mut c_void {
    // SAFETY: the caller's duty, passed on.
    unsafe {
        match rseq::acquire_near_masked(control(), ctx, addr_p, !mask) {
            Some(addr) => addr,
            None => slow(ctx, addr_p, !mask),
        }
    }
}

/// By whichever way there is but the first. `keep`: the bits that count for the protection; all ones in an
/// ordinary acquire.
///
/// # Safety
/// As [`acquire`].
#[inline(always)]
pub unsafe fn slow(ctx: *mut hazptr_ctx, addr_p: *const *mut c_void, keep: usize) -> *mut c_void {
    // SAFETY: the caller's duty, passed on.
    unsafe {
        if control().word.is_usual() {
            by_any_way(ctx, addr_p, keep)
        } else {
            first_or_debug(ctx, addr_p, keep)
        }
    }
}

/// # Safety
/// As [`acquire`].
#[cold]
#[inline(never)]
unsafe fn first_or_debug(
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
    keep: usize,
) -> *mut c_void {
    let control = init::ensure();
    // SAFETY: the caller's duty, passed on.
    unsafe {
        if debug::is_on(control) {
            debug::acquire(control, ctx, addr_p, keep)
        } else {
            by_any_way(ctx, addr_p, keep)
        }
    }
}

/// See [`slow`]. The library is initialised, or was before a handler has forked.
///
/// # Safety
/// As [`acquire`].
#[cold]
#[inline(never)]
pub unsafe fn by_any_way(
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
    keep: usize,
) -> *mut c_void {
    let mut control = control();
    loop {
        // SAFETY: the caller's duty, passed on.
        let acquired = unsafe {
            by_sequence(control, ctx, addr_p, keep)
                .or_else(|| portable::acquire(control, ctx, addr_p, keep))
                .or_else(|| backup::acquire(control, ctx, addr_p, keep))
        };
        if let Some(addr) = acquired {
            control.counters.add(ctx, Count::AcquireSlow);
            trace::acquire_slow(ctx, addr);
            return addr;
        }
        control = init::ensure();
    }
}

/// Acquires in this CPU's line, giving the CPU another line where need be. `None`: not possible
/// here, take another way.
unsafe fn by_sequence(
    control: &'static Control,
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
    keep: usize,
) -> Option<*mut c_void> {
    for _ in 0..SWAPS {
        let here = this_cpu(control)?;
        let crowded = here.note_far() >= FAR_LIMIT;
        if !crowded {
            // SAFETY: the caller's duty, passed on.
            if let Some(addr) = unsafe { rseq::acquire_far_masked(control, ctx, addr_p, keep) } {
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
        if let Some(addr) = unsafe { rseq::acquire_near_masked(control, ctx, addr_p, keep) } {
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
    line: Option<&'static Line>,
}

/// This CPU's line, if acquires may use sequences here.
fn this_cpu(control: &Control) -> Option<Here> {
    let generation = control.generation();
    let cpu = rseq::cpu_id(control);
    // Relaxed: the swap looks again, inside its sequence.
    if cpu >= control.nr_cpus.load(Ordering::Relaxed) {
        return None;
    }
    let entry = current().get(cpu as usize)?;
    // Acquire: pairs with the swap's store (a release on this architecture).
    // SAFETY: NULL, or a line, which lives for ever (I2).
    let line = unsafe { entry.load(Ordering::Acquire).as_ref() };
    Some(Here { cpu, generation, entry, line })
}

impl Here {
    /// Counts one more acquire that found the near slots taken; how many there were before.
    fn note_far(&self) -> u32 {
        let Some(line) = self.line else { return 0 };
        // Relaxed, and not one step: a hint that may lose a count.
        let far = line.far.load(Ordering::Relaxed);
        line.far.store(far.saturating_add(1), Ordering::Relaxed);
        far
    }

    /// Makes another line current and parks this one, by itself or not at all.
    fn replace_line(&self, control: &'static Control) -> Swap {
        let Some(new) = control.registry.take(line::CURRENT) else {
            if let Some(line) = self.line {
                // Relaxed: a hint. Not asked again before as many far acquires have passed.
                line.far.store(0, Ordering::Relaxed);
            }
            return Swap::NoLine;
        };
        delay::point(Point::LineTaken);
        let Here { cpu, generation, entry, line } = *self;
        if !rseq::swap_line(control, cpu, entry, generation, line, new) {
            new.park();
            return Swap::Lost;
        }
        let Some(old) = line else { return Swap::First };
        delay::point(Point::LineSwapped);
        old.park();
        trace::park(old);
        Swap::Parked
    }
}

/// See [`crate::abi::hazptr_note_context_switch`].
pub fn note_context_switch() {
    let control = init::ensure();
    let Some(here) = this_cpu(control) else { return };
    let in_use = here.line.is_some_and(|line| !line.is_empty());
    if in_use && here.replace_line(control) == Swap::Parked {
        control.counters.add(here.entry, Count::Park);
    }
}
