// SPDX-License-Identifier: MIT OR Apache-2.0
//! The C interface: types and exported functions, no logic. cbindgen turns this file into
//! include/hazptr.h, comments included.

// The comments here are the C header's, which says "Requires" where Rust says "Safety".
#![allow(non_camel_case_types, clippy::missing_safety_doc)]

use crate::{
    acquire, cohort, control, debug, dump, held, init, policy, reclaim, release, retire, stats,
    synchronize,
};
use core::ffi::{c_char, c_int, c_uint, c_void};
use core::ptr;

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

/// hazptr_retire_in() and its like: never run callbacks in this call, even past the bound.
pub const HAZPTR_RETIRE_NOHELP: u32 = 1;
/// struct hazptr_reclaim_policy: start no thread.
pub const HAZPTR_RECLAIM_NO_WORKER: u32 = 1;
/// hazptr_cohort_barrier(): wait without a limit.
pub const HAZPTR_FOREVER: u64 = u64::MAX;

/// hazptr_set_debug_handler(): release, or use, of a context that holds nothing.
pub const HAZPTR_DEBUG_NOT_HELD: u32 = 1;
/// Release of another address than the one that the context protects.
pub const HAZPTR_DEBUG_WRONG_ADDRESS: u32 = 2;
/// A release while another one of the same context is under way.
pub const HAZPTR_DEBUG_RACE: u32 = 3;
/// Acquire on a context that holds something already.
pub const HAZPTR_DEBUG_STILL_HELD: u32 = 4;
/// Release or use of a copy of a context.
pub const HAZPTR_DEBUG_COPIED: u32 = 5;
/// The end of a thread, on whose stack, or in whose thread-local memory, a context holds something.
pub const HAZPTR_DEBUG_THREAD_ENDED: u32 = 6;
/// Release, in a forked child, of what its parent held: it was not protected here.
pub const HAZPTR_DEBUG_FORKED: u32 = 7;
/// A wait without limit for what the caller itself protects.
pub const HAZPTR_DEBUG_SELF_WAIT: u32 = 8;
/// Retire of what is retired already, and not reclaimed yet: of a node, or twice by free(3). It is left out.
pub const HAZPTR_DEBUG_DOUBLE_RETIRE: u32 = 9;
/// Release by another thread than the one that acquired, without hazptr_detach(). Only if asked for.
pub const HAZPTR_DEBUG_OTHER_THREAD: u32 = 10;

/// See hazptr_set_debug_handler().
pub type hazptr_debug_handler = Option<unsafe extern "C" fn(kind: c_uint, report: *const c_char)>;

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
    /// The fork generation that the backup slot belongs to, or the slot that is held.
    pub generation: u32,
    /// Of a slot that is held: what the control word is while it may be trusted.
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

/// An object that is retired, on its way to its callback: usually a member of it. Needs no
/// initialisation. From hazptr_retire() until the callback it is the library's.
#[repr(C)]
pub struct hazptr_head {
    /// The next one of a list, for hazptr_retire_list().
    pub next: *mut hazptr_head,
    /// What reclaims the object.
    pub func: Option<unsafe extern "C" fn(head: *mut hazptr_head)>,
    /// The address that readers protect.
    pub addr: *mut c_void,
    /// The library's.
    pub reserved: *mut c_void,
}

const _: () = assert!(size_of::<hazptr_head>() == 32 && align_of::<hazptr_head>() == 8);

/// Objects that are waited for together, and apart from all others: those of one container, or of one
/// plug-in. Zero, HAZPTR_COHORT_INIT, is an empty one; it needs no other initialisation. It must
/// stay until hazptr_cohort_barrier() has returned 0. The members are the library's.
#[repr(C)]
pub struct hazptr_cohort {
    /// How many of its objects are pending, and in which process.
    pub pending: u64,
    /// For later use.
    pub reserved: [u64; 7],
}

const _: () = assert!(size_of::<hazptr_cohort>() == 64);

/// When retired objects are reclaimed, and by whom: see hazptr_set_policy(). Fill it by
/// hazptr_get_policy(), then change what is to change.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct hazptr_reclaim_policy {
    /// So many objects waiting make the worker begin before their delay is over. Default: the bound.
    pub batch: u32,
    /// So many make the caller of hazptr_retire() help: it reclaims them in its own thread. What is
    /// retired and not yet reclaimed is never more than this, the hazards held, and one such batch
    /// for every thread that is reclaiming; 32 for each CPU is the least that can be kept to.
    /// Default: 1,280 and 64 for each CPU.
    pub bound: u32,
    /// Microseconds from being retired, or later released by its last reader, to being reclaimed, if
    /// a CPU is free. Default: 10,000.
    pub delay_us: u32,
    /// HAZPTR_RECLAIM_NO_WORKER, or 0, the default.
    pub flags: u32,
    /// The worker's nice value, as in setpriority(2). Default: 0, with which it begins as the thread
    /// has that starts it.
    pub nice: i32,
    /// For later use; 0.
    pub reserved: u32,
    /// The CPUs that the worker may use, as in a cpu_set_t: bit n % 64 of word n / 64 is CPU n. All
    /// zero, the default, changes nothing: it begins with those of the thread that starts it.
    pub cpus: [u64; 16],
}

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
    /// Objects retired.
    pub retired: u64,
    /// Of those, reclaimed: their callbacks have returned.
    pub reclaimed: u64,
    /// Of those reclaimed, by callers of hazptr_retire() that helped.
    pub helped: u64,
    /// Retired and not yet reclaimed, now.
    pub pending: u64,
    /// The most that this has been.
    pub pending_peak: u64,
    /// Times that somebody took what had been retired, to reclaim it.
    pub batches: u64,
    /// Barriers that these needed, their own or shared ones.
    pub batch_barriers: u64,
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
/// Fork: a hazard protects nothing in the child, where releasing it does nothing (but debug mode reports it). An acquire that a
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

/// As hazptr_acquire(), for pointers that carry tag bits: those of @mask are returned with the
/// pointer and do not count for its protection. Protected is the loaded value without them, so that
/// the waiter, or hazptr_retire(), gives the object's address whatever tags its pointers had.
///
/// If nothing is left without them, nothing is protected.
///
/// Threads, signal handlers, fork, NULL, ownership, cost, errors: as hazptr_acquire(). Since 0.1.
/// Requires: as hazptr_acquire().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_acquire_masked(
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
    mask: usize,
) -> *mut c_void {
    // SAFETY: the caller's duty, passed on.
    unsafe { acquire::acquire_masked(ctx, addr_p, mask) }
}

/// Give @ctx a slot to keep until hazptr_release(): for hazards that are set again and again, as those
/// of a thread that walks along a list. It protects nothing yet.
///
/// A context that holds a slot may be given to hazptr_protect() and to those that follow it here, and in
/// the end to hazptr_release(). It takes its slot from those that acquires use; there is no limit on
/// their number.
///
/// Threads: any; but a context is used by one at a time. Signal handlers: safe, for contexts that the
/// handler has to itself.
/// Fork: in the child the context protects nothing until it is next used; then it takes a slot there. A
/// call that a handler interrupts with a fork counts as made before it.
/// NULL: @ctx may not be NULL.
/// Ownership: @ctx belongs to the library from here to the release.
/// Cost, errors: as hazptr_acquire(). Since 0.1.
/// Requires: @ctx holds nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_hold(ctx: *mut hazptr_ctx) {
    // SAFETY: the caller's duty, passed on.
    unsafe { held::hold(ctx) }
}

/// hazptr_hold() for each of @count contexts that lie one after the other at @ctxs.
///
/// Threads, signal handlers, fork, ownership, errors: as hazptr_hold(). NULL: @ctxs may be NULL if @count
/// is 0. Cost: one call, and as much as hazptr_hold() for each. Since 0.1.
/// Requires: as hazptr_hold().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_hold_many(ctxs: *mut hazptr_ctx, count: usize) {
    for i in 0..count {
        // SAFETY: the caller's duty, passed on.
        unsafe { held::hold(ctxs.add(i)) }
    }
}

/// Load the pointer at @addr_p and protect what it points to by a context that holds a slot, until the
/// next call for that context. What the context protected before, it protects no more.
///
/// What hazptr_acquire() promises, this does too.
///
/// Returns the pointer, loaded with acquire ordering. NULL if that is what was loaded: then nothing is
/// protected.
/// Threads, signal handlers, fork: as hazptr_hold(). NULL: neither argument may be NULL.
/// Cost: about that of two plain loads, inlined; again as often as the pointer is found changed. In the
/// lower modes, and while somebody sleeps for any hazard, some nanoseconds; a system call if it is this
/// one's.
/// Errors: none. errno is preserved. Since 0.1.
/// Requires: @addr_p can be read as long as the call lasts; @ctx holds a slot.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_protect(
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
) -> *mut c_void {
    // SAFETY: the caller's duty, passed on.
    unsafe { held::protect(ctx, addr_p, !0) }
}

/// As hazptr_protect(), for pointers that carry tag bits: those of @mask are returned with the pointer
/// and do not count for its protection, as in hazptr_acquire_masked().
///
/// Threads, signal handlers, fork, NULL, cost, errors: as hazptr_protect(). Since 0.1.
/// Requires: as hazptr_protect().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_protect_masked(
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
    mask: usize,
) -> *mut c_void {
    // SAFETY: the caller's duty, passed on.
    unsafe { held::protect(ctx, addr_p, !mask) }
}

/// Protect what *@expected points to, if that is what the pointer at @addr_p holds. hazptr_protect()
/// without its loop, for those who have other things to do when the pointer has changed.
///
/// Returns 1 if *@expected is protected now. Otherwise 0: then nothing is, and *@expected is what
/// @addr_p holds instead, loaded with acquire ordering. *@expected may be NULL.
/// Threads, signal handlers, fork, NULL, cost, errors: as hazptr_protect(). Since 0.1.
/// Requires: as hazptr_protect().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_try_protect(
    ctx: *mut hazptr_ctx,
    expected: *mut *mut c_void,
    addr_p: *const *mut c_void,
) -> c_int {
    // SAFETY: the caller's duty, passed on.
    unsafe { held::try_protect(ctx, expected, addr_p).into() }
}

/// Protect nothing any more by a context that goes on holding its slot, and wake those who wait for what
/// it has protected.
///
/// All that was done with the object before comes before what the waiter does next.
///
/// Threads, signal handlers, fork: as hazptr_hold(). NULL: @ctx may not be NULL. Cost, errors: as
/// hazptr_release(). Since 0.1.
/// Requires: @ctx holds a slot.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_reset(ctx: *mut hazptr_ctx) {
    // SAFETY: the caller's duty, passed on.
    unsafe { held::reset(ctx) }
}

/// Have a context that holds a slot name @addr, without a look whether that is still to be had: for
/// algorithms that look themselves. What it named before, it names no more.
///
/// The object is protected if it is still reachable by a load that comes after this call, or after a
/// hazptr_light_fence() that does. If it is protected by another context, that may stop once this call
/// has returned only if the object cannot be retired, or waited for, in between: for one who waits may
/// have looked here before this call, and there after it.
///
/// Threads, signal handlers, fork: as hazptr_hold(). NULL: @addr may be NULL: hazptr_reset(). @ctx may
/// not. Cost, errors: as hazptr_protect(). Since 0.1.
/// Requires: @ctx holds a slot.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_publish(ctx: *mut hazptr_ctx, addr: *const c_void) {
    // SAFETY: the caller's duty, passed on.
    unsafe { held::publish(ctx, addr.cast_mut()) }
}

/// Order what this thread has stored before against what it loads after, as seen by those who wait in
/// hazptr_synchronize() or reclaim: the readers' half of an asymmetric fence, whose other half they pay
/// for. It orders nothing against anybody else.
///
/// Threads: any. Signal handlers, fork: safe. Cost: nothing but the call; a full fence in the lower
/// modes. Errors: none. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_light_fence() {
    held::light_fence();
}

/// Hand what @src holds, slot and protection, to @dst, without a gap. Then @src holds nothing. For
/// hazards of hazptr_acquire() as well.
///
/// There is no copy of a hazard: whoever waits could look at the copy before it is made, and at the
/// original when it is gone.
///
/// Threads, signal handlers: as hazptr_hold(); nobody else uses either context now. Fork: see
/// hazptr_acquire() and hazptr_hold(). NULL: neither may be NULL; @dst may be @src, then nothing is done.
/// Ownership: @dst belongs to the library, as @src did; @src is the caller's again.
/// Cost: about a nanosecond; for a context's own slot a lock, with signals blocked.
/// Errors: none. errno is preserved. Since 0.1.
/// Requires: @dst holds nothing; @src was initialised, or given to an acquire or hold.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_move(dst: *mut hazptr_ctx, src: *mut hazptr_ctx) {
    // SAFETY: the caller's duty, passed on.
    unsafe { held::hand_over(dst, src) }
}

/// Release what @ctx protects, and wake those who wait for it.
///
/// All that was done with the object before comes before what the waiter does next. @addr is what
/// hazptr_acquire() returned; it is for the reader and for debugging, the context knows better.
/// Releasing again, later, does nothing, but debug mode reports it. Two releases of one context that run at the same time, in
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
    // SAFETY: the caller's duty, passed on.
    unsafe { release::release(ctx, addr) }
}

/// Wake those who wait for @slot: the second half of an inlined release, whose first half has just
/// emptied @slot and found that somebody sleeps. Not for any other use.
///
/// Threads, signal handlers, fork, errors: as hazptr_release(). @slot is not looked at. Cost: a full
/// fence and a system call at most. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_wake(slot: *const hazptr_slot) {
    release::wake_by_program(slot.cast());
}

/// Say that @ctx will be released by another thread, fibre or handler than it was acquired by.
///
/// In the kernel this moves the hazard to where that is possible. Here any thread may release any
/// hazard, so that it does nothing, except that debug mode takes note of it; it is kept so that the same
/// source serves both.
///
/// Threads, signal handlers, fork, errors: as hazptr_release(). NULL: allowed. Cost: the call.
/// Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_detach(ctx: *mut hazptr_ctx) {
    debug::detach(ctx);
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

/// As hazptr_synchronize(), but not longer than so many nanoseconds, plus those of its barriers. With
/// @timeout_ns 0 it looks once; HAZPTR_FOREVER is no limit.
///
/// **After ETIMEDOUT somebody may still protect @addr**: it may not be freed. Everything else is as before, and
/// the caller may try again, or have it retired.
///
/// Threads, signal handlers, fork, cost: as hazptr_synchronize(). NULL: is protected by nobody.
/// Returns 0, or ETIMEDOUT. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_synchronize_timeout(addr: *const c_void, timeout_ns: u64) -> c_int {
    synchronize::with_timeout(addr, timeout_ns)
}

/// As hazptr_synchronize(), for every address from @start on, @len bytes: for a slab, or a mapping, whose
/// objects readers protect one by one.
///
/// All of them are unreachable by then, **from each other too**: a reader that holds one may not find a pointer
/// to another one in it, or it may have that behind the caller's back. Store NULL there first.
///
/// Threads, signal handlers, fork: as hazptr_synchronize(). Cost: as there, one barrier, whatever @len is.
/// Returns 0; EINVAL, without a wait, if @start is below 2, @len is 0, or the end is beyond the address space.
/// errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_synchronize_range(start: *const c_void, len: usize) -> c_int {
    synchronize::range(start, len)
}

/// As hazptr_synchronize(), for each of @count addresses at @addrs, which stay there until it returns; NULL
/// among them is protected by nobody. They are unreachable from each other, as for
/// hazptr_synchronize_range().
///
/// Threads, signal handlers, fork: as hazptr_synchronize(). Cost: one barrier and one look at all slots;
/// up to some thousand addresses that look takes about as long as for one, beyond that it grows with
/// their number for every hazard held.
/// Returns 0; EINVAL, without a wait, if @addrs is NULL and @count is not 0. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_synchronize_many(
    addrs: *const *const c_void,
    count: usize,
) -> c_int {
    // SAFETY: the caller's duty, passed on.
    unsafe { synchronize::many(addrs, count) }
}

/// Tell whether anybody protects @addr.
///
/// 0 for an address that was made unreachable before: nobody does, and nobody will; it may be freed. For
/// any other it says nothing about the next moment.
///
/// Threads, signal handlers, fork: as hazptr_synchronize(). NULL: 0, at once.
/// Cost: a barrier and a look at every slot in use; never waits for a reader.
/// Returns 1 or 0. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_is_protected(addr: *const c_void) -> c_int {
    synchronize::is_protected(addr).into()
}

/// Have @func(@head) called when nobody protects @addr any more: hazptr_synchronize() without the
/// wait.
///
/// The caller has first made @addr unreachable, as for hazptr_synchronize(). @head is usually a member
/// of the object, and @addr the object's own address, which is what readers have loaded; it may be
/// anything that stays in place until the callback, which may free it. A callback runs in the
/// library's worker thread, in a thread that retires when too much is waiting (see struct
/// hazptr_reclaim_policy), or in one that calls hazptr_barrier() or hazptr_reclaim_here(). So
/// **never retire while holding a lock that a callback takes**; or use HAZPTR_RETIRE_NOHELP. Callbacks
/// may retire, acquire, synchronize on what they do not hold, and take locks. They come in no
/// particular order.
///
/// Threads: any number at once. No cancellation point, nor are callbacks. Signal handlers: not safe.
/// Fork: what is pending stays pending in the parent, and is never reclaimed in the child.
/// NULL: @addr may be; neither @head nor @func.
/// Ownership: @head is the library's until the callback, whose it then is.
/// Cost: some ten nanoseconds, and once in a thousand times the reclamation of a thousand objects. A
/// system call if the worker sleeps; the first one starts it.
/// Errors: none. If no thread can be started, callers help as if it were not asked for (see
/// HAZPTR_RECLAIM_NO_WORKER). errno is preserved. Since 0.1.
/// Requires: @head is not retired already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_retire(
    head: *mut hazptr_head,
    addr: *mut c_void,
    func: Option<unsafe extern "C" fn(head: *mut hazptr_head)>,
) {
    // SAFETY: the caller's duty, passed on.
    unsafe { retire::retire(head, addr, func) }
}

/// As hazptr_retire(), for objects that have no struct hazptr_head: have @func(@addr) called when
/// nobody protects @addr any more. `hazptr_retire_ptr(p, free)`.
///
/// Threads, signal handlers, fork: as hazptr_retire(). NULL: with @addr NULL it does nothing and
/// returns 0; EINVAL if @func is NULL.
/// Cost: as hazptr_retire(), and a malloc() and a free() of 32 bytes.
/// Returns 0; ENOMEM if the memory is not to be had, or EINVAL: then nothing is retired, and
/// hazptr_synchronize() is another way. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_retire_ptr(
    addr: *mut c_void,
    func: Option<unsafe extern "C" fn(addr: *mut c_void)>,
) -> c_int {
    // SAFETY: the caller's duty, passed on.
    unsafe { retire::retire_ptr(ptr::null_mut(), addr, func, 0) }
}

/// As hazptr_retire(), in @cohort, which may be NULL: then in none. @flags: 0 or
/// HAZPTR_RETIRE_NOHELP, with which no callback ever runs in this call: for where a lock is held that
/// callbacks take. The bound may then be exceeded.
///
/// Threads, signal handlers, fork, ownership: as hazptr_retire(). Cost: the same, and an atomic
/// addition to the cohort.
/// Returns 0; EINVAL if there are other @flags, or @head or @func is NULL: then nothing is retired.
/// errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_retire_in(
    cohort: *mut hazptr_cohort,
    head: *mut hazptr_head,
    addr: *mut c_void,
    func: Option<unsafe extern "C" fn(head: *mut hazptr_head)>,
    flags: c_uint,
) -> c_int {
    // SAFETY: the caller's duty, passed on.
    unsafe { retire::retire_in(cohort, head, addr, func, flags) }
}

/// As hazptr_retire_ptr(), in @cohort, with @flags: see hazptr_retire_in().
///
/// Threads, signal handlers, fork, cost: as there. Returns 0, ENOMEM or EINVAL: as both. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_retire_ptr_in(
    cohort: *mut hazptr_cohort,
    addr: *mut c_void,
    func: Option<unsafe extern "C" fn(addr: *mut c_void)>,
    flags: c_uint,
) -> c_int {
    // SAFETY: the caller's duty, passed on.
    unsafe { retire::retire_ptr(cohort, addr, func, flags) }
}

/// Retire many objects at once: @first and all that hang on it by `next`, up to NULL. The caller has
/// set `next`, `func` and `addr` of each.
///
/// @cohort, @flags, threads, signal handlers, fork, ownership: as hazptr_retire_in().
/// NULL: @first may be, then there is nothing to do.
/// Cost: a look at each, and one hazptr_retire_in() for all.
/// Returns 0; EINVAL if there are other @flags, or a `func` is NULL: then nothing is retired. errno
/// is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_retire_list(
    cohort: *mut hazptr_cohort,
    first: *mut hazptr_head,
    flags: c_uint,
) -> c_int {
    // SAFETY: the caller's duty, passed on.
    unsafe { retire::retire_list(cohort, first, flags) }
}

/// Wait until everything that was retired before this call is reclaimed: each callback has returned.
/// Readers that still protect something of it are waited for. What is retired in the meantime, by
/// callbacks too, does not keep it from ending; but while something from before an earlier
/// hazptr_barrier() is protected still, what is retired then is waited for too.
///
/// The caller takes part, and so runs callbacks, of all cohorts: **never call it holding a lock that
/// a callback takes**, nor a hazard on anything retired: that would never end.
///
/// Threads: any number at once. No cancellation point, nor are callbacks. Signal handlers: not safe.
/// Fork: in the child what the parent has retired does not count.
/// Cost: as hazptr_synchronize(), and the callbacks.
/// Returns 0; EDEADLK in a callback. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_barrier() -> c_int {
    reclaim::barrier()
}

/// Wait until nothing that was retired in @cohort is pending, what its callbacks retire in it
/// included: for the end of a container, or before a plug-in is unloaded. Whoever goes on retiring
/// in it delays its waiters.
///
/// Neither readers nor callbacks of other objects are waited for, and of all callbacks the caller runs
/// only those of the cohort; so it may hold locks, but not those that these take. A callback of the
/// cohort that another thread is running is waited for.
///
/// Afterwards no code of the cohort's callbacks is running, and the cohort may be given up.
///
/// Threads, signal handlers, fork: as hazptr_barrier(). @timeout_ns: nanoseconds from now;
/// HAZPTR_FOREVER.
/// Cost: as hazptr_barrier(); a load if the cohort is empty.
/// Returns 0; ETIMEDOUT if it is not empty by then, which is no error: call again; EDEADLK if it is not
/// empty and this is a callback; EINVAL if @cohort is NULL. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_cohort_barrier(
    cohort: *mut hazptr_cohort,
    timeout_ns: u64,
) -> c_int {
    // SAFETY: the caller's duty, passed on.
    unsafe { cohort::barrier(cohort, timeout_ns) }
}

/// Reclaim, in the calling thread, what is retired and not protected, once: for programs that
/// want no worker (HAZPTR_RECLAIM_NO_WORKER), or know a good moment. Waits for nobody.
///
/// Runs callbacks: never call it holding a lock that one takes. Threads: any number at once. Signal
/// handlers: not safe. Fork: safe. Cost: a barrier, if anything is new, and the callbacks.
/// Returns the number of callbacks run; 0 in a callback. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_reclaim_here() -> usize {
    reclaim::here()
}

/// Tell the policy in force: fill @policy, of @size bytes (sizeof(struct hazptr_reclaim_policy)).
///
/// Threads, signal handlers, fork: safe. NULL: EINVAL. Cost: the call.
/// Returns 0; EINVAL if @size is not one that this library knows. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_get_policy(
    policy: *mut hazptr_reclaim_policy,
    size: usize,
) -> c_int {
    // SAFETY: the caller's duty, passed on.
    unsafe { policy::get(policy, size) }
}

/// Change the policy, from now on: @policy, of @size bytes, as hazptr_get_policy() has filled it and
/// the caller changed it. A forked child keeps it.
///
/// Threads: any. Signal handlers: not safe. NULL: EINVAL.
/// Cost: the call; with @cpus or @nice other than they are, some system calls, and the worker is
/// started if it is not running.
/// Returns 0; EINVAL if @size is not one that this library knows, there are unknown flags, @batch or
/// @bound is 0, or as sched_setaffinity(2); EACCES or EPERM as setpriority(2); EAGAIN if the worker had
/// to be started and could not be. Then nothing is changed. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn hazptr_set_policy(
    policy: *const hazptr_reclaim_policy,
    size: usize,
) -> c_int {
    // SAFETY: the caller's duty, passed on.
    unsafe { policy::set(policy, size) }
}

/// Initialise the library. Optional: it happens at load time, and again on first use after a fork.
///
/// The environment is read once, and not at all in set-uid programs: HAZPTR_MODE=auto, rseq,
/// membarrier or fence; HAZPTR_MAX_LINES=n, the most lines of slots (0: every acquire uses its
/// backup slot); HAZPTR_STALL_MS=n, after how many milliseconds a wait is reported, to where
/// standard error was at the start (10000; 0: never);
/// HAZPTR_DUMP_SIGNAL=n, see hazptr_dump(); HAZPTR_DEBUG=report, abort or handler, see
/// hazptr_set_debug_handler(). A wish that cannot be met makes one line on standard error.
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

/// Write to the file descriptor @fd who holds what: each hazard on a line of its own that begins with
/// "held:" (with "nothing" for a slot that is kept for later), then what there is of lines and of retired objects. Meant for people; the text may change.
///
/// As of about now, for nobody is stopped. What another thread has locked at the moment is left out, and said
/// to be. HAZPTR_DUMP_SIGNAL=n in the environment has the signal n do this, to standard error.
///
/// Threads: any. Signal handlers: safe. Fork: in the child, what the child has. Not a cancellation point.
/// Cost: one write(2) a line, which waits for who reads it; without SIGPIPE.
/// Returns 0, or the error of write(2); what was written by then stays. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_dump(fd: c_int) -> c_int {
    dump::dump(fd)
}

/// Have @handler called with each report of debug mode, in the thread that it is about; NULL: none any more.
///
/// HAZPTR_DEBUG in the environment turns debug mode on when the process starts, for any program, inlined
/// code included. It finds what is done wrong with contexts and retired objects, at the moment when it is done:
/// see HAZPTR_DEBUG_NOT_HELD and those that follow it. A report names what was done and where each part of it
/// was, by thread, CPU, time and call sites, the innermost first (for names, link programs with
/// -rdynamic; else addr2line(1) has them). Then the program goes on as it would have without.
/// HAZPTR_DEBUG=report writes reports to standard error, if that is what it was at the start, and waits for
/// who reads it; abort does so, and calls abort(3); handler calls @handler, or writes if there is none. With
/// ",threads" behind it HAZPTR_DEBUG_OTHER_THREAD is reported too. In debug mode hazptr_dump() and reports of
/// stalls tell who holds what; the mode is fence, and HAZPTR_MODE and HAZPTR_MAX_LINES are not looked at.
///
/// @kind is one of HAZPTR_DEBUG_NOT_HELD and so on; @report is text, some lines, that is valid during the
/// call and may change with the library's version. No lock of the library's is held then. @handler has to
/// return: no exception, no longjmp(3).
///
/// Threads: any. Signal handlers: safe; @handler may be called in one that acquires or releases. In debug
/// mode handlers that do need 8 KiB more of stack. Fork: a child keeps it. NULL: allowed.
/// Cost: none, unless debug mode is on: then an acquire and its release cost some microseconds; memory for
/// each hazard held and each object retired, and for each forked child that calls in, half a megabyte of
/// address space, which its own children inherit.
/// Errors: none. errno is preserved. Since 0.1.
#[unsafe(no_mangle)]
pub extern "C" fn hazptr_set_debug_handler(handler: hazptr_debug_handler) {
    control::lasting().handler.set(handler);
}
