// SPDX-License-Identifier: MIT OR Apache-2.0
//! Debug mode, of hazards that are held: by whom, for reports and dumps; waits for one's own; and threads
//! that end with contexts on their stacks.

use crate::control::{Control, control, lasting};
use crate::debug::{self, Addr};
use crate::line::Slot;
use crate::records::{Record, State, Table, records};
use crate::report::{Misuse, report};
use crate::stamp::Stamp;
use crate::sync::unseen::{AtomicUsize, Ordering};
use crate::{sys, thread};
use core::ffi::c_void;
use core::{fmt, ptr};

/// To be called before a thread waits for what is `wanted`, without a limit: it may be its own.
#[inline]
pub fn before_wait(wanted: &impl Fn(*const c_void) -> bool) {
    if debug::is_on(control()) {
        look_for_own(control(), &|addr| wanted(ptr::without_provenance(addr)));
    }
}

/// Looks whether the callbacks for which a thread waits without a limit are of what it holds itself: `are_of` an
/// address. True if that was reported.
#[inline]
pub fn are_own(control: &Control, are_of: impl Fn(usize) -> bool) -> bool {
    debug::is_on(control) && look_for_own(control, &are_of)
}

#[cold]
fn look_for_own(control: &Control, is_waited_for: &dyn Fn(usize) -> bool) -> bool {
    let mine = records(control).with(|table| {
        let may_wait = |r: &Record| r.is_held() && !r.detached && r.begun.is_mine();
        table.all().find(|r| may_wait(r) && is_waited_for(r.addr & r.keep)).copied()
    });
    let Some(mine) = mine.flatten() else { return false };
    let (addr, ctx) = (Addr(mine.addr & mine.keep), Addr(mine.at));
    report(
        Misuse::SelfWait,
        format_args!(
            "wait for {addr}, which the caller itself protects, by the context at {ctx}: it never ends \
             (unless another thread releases that: then say so by hazptr_detach())"
        ),
        &[("here", &Stamp::now()), ("acquired", &mine.begun)],
    );
    true
}

/// Who holds a slot: nothing, as text, if that is not known.
#[derive(Clone, Copy)]
pub struct Holder(Option<Stamp>);

impl Holder {
    /// Of that slot, if nobody has the records' lock.
    pub fn of(control: &Control, slot: *const Slot) -> Self {
        let find = |table: &mut Table| {
            table.all().find(|r| r.is_held() && ptr::eq(r.slot, slot)).map(|r| r.begun)
        };
        // Who has the lock will give it back soon, unless it is stopped itself.
        let mut tries = 0..if debug::is_on(control) { 1000 } else { 0 };
        Self(
            tries
                .find_map(|_| {
                    records(control).try_with(find).or_else(|| {
                        sys::yield_now();
                        None
                    })
                })
                .flatten(),
        )
    }

    /// As text for who may not ask the loader for symbols.
    pub fn in_numbers(self) -> HolderInNumbers {
        HolderInNumbers(self.0)
    }
}

/// See [`Holder::in_numbers`].
pub struct HolderInNumbers(Option<Stamp>);

impl fmt::Display for HolderInNumbers {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(stamp) = &self.0 else { return Ok(()) };
        write!(to, "; by {}", stamp.in_numbers())
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(stamp) = &self.0 else { return Ok(()) };
        let state = sys::thread_state(stamp.thread());
        write!(to, "; by {stamp}; that thread {}", thread::describe(state))
    }
}

/// The key whose destructor is told of ending threads, plus one. 0: there is none.
pub struct Watch(AtomicUsize);

impl Watch {
    /// None.
    pub const fn new() -> Self {
        Self(AtomicUsize::new(0))
    }
}

/// Has the ends of threads looked at. The caller holds the init lock.
pub fn watch_threads() {
    let key = &lasting().watch.0;
    // Relaxed, here and below: written under the init lock, once.
    if key.load(Ordering::Relaxed) == 0 {
        key.store(thread::new_key(at_end_of_thread).map_or(0, |key| key + 1), Ordering::Relaxed);
    }
}

/// The calling thread's too.
pub fn watch_this_thread() {
    if let Some(key) = lasting().watch.0.load(Ordering::Relaxed).checked_sub(1) {
        thread::arm_key(key);
    }
}

/// Reports what is held by contexts on the stack of the calling thread, which ends.
extern "C" fn at_end_of_thread(turn: *mut c_void) {
    // Others' destructors may release.
    if !thread::is_last_turn(lasting().watch.0.load(Ordering::Relaxed).wrapping_sub(1), turn) {
        return;
    }
    let control = control();
    let Some((start, size)) = thread::stack() else { return };
    let here = Stamp::now();
    loop {
        let lost = records(control).with(|table| {
            let mut all = table.all();
            let record = all.find(|record| {
                let at = record.at.wrapping_sub(start);
                record.is_held() && record.state == State::Now && at < size
            })?;
            record.state = State::Lost;
            Some(*record)
        });
        let Some(lost) = lost.flatten() else { return };
        report(
            Misuse::ThreadEnded,
            format_args!(
                "a thread ends, and in its memory the context at {}, which protects {}",
                Addr(lost.at),
                Addr(lost.addr)
            ),
            &[("here", &here), ("acquired", &lost.begun)],
        );
    }
}
