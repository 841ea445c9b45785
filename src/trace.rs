// SPDX-License-Identifier: MIT OR Apache-2.0
//! Static tracepoints, for bpftrace, perf, SystemTap and gdb: one instruction that does nothing, and a note in
//! the ELF file that says where it is and where its arguments are. None is on a fast path.
//! docs/tracing.md has them for those who use them.

use crate::abi::hazptr_ctx;
use crate::control::Mode;
use crate::line::{Line, Slot};
use core::ffi::c_void;
use probe::probe;

/// An acquire has left the fast path, and is over.
#[inline(always)]
pub fn acquire_slow(ctx: *const hazptr_ctx, addr: *const c_void) {
    probe!(hazptr, acquire_slow, ctx, addr);
}

/// A line was taken off its CPU.
#[inline(always)]
pub fn park(line: *const Line) {
    probe!(hazptr, park, line);
}

/// A waiter is about to sleep until a slot does not hold an address any more.
#[inline(always)]
pub fn wait_begin(addr: *const c_void, slot: *const Slot) {
    probe!(hazptr, wait_begin, addr, slot);
}

/// It goes on. 0: for its time is over.
#[inline(always)]
pub fn wait_end(addr: *const c_void, slot: *const Slot, is_over: bool) {
    probe!(hazptr, wait_end, addr, slot, is_over);
}

/// A release has woken those who wait for a slot.
#[inline(always)]
pub fn wake(slot: *const Slot) {
    probe!(hazptr, wake, slot);
}

/// A waiter's membarrier is over. 1: it was another waiter's.
#[inline(always)]
pub fn barrier(by_another: bool) {
    probe!(hazptr, barrier, by_another);
}

/// So many objects were taken to be reclaimed: new ones, and such as were protected before. The barrier is
/// over.
#[inline(always)]
pub fn batch_begin(fresh: u64, kept: u64) {
    probe!(hazptr, batch_begin, fresh, kept);
}

/// So many callbacks were called.
#[inline(always)]
pub fn batch_end(called: usize) {
    probe!(hazptr, batch_end, called);
}

/// The library goes on in another mode, by the number that hazptr_mode() returns.
#[inline(always)]
pub fn mode(now: Mode) {
    probe!(hazptr, mode, now as u32);
}
