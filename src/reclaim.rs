// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reclaim: take what was retired, barrier, look who protects what, call the callbacks of the rest.
//! The worker does it, and those who retire more than it keeps up with, and those who wait.
//!
//! Take first, then the barrier, then the look: whatever was retired before the barrier was
//! unpublished before it, so no hazard on it appears behind the look's back (I5, I6). What a reader
//! protects is kept. It needs no other barrier: its hazards can only go.

use crate::abi::{HAZPTR_FOREVER, hazptr_cohort, hazptr_head};
use crate::batch::{Batch, Record};
use crate::control::{Control, control, retired};
use crate::delay::{self, Point};
use crate::list::{self, List};
use crate::retire::Chains;
use crate::stall::{Stall, Waited};
use crate::sync::{AtomicU32, Ordering};
use crate::thread::Host;
use crate::wait::Deadline;
use crate::{barrier, cohort, fence, holder, init, pending, protected, sync, sys, trace, worker};
use core::ffi::c_int;
use core::ptr;

/// What a pass takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// All that is retired.
    All,
    /// What earlier passes have kept: that costs no barrier.
    Kept,
}

/// Who makes a pass.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The library's thread.
    Worker,
    /// A thread that retires.
    Helper,
    /// One that waits, or asks for it.
    Caller,
    /// One that waits for a cohort, and reclaims nothing else.
    Cohort(*mut hazptr_cohort),
}

/// Whether the caller is a callback, in a thread that reclaims.
pub fn is_running_here() -> bool {
    retired().ledger.with(|books| books.is_running(sync::me()))
}

/// Reclaims once what nobody protects. How many callbacks were called.
///
/// A handler may fork in the middle of it. In the child the batch is the parent's, and goes nowhere.
pub fn pass(control: &Control, what: What, who: Who) -> usize {
    let generation = control.generation();
    let record = Record::new(sync::me());
    // SAFETY: the record stays until end(), which is called unless this is a child, where nobody knows
    // of it.
    let Some(mut batch) = (unsafe { begin(control, generation, what, who, &record) }) else {
        return 0;
    };
    let _host = Host::new();
    if batch.fresh.length != 0 {
        delay::point(Point::Taken);
        barrier::heavy(control);
    }
    trace::batch_begin(u64::from(batch.fresh.length), u64::from(batch.left.length));
    // SAFETY: the batch is this thread's, and nobody protects what comes out.
    let called = unsafe {
        sort(control, generation, &mut batch, &record, who);
        call(control, generation, &record)
    };
    end(control, generation, &record, who == Who::Helper);
    trace::batch_end(called);
    called
}

/// Takes a batch. Apart, so that the room for the chains is given back.
///
/// # Safety
/// As [`crate::ledger::Books::begin`].
#[inline(never)]
unsafe fn begin(
    control: &Control,
    generation: u32,
    what: What,
    who: Who,
    record: &Record,
) -> Option<Batch> {
    let retired = retired();
    let mut chains = Chains::new();
    let cohort = if let Who::Cohort(cohort) = who { cohort } else { ptr::null_mut() };
    let mut batch = retired.ledger.with(|books| {
        // What is taken here is of the generation by which it will be judged.
        if control.generation() != generation {
            return None;
        }
        let fresh = if what == What::All { retired.take(&mut chains) } else { 0 };
        // SAFETY: the caller's duty.
        unsafe { books.begin(fresh, cohort, record) }
    })?;
    // SAFETY: just taken.
    batch.fresh = unsafe { chains.join() };
    Some(batch)
}

/// Of a batch that has been through its barrier, offers what is to be reclaimed now. The rest is kept.
///
/// # Safety
/// The batch is the caller's.
unsafe fn sort(control: &Control, generation: u32, batch: &mut Batch, record: &Record, who: Who) {
    let mut kept = List::new();
    if let Who::Cohort(cohort) = who {
        // SAFETY: the caller's duty.
        unsafe { select(batch, cohort, &mut kept) };
    }
    // Those may be free, and are not to wait for the worker's next turn.
    let urgent = kept.length != 0;
    // SAFETY: the caller's duty.
    let (mut free, parity) = unsafe { protected::sort(control, batch, &mut kept) };
    while !record.put(&mut free, parity) && is_still(control, generation) {}
    if kept.length != 0 {
        delay::point(Point::Sorted);
        retired().ledger.with(|books| {
            if control.generation() == generation {
                // SAFETY: of this batch; who has put them there has written their parity.
                unsafe { books.keep(record, &mut kept) };
            }
        });
        // It may have gone to sleep while this thread had all there was. (Itself it needs no telling:
        // it would take it for something new.)
        if who != Who::Worker {
            worker::note(urgent);
        }
    }
}

/// Waits for who is taking something out of this thread's batch, and holds the ledger's lock meanwhile.
/// False in a child that was forked since, where nobody lets go.
#[cold]
fn is_still(control: &Control, generation: u32) -> bool {
    retired().ledger.with(|_| control.generation() == generation)
}

/// Leaves in a batch what is of one cohort.
///
/// # Safety
/// The batch is the caller's.
unsafe fn select(batch: &mut Batch, cohort: *mut hazptr_cohort, others: &mut List) {
    let (mut fresh, mut left) = (List::new(), List::new());
    // SAFETY: the caller's duty; a node is pushed where it was just popped from another list.
    unsafe {
        while let Some(node) = batch.fresh.pop() {
            list::set_parity(node, batch.parity);
            if list::cohort(node) == cohort { &mut fresh } else { &mut *others }.push(node);
        }
        while let Some(node) = batch.left.pop() {
            if list::cohort(node) == cohort { &mut left } else { &mut *others }.push(node);
        }
    }
    (batch.fresh, batch.left) = (fresh, left);
}

/// Calls the callbacks of what is on offer.
///
/// # Safety
/// The record is this thread's, and nobody protects what it offers.
unsafe fn call(control: &Control, generation: u32, record: &Record) -> usize {
    let mut called = 0;
    loop {
        let Some((mut run, cohort)) = record.next_run() else {
            if is_still(control, generation) {
                continue;
            }
            return called;
        };
        if run.length == 0 {
            return called;
        }
        let count = u64::from(run.length);
        while let Some(node) = run.pop_cut() {
            if control.generation() != generation {
                return called;
            }
            // SAFETY: the caller's duty.
            unsafe {
                pending::before_callback(control, node);
                list::reclaim(node);
            }
            called += 1;
        }
        if !cohort.is_null() {
            // SAFETY: a cohort stays until its count is zero, and these were in it.
            unsafe { cohort::lower(cohort, generation, count) };
            retired().listeners.tell();
        }
    }
}

fn end(control: &Control, generation: u32, record: &Record, helped: bool) {
    let retired = retired();
    retired.ledger.with(|books| {
        if control.generation() == generation {
            books.end(record, helped, retired.waiting());
        }
    });
    retired.listeners.tell();
}

/// Those who wait for reclamation. All zero is nobody.
pub struct Listeners {
    count: AtomicU32,
    /// The futex word: changes when something was reclaimed.
    news: AtomicU32,
}

impl Listeners {
    /// Nobody.
    pub const fn new() -> Self {
        Self { count: AtomicU32::new(0), news: AtomicU32::new(0) }
    }

    /// Wakes them all. What there is to tell was done by a read-modify-write or a lock before; so was
    /// the listener's announcement, and it looks after that (both cases as in wait.rs).
    fn tell(&self) {
        // Pairs with that in until().
        fence::after_rmw();
        // Relaxed: ordered by the fence. So is the news, that pairs with the Acquire in until(): who has heard,
        // sees what there is.
        if self.count.load(Ordering::Relaxed) != 0 {
            self.news.fetch_add(1, Ordering::Relaxed);
            sys::futex_wake(sys::futex_word(&self.news), i32::MAX as u32);
        }
    }

    fn leave(&self) {
        // Never below zero: a handler may have forked, and this be the child.
        let less = |count: u32| count.checked_sub(1);
        let _ = self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// Makes passes until `done`, or so many nanoseconds. 0, ETIMEDOUT, or EDEADLK in a callback.
///
/// What is protected is looked at again after a pause, a longer one each time that there was nothing
/// to do: a release does not tell us.
///
/// `done` is about the generation that the caller has read: it is over in a child that a handler forks
/// from then on, be it where a lock that `done` takes lets the signal in. `is_waited_for`: of what is kept, what
/// this waits for.
pub fn until(
    who: Who,
    generation: u32,
    timeout_ns: u64,
    is_waited_for: impl Fn(*const hazptr_head) -> bool,
    mut done: impl FnMut() -> bool,
) -> c_int {
    const FIRST_PAUSE_NS: u64 = 50_000;
    const LONGEST_PAUSE_NS: u64 = 2_000_000;
    if done() {
        return 0;
    }
    if is_running_here() {
        return libc::EDEADLK;
    }
    let control = control();
    let listeners = &retired().listeners;
    let deadline = Deadline::after(timeout_ns);
    let what = if matches!(who, Who::Cohort(_)) { What::All } else { What::Kept };
    let mut pause = FIRST_PAUSE_NS;
    // Relaxed: ordered by the fence, which pairs with that in tell().
    listeners.count.fetch_add(1, Ordering::Relaxed);
    fence::after_rmw();
    // Which process's block it stands in, if a handler has forked by now.
    let announced_in = control.generation();
    let mut stall = Stall::new();
    stall.begin();
    let mut is_reported = false;
    let outcome = loop {
        let called = pass(control, what, who);
        // Acquire: pairs with the fence in tell().
        let news = listeners.news.load(Ordering::Acquire);
        // In a child that a handler has forked, nothing is pending that was.
        if done() || control.generation() != generation {
            break 0;
        }
        stall.look(|waited| report_stall(&waited));
        if called == 0 && deadline == Deadline::NEVER && !is_reported {
            let are_of = |addr| retired().ledger.with(|books| books.keeps(addr, &is_waited_for));
            is_reported = holder::are_own(control, are_of);
        }
        let left = deadline.left();
        if left == 0 {
            break libc::ETIMEDOUT;
        }
        if called != 0 {
            // They may have retired something that is waited for.
            pause = FIRST_PAUSE_NS;
            continue;
        }
        sys::futex_wait_ns(sys::futex_word(&listeners.news), news, Some(pause.min(left)));
        pause = (2 * pause).min(LONGEST_PAUSE_NS);
    };
    if control.generation() == announced_in {
        listeners.leave();
    }
    outcome
}

#[cold]
fn report_stall(waited: &Waited) {
    let (pending, (kept, addr)) =
        retired().ledger.with(|books| (books.taken() + retired().waiting(), books.kept()));
    if kept == 0 {
        waited.report(format_args!(
            "callbacks: {pending} objects are pending in all; none is known to be protected, so \
             callbacks last, or are about to be called"
        ));
    } else {
        waited.report(format_args!(
            "callbacks: {pending} objects are pending in all, {kept} of them protected, {addr:p} for one"
        ));
    }
}

/// See [`crate::abi::hazptr_barrier`].
pub fn barrier() -> c_int {
    let control = init::ensure();
    if is_running_here() {
        return libc::EDEADLK;
    }
    let generation = control.generation();
    pass(control, What::All, Who::Caller);
    let ledger = &retired().ledger;
    let phase = ledger.with(|books| books.close());
    let parity = (phase & 1) as usize;
    // SAFETY: a node that is kept.
    let of_phase = |node| unsafe { list::parity(node) } == parity;
    let done = || ledger.with(|books| books.is_over(phase));
    until(Who::Caller, generation, HAZPTR_FOREVER, of_phase, done)
}

/// See [`crate::abi::hazptr_reclaim_here`].
pub fn here() -> usize {
    let control = init::ensure();
    if is_running_here() { 0 } else { pass(control, What::All, Who::Caller) }
}
