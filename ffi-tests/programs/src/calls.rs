// SPDX-License-Identifier: MIT OR Apache-2.0
//! The library's calls, each checked on the spot: what it returns, and that it leaves errno alone.
//! Nothing here allocates unless a check fails, so that handlers may call it.

use crate::breakage::{self, Breakage};
use crate::deed::Expect;
use crate::ffi::{self, hazptr_ctx, hazptr_statistics};
use crate::program::{CELLS, CONTEXTS, Call, OBJECTS, Pointer, first_value};
use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// The contexts that all threads share.
struct Contexts([UnsafeCell<hazptr_ctx>; CONTEXTS]);

// SAFETY: one thread at a time takes a step, and the model allows no call with a context that
// another one is in the middle of.
unsafe impl Sync for Contexts {}

static CONTEXT: Contexts = Contexts([const { UnsafeCell::new(hazptr_ctx::INIT) }; CONTEXTS]);

static CELL: [AtomicPtr<c_void>; CELLS] = [const { AtomicPtr::new(ptr::null_mut()) }; CELLS];
/// What each cell was before, for [`Breakage::Stale`].
static CELL_BEFORE: [AtomicPtr<c_void>; CELLS] = [const { AtomicPtr::new(ptr::null_mut()) }; CELLS];

/// What each context acquired last.
static ADDR: [AtomicPtr<c_void>; CONTEXTS] = [const { AtomicPtr::new(ptr::null_mut()) }; CONTEXTS];

/// Objects may lie anywhere, also in each other's cache lines.
const OBJECT_SIZE: usize = 41;
static OBJECT: [u8; OBJECTS * OBJECT_SIZE] = [0; OBJECTS * OBJECT_SIZE];

/// The most lines that any statistics told of, in this process.
static MOST_LINES: AtomicU64 = AtomicU64::new(0);

pub fn most_lines() -> u64 {
    MOST_LINES.load(Ordering::Relaxed)
}

pub fn address(pointer: Pointer) -> *mut c_void {
    match pointer {
        Some(object) => (&raw const OBJECT[usize::from(object) * OBJECT_SIZE]).cast_mut().cast(),
        None => ptr::null_mut(),
    }
}

/// An address as the programs name it.
fn name(addr: *const c_void) -> String {
    let is = |object: &u8| ptr::eq(address(Some(*object)), addr);
    match (0..OBJECTS as u8).find(is) {
        Some(object) => format!("&object[{object}]"),
        None if addr.is_null() => "NULL".into(),
        None => format!("{addr:?}"),
    }
}

/// A program begins: nothing is left of the one before, whose hazards have all been released.
pub fn begin() {
    // SAFETY: no context holds anything, and no other thread takes a step.
    CONTEXT.0.iter().for_each(|context| unsafe { context.get().write(hazptr_ctx::INIT) });
    for (i, cell) in CELL.iter().enumerate() {
        cell.store(address(first_value(i as u8)), Ordering::SeqCst);
    }
    let rest = CELL_BEFORE.iter().chain(&ADDR);
    rest.for_each(|pointer| pointer.store(ptr::null_mut(), Ordering::SeqCst));
}

pub fn store(cell: u8, addr: Pointer) {
    let cell = usize::from(cell);
    let before = CELL[cell].swap(address(addr), Ordering::SeqCst);
    CELL_BEFORE[cell].store(before, Ordering::SeqCst);
}

fn errno() -> *mut i32 {
    // SAFETY: always there.
    unsafe { libc::__errno_location() }
}

/// Makes a call and sees to it that errno is what it was.
fn keeping_errno<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    const UNUSUAL: i32 = 4711;
    // SAFETY: this thread's own.
    let before = unsafe { errno().replace(UNUSUAL) };
    let result = call();
    // SAFETY: as above.
    match unsafe { errno().replace(before) } {
        UNUSUAL => Ok(result),
        changed => Err(format!("errno was changed to {changed}")),
    }
}

fn acquire(ctx: usize, cell: u8, expected: Pointer) -> Result<(), String> {
    let cells = if breakage::is(Breakage::Stale) { &CELL_BEFORE } else { &CELL };
    let cell = &cells[usize::from(cell)];
    let context = CONTEXT.0[ctx].get();
    let acquired = keeping_errno(|| {
        if breakage::is(Breakage::Unprotected) {
            return cell.load(Ordering::Acquire);
        }
        // SAFETY: the context holds nothing (the model), so that it may be anything: here it is
        // rubbish, which the acquire must not mind. The cell is static.
        unsafe {
            context.cast::<u8>().write_bytes(0xa5, size_of::<hazptr_ctx>());
            ffi::hazptr_acquire(context, cell.as_ptr())
        }
    })?;
    ADDR[ctx].store(acquired, Ordering::Relaxed);
    if ptr::eq(acquired, address(expected)) {
        return Ok(());
    }
    Err(format!("ctx[{ctx}] got {}, not {}", name(acquired), name(address(expected))))
}

fn release(ctx: usize, with_addr: bool) -> Result<(), String> {
    let mut context = CONTEXT.0[ctx].get();
    let addr = if with_addr { ADDR[ctx].load(Ordering::Relaxed) } else { ptr::null_mut() };
    keeping_errno(|| {
        // SAFETY: every context was initialised, and nobody else releases these now.
        unsafe {
            if breakage::is(Breakage::Again) && !(*context).holds() {
                context = CONTEXT.0[(ctx + 1) % CONTEXTS].get();
            }
            if !breakage::is(Breakage::Release) {
                ffi::hazptr_release(context, addr);
            }
        }
    })
}

pub fn synchronize(addr: Pointer) -> Result<(), String> {
    keeping_errno(|| {
        if breakage::is(Breakage::Others) {
            // SAFETY: an address that is only compared.
            (0..OBJECTS as u8)
                .for_each(|object| unsafe { ffi::hazptr_synchronize(address(Some(object))) });
        }
        if !breakage::is(Breakage::Synchronize) {
            // SAFETY: as above.
            unsafe { ffi::hazptr_synchronize(address(addr)) };
        }
    })
}

/// Room for the statistics of a library newer than this program.
const STATS_ROOM: usize = 32;
const STATS_KNOWN: usize = size_of::<hazptr_statistics>() / 8;
const HELD: usize = mem::offset_of!(hazptr_statistics, held) / 8;
const LINES: usize = mem::offset_of!(hazptr_statistics, lines) / 8;

fn stats(size: u8, held: u64) -> Result<(), String> {
    const UNTOUCHED: u64 = 0x5a5a_5a5a_5a5a_5a5a;
    let mut words = [UNTOUCHED; STATS_ROOM];
    let size = usize::from(size);
    // SAFETY: a u8 of bytes is there.
    let error = keeping_errno(|| unsafe { ffi::hazptr_stats(words.as_mut_ptr().cast(), size) })?;
    let filled = if size % 8 == 0 { size / 8 } else { 0 };
    let expected = if filled == 0 { libc::EINVAL } else { 0 };
    if error != expected {
        return Err(format!("returned {error}, not {expected}"));
    }
    if let Some(at) = words[filled..].iter().position(|word| *word != UNTOUCHED) {
        return Err(format!("wrote to byte {} of {size}", (filled + at) * 8));
    }
    let words = &mut words[..filled];
    if breakage::is(Breakage::Stats) && filled > HELD {
        words[HELD] = words[HELD].saturating_sub(1);
    }
    if words.len() > STATS_KNOWN && words[STATS_KNOWN..].iter().any(|word| *word != 0) {
        return Err("what the library does not know is not zero".into());
    }
    if let Some(lines) = words.get(LINES) {
        MOST_LINES.fetch_max(*lines, Ordering::Relaxed);
    }
    match words.get(HELD) {
        Some(counted) if *counted != held => Err(format!("{counted} hazards held, not {held}")),
        _ => Ok(()),
    }
}

/// Statistics, for whoever checks something else by them.
pub fn statistics() -> hazptr_statistics {
    let mut stats = hazptr_statistics::default();
    // SAFETY: the size is said.
    unsafe { ffi::hazptr_stats(&mut stats, size_of_val(&stats)) };
    stats
}

/// What the first call returned, and every other one must.
static MODE: AtomicU64 = AtomicU64::new(0);
static VERSION: AtomicU64 = AtomicU64::new(0);

fn constant(first: &AtomicU64, now: u32) -> Result<(), String> {
    let now = u64::from(now) + 1;
    match first.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed) {
        Err(before) if before != now => Err(format!("returned {}, before {}", now - 1, before - 1)),
        _ => Ok(()),
    }
}

/// The name of the mode in force.
pub fn mode_name() -> &'static str {
    // SAFETY: always safe.
    match unsafe { ffi::hazptr_mode() } {
        ffi::HAZPTR_MODE_RSEQ => "rseq",
        ffi::HAZPTR_MODE_MEMBARRIER => "membarrier",
        ffi::HAZPTR_MODE_FENCE => "fence",
        _ => "?",
    }
}

/// Makes a call that the model allows, and checks what the model expects. Returns what was wrong.
pub fn make(call: &Call, expect: Expect) -> Result<(), String> {
    let range = |first: u8, count: u8| usize::from(first)..usize::from(first) + usize::from(count);
    match *call {
        Call::Acquire { first, count, cell } => {
            let Expect::Loads(addr) = expect else { unreachable!() };
            range(first, count).try_for_each(|ctx| acquire(ctx, cell, addr))
        }
        Call::Release { first, count, with_addr } => {
            range(first, count).try_for_each(|ctx| release(ctx, with_addr))
        }
        Call::Detach { ctx } => {
            let context = ctx.map_or(ptr::null_mut(), |ctx| CONTEXT.0[usize::from(ctx)].get());
            // SAFETY: the context was initialised, or is NULL.
            keeping_errno(|| unsafe {
                ffi::hazptr_detach(context);
                if breakage::is(Breakage::Errno) {
                    errno().write(libc::EINTR);
                }
            })
        }
        Call::Synchronize { addr } => synchronize(addr),
        // SAFETY: always safe, as are the next three.
        Call::NoteContextSwitch => keeping_errno(|| unsafe { ffi::hazptr_note_context_switch() }),
        // SAFETY: see above.
        Call::Init => match keeping_errno(|| unsafe { ffi::hazptr_init() })? {
            0 => Ok(()),
            error => Err(format!("returned {error}, not 0")),
        },
        // SAFETY: see above.
        Call::Mode => constant(&MODE, keeping_errno(|| unsafe { ffi::hazptr_mode() })?),
        // SAFETY: see above.
        Call::Version => constant(&VERSION, keeping_errno(|| unsafe { ffi::hazptr_version() })?),
        Call::Stats { size } => {
            let Expect::Holding(held) = expect else { unreachable!() };
            stats(size, held)
        }
    }
}
