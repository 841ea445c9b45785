// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debug mode (HAZPTR_DEBUG): who holds what since when, and what is done wrong with it.
//!
//! The mode is fence, so that all inlined code comes here. A hazard stands where it always does, in a shared
//! line or the context's own slot; but the context says, always, that it holds its own slot. For such a context
//! inlined code calls the functions, which find the slot by the context's address, in [`crate::records`].
//! When it has been released it says that it holds a slot of its record's, which is nobody's. Who releases
//! that, or has a copy of a context, or one that was never given to an acquire, writes to what that names, and
//! then tells us of it: [`written`].
//!
//! Nothing is reported or called with the records' lock held, and nothing waited for but the ledger's lock,
//! under which nobody comes here.

use crate::abi::{hazptr_backup_slot, hazptr_ctx};
use crate::control::{Control, control, lasting};
use crate::held::{self, NOTHING};
use crate::line::Slot;
use crate::place::Place;
use crate::records::{Kind, Record, State, Table, records};
use crate::report::{Misuse, report};
use crate::stamp::Stamp;
use crate::sync::Ordering;
use crate::sync::unseen::AtomicU32;
use crate::{acquire, backup, holder, init, release, sys};
use core::ffi::c_void;
use core::mem::offset_of;
use core::{fmt, ptr};

/// What debug mode is to do, as it was asked for; 0: it is off. Written before initialisation is over, and
/// only looked at off the fast paths.
pub struct Wishes(AtomicU32);

impl Wishes {
    /// It is off.
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// See REPORT and those that follow it.
    pub fn get(&self) -> u32 {
        // Relaxed: see the type.
        self.0.load(Ordering::Relaxed)
    }
}

/// What is to be done with a report; 0 is off.
pub const REPORT: u32 = 1;
/// As REPORT, and then the process ends.
pub const ABORT: u32 = 2;
/// The program's handler is called.
pub const HANDLER: u32 = 3;
/// Above these: also report who releases what another thread has acquired, and not detached.
pub const THREADS: u32 = 1 << 8;

/// Whether debug mode was asked for; on it is when the library is initialised.
#[inline(always)]
pub fn is_wanted() -> bool {
    lasting().debug.get() != 0
}

/// Whether debug mode is on in this process.
#[inline(always)]
pub fn is_on(control: &Control) -> bool {
    is_wanted() && control.word.is_debug()
}

/// Turns debug mode on, in a process that has not acquired anything. The caller holds the init lock.
pub fn open(control: &Control, wishes: u32) {
    if wishes == 0 {
        return;
    }
    if !records(control).open() {
        return sys::complain(&[b"HAZPTR_DEBUG: no memory; going on without"]);
    }
    holder::watch_threads();
    // Relaxed: see the type.
    lasting().debug.0.store(wishes, Ordering::Relaxed);
    control.word.set_debug();
}

/// A context's own slot, which in debug mode it always says that it holds.
fn own(ctx: *mut hazptr_ctx) -> *mut Slot {
    ctx.wrapping_byte_add(OWN_SLOT).cast()
}

const OWN_SLOT: usize = offset_of!(hazptr_ctx, backup_slot) + offset_of!(hazptr_backup_slot, slot);

/// The context whose own slot that would be.
fn owner(slot: *const Slot) -> usize {
    slot.addr().wrapping_sub(OWN_SLOT)
}

const HELD: &[State] = &[State::Now];
const OVER: &[State] = &[State::Releasing, State::Over];

fn held(table: &mut Table, ctx: usize) -> Option<&mut Record> {
    table.find(Kind::Context, ctx, HELD)
}

/// Acquires, and puts down what.
///
/// # Safety
/// As [`crate::abi::hazptr_acquire`].
pub unsafe fn acquire(
    control: &'static Control,
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
    keep: usize,
) -> *mut c_void {
    let generation = control.generation();
    // SAFETY: the caller's duty.
    unsafe {
        forget(control, ctx, "acquire on a context that still holds");
        let addr = acquire::by_any_way(ctx, addr_p, keep);
        let mut hazard = Record::hazard(addr.addr(), keep, Stamp::now());
        hazard.keeps_slot = addr == NOTHING;
        note(control, generation, ctx, hazard);
        addr
    }
}

/// What a context holds although it ought to hold nothing is left alone, and nobody's.
#[cold]
unsafe fn forget(control: &Control, ctx: *mut hazptr_ctx, what: &str) {
    let before = records(control).with(|table| {
        let record = held(table, ctx.addr())?;
        record.state = State::Lost;
        Some(*record)
    });
    let Some(before) = before.flatten() else { return };
    if ptr::eq(before.slot, own(ctx)) {
        // On the list it would be in the way of what comes now.
        // SAFETY: held until now; whoever else relies on it is the one in error.
        unsafe { backup::let_go(control, ctx) };
    }
    report(
        Misuse::StillHeld,
        format_args!("{what}: the context at {ctx:p}, which protects {}", Addr(before.addr)),
        &[("here", &Stamp::now()), ("acquired", &before.begun)],
    );
}

/// Puts down what a context holds, and has it say that it holds its own slot.
///
/// # Safety
/// The caller's context, given something since that generation.
unsafe fn note(control: &Control, generation: u32, ctx: *mut hazptr_ctx, mut hazard: Record) {
    // SAFETY: the caller's duty.
    let slot = unsafe { (*ctx).slot };
    if slot.is_null() {
        return;
    }
    hazard.slot = slot.cast();
    let noted = records(control).with(|table| {
        table.add(Kind::Context, ctx.addr())?.fill(hazard);
        Some(())
    });
    // SAFETY: the caller's context.
    unsafe {
        if control.generation() != generation {
            // A handler has forked, and this is the child: the slot may be of either.
            records(control).with(|table| table.forget(Kind::Context, ctx.addr()));
            return;
        }
        if noted.flatten().is_none() {
            return; // No memory: the context is as ever.
        }
        // For those who look at it; where it is linked, this is there already.
        if !ptr::eq(slot, own(ctx).cast()) {
            (*ctx).backup_slot.slot.addr = ptr::without_provenance_mut(hazard.addr & hazard.keep);
            (*ctx).generation = generation;
        }
        (*ctx).slot = own(ctx).cast();
    }
    holder::watch_this_thread();
}

/// The slot in which a context is to publish an address.
///
/// # Safety
/// The context holds a slot, or somebody thinks so.
pub unsafe fn publish<'a>(control: &Control, ctx: *mut hazptr_ctx, addr: *mut c_void) -> &'a Slot {
    // SAFETY: the caller's duty; lines are for ever, and a context's own slot is as it is without us.
    unsafe { &*note_published(control, ctx, addr) }
}

unsafe fn note_published(
    control: &Control,
    ctx: *mut hazptr_ctx,
    addr: *mut c_void,
) -> *const Slot {
    let here = Stamp::now();
    let change = |table: &mut Table| {
        let record = held(table, ctx.addr())?;
        record.addr = addr.addr();
        if !addr.is_null() {
            record.begun = here;
        }
        Some(record.slot)
    };
    if let Some(slot) = records(control).with(change).flatten() {
        return slot;
    }
    // SAFETY: the caller's context.
    let slot = unsafe { (*ctx).slot };
    // SAFETY: likewise.
    if is_in_line(control, slot.cast()) || unsafe { (*ctx).generation } != control.generation() {
        return slot.cast(); // There was no memory for a record; or a handler has just forked.
    }
    complain(control, "protect by", (ctx.addr(), slot.cast()), &here);
    // SAFETY: it is to hold something, so that what is protected is protected.
    unsafe { held::hold(ctx) };
    records(control).with(change).flatten().unwrap_or(slot.cast())
}

/// What a context says that it holds was written, by inlined code or what stands for it. The slot that matters.
#[cold]
#[inline(never)]
pub fn written(control: &Control, slot: *const Slot) -> *const Slot {
    if !is_on(control) || is_in_line(control, slot) {
        return slot;
    }
    // SAFETY: somebody has just written there.
    let now = unsafe { &*slot }.held();
    let what = if ptr::eq(now, NOTHING) { "reset of" } else { "release of" };
    let ctx = owner(slot);
    let Some(record) = records(control).with(|table| held(table, ctx).copied()).flatten() else {
        let of_parent = records(control).with(|table| table.inherited(ctx)).flatten();
        if of_parent.is_none() {
            complain(control, what, (ctx, slot), &Stamp::now());
        }
        return slot;
    };
    if ptr::eq(now, NOTHING) {
        // SAFETY: lines are for ever, and a context's own slot is held.
        held::empty(unsafe { &*record.slot });
        records(control).with(|table| held(table, ctx).map(|record| record.addr = now.addr()));
        return record.slot;
    }
    // It says NULL: by a context that has the slot of another.
    copied(what, None, ctx, &Stamp::now(), &record.begun);
    let ctx = ptr::with_exposed_provenance_mut(ctx);
    // SAFETY: as the program wants it.
    unsafe { release_noted(control, ctx, ptr::null(), false) };
    slot
}

/// What was done to a context that holds nothing, as far as we know of the one at that address, or by a context that
/// says that it holds that slot.
#[cold]
fn complain(control: &Control, what: &str, (ctx, slot): (usize, *const Slot), here: &Stamp) {
    let known = records(control).with(|table| {
        let copied = owner(slot) != ctx;
        let original = if copied { held(table, owner(slot)).copied() } else { None };
        let over = table.of_grave(slot).copied().filter(|record| OVER.contains(&record.state));
        (original, over.or_else(|| table.find(Kind::Context, ctx, OVER).copied()))
    });
    let (original, over) = known.unwrap_or_default();
    if let Some(original) = original {
        return copied(what, Some(ctx), original.at, here, &original.begun);
    }
    match over {
        Some(over) => again(what, here, &over),
        // Whatever it was when this process was forked, in the middle of something.
        None if records(control).with(|table| table.is_childs()) == Some(true) => {}
        None => report(
            Misuse::NotHeld,
            format_args!(
                "{what} a context that holds nothing, and never did: {} is no hazard's slot",
                Addr(slot.addr())
            ),
            &[("here", here)],
        ),
    }
}

/// Of a context that is being released, or was.
fn again(what: &str, here: &Stamp, over: &Record) {
    let sites = [("here", here), ("acquired", &over.begun), ("released", &over.ended)];
    let at = Addr(over.at);
    if over.state == State::Releasing {
        let what = "two releases at the same time of a context";
        report(Misuse::Race, format_args!("{what}: the one at {at}"), &sites);
    } else {
        let what = format_args!("{what} a context that holds nothing: the one at {at}");
        report(Misuse::NotHeld, what, &sites);
    }
}

fn copied(what: &str, ctx: Option<usize>, original: usize, here: &Stamp, begun: &Stamp) {
    let sites = [("here", here), ("the original was acquired", begun)];
    let original = Addr(original);
    let what = format_args!("{what} a context that was copied");
    match ctx.map(Addr) {
        Some(at) => report(
            Misuse::Copied,
            format_args!("{what}: {at}, a copy of the one at {original}"),
            &sites,
        ),
        None => {
            report(Misuse::Copied, format_args!("{what}: a copy of the one at {original}"), &sites)
        }
    }
}

fn is_in_line(control: &Control, slot: *const Slot) -> bool {
    matches!(Place::of(control, slot), Place::Line { .. })
}

/// Releases a context that says that it holds its own slot. False if debug mode is off.
///
/// # Safety
/// As [`crate::abi::hazptr_release`].
#[inline]
pub unsafe fn release(ctx: *mut hazptr_ctx, addr: *const c_void) -> bool {
    // A child may release before it acquires.
    if !is_wanted() || !is_on(init::ensure()) {
        return false;
    }
    // SAFETY: the caller's duty.
    unsafe { release_noted(control(), ctx, addr, true) };
    true
}

#[cold]
unsafe fn release_noted(
    control: &Control,
    ctx: *mut hazptr_ctx,
    addr: *const c_void,
    is_original: bool,
) {
    let here = Stamp::now();
    let known = records(control).with(|table| {
        if let Some(record) = held(table, ctx.addr()) {
            (record.state, record.ended) = (State::Releasing, here);
            return Some((true, ptr::from_mut(record), *record));
        }
        let record = table.find(Kind::Context, ctx.addr(), OVER)?;
        Some((false, ptr::from_mut(record), *record))
    });
    let Some((is_held, record_at, record)) = known.flatten() else {
        // SAFETY: the caller's context.
        return unsafe { release_unknown(control, ctx, &here) };
    };
    if !is_held {
        return again("release of", &here, &record);
    }
    // SAFETY: held until now; records are for ever. The context first: when the hazard is gone, its memory may be.
    unsafe {
        // The original of a copy is released by that, and will be by its owner, who knows nothing of it.
        let grave = if is_original { &raw mut (*record_at).grave } else { ptr::null_mut() };
        (*ctx).slot = grave.cast();
        if ptr::eq(record.slot, own(ctx)) {
            backup::let_go(control, ctx);
        } else {
            (*ctx).backup_slot.slot.addr = ptr::null_mut();
            release::clear(&*record.slot);
        }
    }
    // Not looked for: there may be another one for this context by now.
    // SAFETY: records are for ever; one that says so is not used anew; and the lock is held.
    records(control).with(|_| unsafe { (*record_at).state = State::Over });
    // When all is done, for it may call the program's handler.
    look_at(ctx, addr, is_original, &here, &record);
}

/// Of a release that is the one that counts: whether it is as it ought to be.
fn look_at(
    ctx: *mut hazptr_ctx,
    addr: *const c_void,
    is_original: bool,
    here: &Stamp,
    record: &Record,
) {
    let sites = [("here", here), ("acquired", &record.begun)];
    let is_other = (addr.addr() ^ record.addr) & record.keep != 0;
    if is_other && !addr.is_null() && !record.keeps_slot {
        report(
            Misuse::WrongAddress,
            format_args!(
                "release of {addr:p}: but the context at {ctx:p} protects {}",
                Addr(record.addr)
            ),
            &sites,
        );
    }
    let is_asked_for = lasting().debug.get() & THREADS != 0;
    if is_asked_for && is_original && !record.detached && !record.begun.is_mine() {
        report(
            Misuse::OtherThread,
            format_args!(
                "release by another thread, and no hazptr_detach(): the context at {ctx:p}, which \
                 protects {}",
                Addr(record.addr)
            ),
            &sites,
        );
    }
}

/// A context that says that it holds something, but not here: its own slot without a record, the parent's,
/// or somebody has made it up.
#[cold]
unsafe fn release_unknown(control: &Control, ctx: *mut hazptr_ctx, here: &Stamp) {
    // SAFETY: the caller's context.
    let (generation, now) = unsafe { ((*ctx).generation, control.generation()) };
    let inherited = records(control).with(|table| table.inherited(ctx.addr())).flatten();
    match inherited {
        Some(before) if generation != now => {
            // SAFETY: as above: so it is not reported again.
            unsafe { (*ctx).slot = ptr::null_mut() };
            if before.addr != NOTHING.addr() && before.addr != 0 {
                report(
                    Misuse::Forked,
                    format_args!(
                        "use of a hazard that was held across a fork: the context at {ctx:p}, which \
                         protected {} in the parent, and nothing here",
                        Addr(before.addr)
                    ),
                    &[("released here", here), ("acquired in the parent", &before.begun)],
                );
            }
        }
        // Linked, when there was no memory for a record.
        _ if generation == now && backup::is_linked(control, ctx) => {
            // SAFETY: held until now.
            unsafe { backup::let_go(control, ctx) };
        }
        // The parent's, and moved.
        _ if generation != now => {}
        _ => complain(control, "release of", (ctx.addr(), own(ctx)), here),
    }
}

/// Hands over what a context says that it holds in its own slot. False if debug mode is off.
///
/// # Safety
/// As [`crate::abi::hazptr_move`].
#[inline]
pub unsafe fn hand_over(control: &Control, to: *mut hazptr_ctx, from: *mut hazptr_ctx) -> bool {
    if !is_on(control) {
        return false;
    }
    // SAFETY: the caller's duty.
    unsafe { hand_over_noted(control, to, from) };
    true
}

#[cold]
unsafe fn hand_over_noted(control: &Control, to: *mut hazptr_ctx, from: *mut hazptr_ctx) {
    let generation = control.generation();
    // SAFETY: the caller's duty.
    unsafe {
        forget(control, to, "hazptr_move() to a context that still holds");
        let record = records(control).with(|table| {
            let record = held(table, from.addr())?;
            record.state = State::Unused;
            Some(*record)
        });
        let Some(record) = record.flatten() else {
            // Released already; or the parent's, which a held one goes on saying.
            let of_parent = (*from).generation != control.generation();
            (*to).slot = if of_parent { own(to).cast() } else { ptr::null_mut() };
            ((*to).generation, (*to).flags) = ((*from).generation, (*from).flags);
            (*from).slot = ptr::null_mut();
            return;
        };
        if ptr::eq(record.slot, own(from)) {
            backup::relink(control, to, from);
        } else {
            (*to).slot = record.slot.cast_mut().cast();
            (*to).flags = (*from).flags;
            (*from).slot = ptr::null_mut();
        }
        note(control, generation, to, record);
    }
}

/// See [`crate::abi::hazptr_detach`].
pub fn detach(ctx: *mut hazptr_ctx) {
    let control = control();
    if is_on(control) {
        records(control).with(|table| held(table, ctx.addr()).map(|record| record.detached = true));
    }
}

/// An address that is but a number.
pub struct Addr(pub usize);

impl fmt::Display for Addr {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 <= NOTHING.addr() { to.write_str("nothing") } else { write!(to, "{:#x}", self.0) }
    }
}
