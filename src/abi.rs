// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C interface: types and exported functions, no logic. cbindgen turns this file into
//! include/hazptr.h, comments included.

// The comments here are the C header's, which says "Requires" where Rust says "Safety".
#![allow(non_camel_case_types, clippy::missing_safety_doc)]

use crate::{acquire, control, init, release, stats, synchronize, wait};
use core::ffi::{c_int, c_uint, c_void};

/// Major version: changes with the soname.
pub const HAZPTR_VERSION_MAJOR: u32 = 0;
/// Minor version: functions were added.
pub const HAZPTR_VERSION_MINOR: u32 = 1;
/// Patch version: nothing changed that a program could name.
pub const HAZPTR_VERSION_PATCH: u32 = 0;

/// hazptr_mode(): readers in about a nanosecond by restartable sequences, waiters by membarrier.
pub const HAZPTR_MODE_RSEQ: u32 = 1;
/// hazptr_mode(): readers fence for themselves, waiters use membarrier before they sleep.
pub const HAZPTR_MODE_MEMBARRIER: u32 = 2;
/// hazptr_mode(): readers and releases fence for themselves, neither system call is used.
pub const HAZPTR_MODE_FENCE: u32 = 3;

/// A hazard slot: the address it protects, or NULL. Belongs to the library.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hazptr_slot {
    /// The protected address.
    pub addr: *mut c_void,
}

/// A context's own slot, used when no other is to be had. Belongs to the library while held.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hazptr_backup_slot {
    /// The hazard.
    pub slot: hazptr_slot,
    /// The next context on the list of backup slots.
    pub next: *mut hazptr_backup_slot,
    /// What points to this one.
    pub pprev: *mut *mut hazptr_backup_slot,
}

/// One hazard, from acquire to release. Usually on the stack; needs no initialisation before
/// hazptr_acquire(), HAZPTR_CTX_INIT before a hazptr_release() that may come without one. While it
/// holds a hazard it must stay where it is: do not copy or move it, and do not acquire with it
/// again. The members are the library's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hazptr_ctx {
    /// The slot held, or NULL.
    pub slot: *mut hazptr_slot,
    /// See struct hazptr_backup_slot.
    pub backup_slot: hazptr_backup_slot,
    /// The fork generation that the backup slot belongs to.
    pub generation: u32,
    /// For later use.
    pub flags: u32,
    /// For later use.
    pub reserved: [*mut c_void; 3],
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<hazptr_ctx>() == 64 && align_of::<hazptr_ctx>() == 8);
    assert!(offset_of!(hazptr_ctx, slot) == 0);
    assert!(offset_of!(hazptr_ctx, backup_slot) == 8);
    assert!(offset_of!(hazptr_ctx, generation) == 32);
    assert!(offset_of!(hazptr_ctx, flags) == 36);
    assert!(offset_of!(hazptr_ctx, reserved) == 40);
};

/// What hazptr_stats() tells. Counts run from the process's start, or its last fork. An acquire
/// that is not counted in acquire_slow took the fast path, which counts nothing.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct hazptr_statistics {
    /// Acquires that left the fast path, for any reason.
    pub acquire_slow: u64,
    /// Of those, served by a slot of the CPU's line that the fast path does not look at.
    pub acquire_far: u64,
    /// Of those, served by compare-and-swap in a shared line.
    pub acquire_portable: u64,
    /// Of those, served by the context's own backup slot.
    pub acquire_backup: u64,
    /// Hazards held now.
    pub held: u64,
    /// Of those, in backup slots.
    pub held_backup: u64,
    /// Lines of slots ever used; 128 bytes each.
    pub lines: u64,
    /// Of those, parked now, drained or not.
    pub lines_parked: u64,
    /// Lines taken off a CPU because they were full, stale, or on request.
    pub parks: u64,
    /// Of those, because holders stayed in the slots that the fast path looks at.
    pub parks_early: u64,
    /// Barriers run, refused ones included: one membarrier system call each.
    pub barriers: u64,
    /// Barriers that were not run because another waiter's served.
    pub barriers_shared: u64,
    /// Barriers that the system refused; the mode went down.
    pub barriers_refused: u64,
    /// Times that a barrier was asked for again because the system was short of memory.
    pub barriers_retried: u64,
    /// Times that a waiter went to sleep.
    pub sleeps: u64,
    /// Times that a release woke sleepers.
    pub wakes: u64,
}

/// Load the pointer at @addr_p and protect what it points to, until hazptr_release(@ctx).
///
/// From the return on, hazptr_synchronize() of that address waits for the release, so the object
/// may be read, provided that it is freed only after such a wait. Never fails. Give every hazard
/// that is held at the same time a context of its own; there is no limit on their number.
///
/// What is protected is the very value that was loaded: if the pointer carries tag bits, the waiter
/// has to give the same ones. @addr_p must be aligned as a pointer is.
///
/// Returns the pointer, loaded with acquire ordering. NULL if that is what was loaded: then
/// nothing is protected, and a release does nothing.
/// Threads: any, without registration. The hazard may be released by another thread.
/// Signal handlers: safe, also in the middle of another acquire or release; the hazard may be kept
/// past the handler's return. A handler that leaves by longjmp leaks the hazard it interrupted.
/// Fork: a hazard protects nothing in the child, where releasing it does nothing. An acquire that a
/// handler interrupts with a fork counts as made before it.
/// NULL: neither argument may be NULL.
/// Ownership: @ctx belongs to the library from here to the release.
/// Cost: about a nanosecond; a thousand times as much when this CPU's slots are all held, for others
/// have to be found, and perhaps mapped. Never waits for another thread, except where the limit on
/// lines is reached or memory is refused: then for a lock, with signals blocked.
/// Errors: none. errno is preserved. Since 0.1.
/// Requires: @addr_p can be read as long as the call lasts; @ctx holds nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_acquire(
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
) -> *mut c_void {
    // SAFETY: the caller's duty, passed on.
    unsafe { acquire::acquire(ctx, addr_p) }
}

/// Release what @ctx protects, and wake those who wait for it.
///
/// All that was done with the object before comes before what the waiter does next. @addr is what
/// hazptr_acquire() returned; it is for the reader and for debugging, the context knows better.
/// Releasing again, later, does nothing. Two releases of one context that run at the same time, in
/// two threads or in a handler that interrupts the first, are an error: the second may clear a
/// stranger's hazard.
///
/// Threads: any, on any CPU or fibre, also after the acquiring thread has ended.
/// Signal handlers: safe. Fork: see hazptr_acquire().
/// NULL: @addr may be NULL; @ctx may not.
/// Ownership: @ctx is the caller's again.
/// Cost: less than a nanosecond; a system call if somebody sleeps for its slot. One who sleeps
/// may be told late, by as much as 100 ms, if this thread ends or is stopped in the middle.
/// Errors: none. errno is preserved. Since 0.1.
/// Requires: @ctx was initialised or given to an acquire, and nobody else releases it now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_release(ctx: *mut hazptr_ctx, addr: *const c_void) {
    let _ = addr;
    // SAFETY: the caller's duty, passed on.
    unsafe { release::release(ctx) }
}

/// Wake those who wait for @slot: the second half of an inlined release, whose first half has just
/// emptied @slot and found that somebody sleeps. Not for any other use.
///
/// Threads, signal handlers, fork, errors: as hazptr_release(). @slot is not looked at. Cost: a full
/// fence and a system call at most. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_wake(slot: *const hazptr_slot) {
    wait::wake(slot.cast());
}

/// Say that @ctx will be released by another thread, fibre or handler than it was acquired by.
///
/// In the kernel this moves the hazard to where that is possible. Here any thread may release any
/// hazard, so that it does nothing; it is kept so that the same source serves both.
///
/// Threads, signal handlers, fork, errors: as hazptr_release(). NULL: allowed. Cost: the call.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_detach(ctx: *mut hazptr_ctx) {
    let _ = ctx;
}

/// Move this CPU's line of slots out of the way of those who come after, hazards and all.
///
/// For schedulers of fibres or coroutines, when they switch away from one that holds hazards for
/// long. Never needed: lines that stay full are moved by themselves.
///
/// Threads, signal handlers: as hazptr_acquire(). Fork: safe. NULL: none. Cost: tens of
/// nanoseconds, with thousands of hazards held some hundreds; a system call if memory has to be
/// mapped. Does nothing except in mode rseq.
/// Errors: none. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_note_context_switch() {
    acquire::note_context_switch();
}

/// Wait until nobody protects @addr any more.
///
/// The caller has first made @addr unreachable, by storing another pointer wherever readers load
/// it from. Afterwards no reader holds it, and none will: it may be freed or used anew. Readers of
/// other objects are not waited for. Publishing @addr again delays its own waiters, without limit.
/// Waiting for what the calling thread itself protects never ends.
///
/// A full fence in any case. Threads: any number at once; they share barriers. Not a cancellation
/// point. Signal handlers: not safe. Fork: safe in the child, which has no readers but its own.
/// NULL: returns at once.
/// Cost: one membarrier system call (0.2 to 15 microseconds, and as much for each sibling thread
/// that is running), a look at every slot in use; then spins some microseconds, then sleeps.
/// Errors: none. If the system forbids membarrier to a running process the library goes on in a
/// lower mode, for which a caller in mode rseq has to run on every CPU once: that sets its CPU
/// affinity, for the moment, and takes a turn on each. If that is forbidden too, or a CPU of
/// another thread is outside the caller's cpuset, it aborts, with a message. errno is preserved.
/// Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_synchronize(addr: *const c_void) {
    synchronize::synchronize(addr);
}

/// Initialise the library. Optional: it happens at load time, and again on first use after a fork.
///
/// The environment is read once, and not at all in set-uid programs: HAZPTR_MODE=auto, rseq,
/// membarrier or fence; HAZPTR_MAX_LINES=n, the most lines of slots (0: every acquire uses its
/// backup slot). A wish that cannot be met makes one line on standard error.
///
/// Threads, signal handlers: safe, any number at once. Fork: safe. Cost: once some ten
/// microseconds, more if threads are running.
/// Returns 0. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_init() -> c_int {
    init::ensure();
    0
}

/// The version of the library in use, to be compared with HAZPTR_VERSION, that of the header.
///
/// Threads, signal handlers, fork: safe. Cost: the call. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_version() -> c_uint {
    HAZPTR_VERSION_MAJOR << 16 | HAZPTR_VERSION_MINOR << 8 | HAZPTR_VERSION_PATCH
}

/// The mode in force: HAZPTR_MODE_RSEQ, HAZPTR_MODE_MEMBARRIER or HAZPTR_MODE_FENCE. Can go down
/// while the program runs, if the system withdraws what it needs.
///
/// Threads, signal handlers, fork: safe. Cost: the call. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_mode() -> c_uint {
    match init::ensure().word.mode() {
        control::Mode::Membarrier | control::Mode::Trans => HAZPTR_MODE_MEMBARRIER,
        control::Mode::Fence => HAZPTR_MODE_FENCE,
        control::Mode::Rseq | control::Mode::Uninit => HAZPTR_MODE_RSEQ,
    }
}

/// Fill @stats, of @size bytes (sizeof(struct hazptr_statistics)), with what the library has counted.
///
/// A program may have been built with an older or a newer header: @size says how much it knows of;
/// what the library does not know is zero. The numbers are each correct, and not of one instant.
///
/// Threads: safe. Signal handlers, fork: safe. NULL: EINVAL.
/// Cost: reads every slot in use.
/// Returns 0, or EINVAL if @size is 0 or no multiple of 8. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_stats(stats: *mut hazptr_statistics, size: usize) -> c_int {
    // SAFETY: the caller's duty, passed on.
    unsafe { stats::read(stats, size) }
}
