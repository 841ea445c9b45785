// SPDX-License-Identifier: MIT OR Apache-2.0
//! The waiter's heavy barrier, and how waiters share it.
//!
//! In mode rseq it is one `membarrier(PRIVATE_EXPEDITED_RSEQ)`: when it returns, every sequence
//! that any thread of this process was in has committed, visibly to us, or will begin anew and then
//! sees what we stored before the call (I5). What that relies on in the kernel is written down in
//! docs/algorithm.md. In the modes below every reader fences for itself, and our own fence is all.
//!
//! A barrier steals a microsecond or more from every running thread, so waiters share: each run has
//! a ticket, and who arrived before a run began may rely on it. The leader is a soft one. It holds
//! nothing that others need: who has waited too long for it (its thread may be stopped in a debugger
//! or have left by `longjmp`) runs a barrier of its own. So no signal need be blocked here, which
//! would cost more than the barrier.

use crate::control::{Control, Mode};
use crate::delay::{self, Point};
use crate::stats::Count;
use crate::sync::{AtomicU64, Ordering};
use crate::{fence, init, sys, trace};

/// A run is under way, by a leader.
const BUSY: u64 = 1;
/// Somebody sleeps until the leader is done.
const QUEUED: u64 = 2;
/// One ticket. The rest of the word is the number of the last run that has begun.
const TICKET: u64 = 4;

/// Above it stands the generation, as much of it as there is room for.
const GENERATION_SHIFT: u32 = 48;

/// How many refusals for want of memory it takes until we do without membarrier.
const ENOMEM_TRIES: u32 = 64;

/// See the module's comment. All zero is "none has run".
#[repr(C)]
pub struct Barrier {
    /// The last ticket given out, BUSY, QUEUED. Raised before its run begins.
    begun: AtomicU64,
    /// The highest ticket whose run has ended. Stored after it.
    done: AtomicU64,
    /// How many passes have read `begun`.
    #[cfg(test)]
    arrivals: AtomicU64,
}

impl Barrier {
    /// No barrier has run.
    pub const fn new() -> Self {
        Self {
            begun: AtomicU64::new(0),
            done: AtomicU64::new(0),
            #[cfg(test)]
            arrivals: AtomicU64::new(0),
        }
    }

    /// Sets the tickets of a generation apart from those of others, so that a child forked by a
    /// handler in the middle of a run does not take its parent's ticket for one of its own.
    pub fn open(&self, generation: u32) {
        let first = u64::from(generation) << GENERATION_SHIFT;
        // Relaxed: initialisation publishes.
        self.begun.store(first, Ordering::Relaxed);
        self.done.store(first, Ordering::Relaxed);
    }

    /// Returns when a run has begun after this call and has ended. True if it was another's.
    ///
    /// Scenario 14: the caller has unpublished (or announced that it will sleep) and then done a
    /// full fence, before we read `begun`. Both cases, for the runner of ticket t, who raises
    /// `begun` to t, fences and then interrupts the readers: if we read t, we do not rely on run t.
    /// If we read less, then our fence came before the runner's, and every reader that run t
    /// restarts sees what we unpublished.
    ///
    /// That fence is `run`'s own: it begins with a full one, as membarrier(2) and the sweep do. (If membarrier
    /// is refused and another's sweep is over already, there is nothing to restart: see init::leave_rseq().)
    fn pass(&self, mut patience: Patience, run: impl FnOnce()) -> bool {
        // Relaxed: ordered by the caller's fence, which pairs with that with which run() begins.
        let mut begun = self.begun.load(Ordering::Relaxed);
        let arrived = begun & !(BUSY | QUEUED);
        #[cfg(test)]
        self.arrivals.fetch_add(1, Ordering::Relaxed);
        loop {
            // Acquire: pairs with the Release in finish(): what the runner saw committed, we see.
            if self.done.load(Ordering::Acquire) > arrived {
                return true;
            }
            if begun & BUSY == 0 {
                let mine = (begun & !QUEUED) + TICKET;
                // Relaxed: the fence is in run().
                match self.begun.compare_exchange_weak(
                    begun,
                    mine | BUSY,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                ) {
                    Ok(_) => {
                        run();
                        self.finish(mine);
                        return false;
                    }
                    Err(now) => begun = now,
                }
            } else if patience.is_over() {
                // Relaxed: the fence is in run(). BUSY stays: should the leader be gone for
                // good, finish() takes the place over for it.
                let before = self.begun.fetch_add(TICKET, Ordering::Relaxed);
                run();
                self.finish((before & !(BUSY | QUEUED)) + TICKET);
                return false;
            } else {
                patience.wait(&self.begun, begun);
                begun = self.begun.load(Ordering::Relaxed);
            }
        }
    }

    /// Ends the run of a ticket.
    fn finish(&self, ticket: u64) {
        // Relaxed: only a fork by a handler, in this very thread, changes the generation.
        if (ticket ^ self.begun.load(Ordering::Relaxed)) >> GENERATION_SHIFT != 0 {
            return; // This is the child, and the run was the parent's.
        }
        // Release: pairs with the Acquire in pass(). It may take the place of a higher ticket, of who has
        // lost patience: then somebody runs a barrier of his own.
        self.done.store(ticket, Ordering::Release);
        // Relaxed: so does who finds BUSY gone and the ticket not done yet.
        let before = self.begun.fetch_and(!(BUSY | QUEUED), Ordering::Relaxed);
        if before & QUEUED != 0 {
            sys::futex_wake(low_word(&self.begun), i32::MAX as u32);
        }
    }
}

/// The half of the word that changes with every run and flag, as the kernel's futex wants it.
fn low_word(word: &AtomicU64) -> *const u32 {
    word.as_ptr().cast()
}

/// How long one waits for another's run: gives way, then sleeps, up to a cap.
struct Patience {
    turns: u32,
    naps: u32,
}

impl Patience {
    /// Shorter than what a mutex would give a leader that is gone for good, longer than any run.
    const NAPS: u32 = 4;
    /// Times to give way to another thread, which may be one that comes to share the next run.
    const TURNS: u32 = if cfg!(test) { 0 } else { 2 };

    fn new(naps: u32) -> Self {
        Self { turns: Self::TURNS, naps }
    }

    fn is_over(&self) -> bool {
        self.naps == 0
    }

    /// Waits a little for `word`, which was seen as `seen`, to change.
    fn wait(&mut self, word: &AtomicU64, seen: u64) {
        if self.turns != 0 {
            self.turns -= 1;
            sys::yield_now();
            return;
        }
        // Relaxed: only finish() looks at it, and that is one atomic step with its own change.
        let mark = |now: u64| (now == seen).then_some(seen | QUEUED);
        if word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, mark).is_ok() {
            let nap = sys::SLEEP_CAP_MS / u64::from(Self::NAPS);
            sys::futex_wait(low_word(word), (seen | QUEUED) as u32, nap);
            self.naps -= 1;
        }
    }
}

/// Between a waiter's unpublishing and its scan: afterwards every hazard on the old pointer is
/// visible to the scan, and none is added. A full fence for the caller in any case.
pub fn heavy(control: &Control) {
    // Pairs with the full fence in portable::validate(), and with that of the runner in Barrier::pass().
    // That the mode is read behind it matters not, for it only goes down: if the switch away from rseq
    // is seen, its sweep is over, and with it every sequence; an older mode asks for no less.
    fence::full();
    delay::point(Point::Fenced);
    match control.word.mode() {
        Mode::Membarrier | Mode::Fence => {}
        Mode::Uninit | Mode::Rseq | Mode::Trans => shared(control),
    }
}

/// After a waiter's announcement that it will sleep, before it looks again; pairs with the light
/// fence in release::removed(), in mode fence with the full one in wait::wake().
pub fn before_sleep(control: &Control) {
    // The announcement was a read-modify-write. Pairs with the runner's fence in Barrier::pass(), or with
    // that in wait::wake().
    fence::after_rmw();
    match control.word.mode() {
        Mode::Rseq => shared(control),
        Mode::Membarrier => {
            control.counters.add(control, Count::Barrier);
            if issue(control, sys::Membarrier::PrivateExpedited).is_err() {
                control.counters.add(control, Count::BarrierRefused);
                init::leave_membarrier(control);
            }
        }
        // In a switch a wake-up may be lost; the cap on the sleep makes up for it.
        Mode::Uninit | Mode::Fence | Mode::Trans => {}
    }
}

fn shared(control: &Control) {
    let by_another = control.barrier.pass(Patience::new(Patience::NAPS), || {
        delay::point(Point::TicketDrawn);
        if issue(control, COMMAND).is_err() {
            control.counters.add(control, Count::BarrierRefused);
            init::leave_rseq(control);
        }
        delay::point(Point::BarrierOver);
    });
    let count = if by_another { Count::BarrierShared } else { Count::Barrier };
    control.counters.add(control, count);
    trace::barrier(by_another);
}

/// What restarts the readers' sequences. The features break it for the tests' negative controls.
const COMMAND: sys::Membarrier = if cfg!(feature = "weaken-plain-barrier") {
    sys::Membarrier::PrivateExpedited
} else {
    sys::Membarrier::PrivateExpeditedRseq
};

/// membarrier, again while the kernel is short of memory.
fn issue(control: &Control, command: sys::Membarrier) -> Result<(), core::ffi::c_int> {
    if cfg!(feature = "weaken-no-barrier") {
        return Ok(());
    }
    let mut tries = 0;
    loop {
        match sys::membarrier(command) {
            Err(libc::ENOMEM) if tries < ENOMEM_TRIES => {
                tries += 1;
                control.counters.add(control, Count::BarrierRetry);
                sys::yield_now();
            }
            // Under a supervising filter, a handler may have interrupted the call.
            Err(libc::EINTR) => {}
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;
    use std::sync::mpsc;

    const FOR_EVER: u32 = u32::MAX;

    /// Lets `arrivals` passes come in while a first run is held open. How many runs they took, and
    /// how many relied on another's.
    fn runs_for(arrivals: usize) -> (usize, usize) {
        let barrier = Barrier::new();
        let (runs, shared) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (begin, begun) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        std::thread::scope(|scope| {
            let (barrier, runs, shared) = (&barrier, &runs, &shared);
            scope.spawn(move || {
                barrier.pass(Patience::new(FOR_EVER), || {
                    begin.send(()).expect("test thread");
                    ended.recv().expect("test thread");
                })
            });
            begun.recv().expect("first run");
            for _ in 0..arrivals {
                scope.spawn(move || {
                    let run = || _ = runs.fetch_add(1, Ordering::Relaxed);
                    if barrier.pass(Patience::new(FOR_EVER), run) {
                        shared.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            while barrier.arrivals.load(Ordering::Relaxed) != arrivals as u64 + 1 {
                std::thread::yield_now();
            }
            end.send(()).expect("first run");
        });
        (runs.into_inner(), shared.into_inner())
    }

    #[test]
    fn one_that_arrives_in_a_run_does_not_rely_on_it() {
        assert_eq!(runs_for(1), (1, 0));
    }

    #[test]
    fn all_that_arrive_in_a_run_share_the_next() {
        assert_eq!(runs_for(16), (1, 15));
    }

    #[test]
    fn a_leader_that_never_returns_stops_nobody() {
        let barrier = Barrier::new();
        barrier.begun.store(TICKET | BUSY, Ordering::Relaxed);
        let mut ran = false;
        assert!(!barrier.pass(Patience::new(0), || ran = true));
        assert!(ran);
        assert_eq!(barrier.begun.load(Ordering::Relaxed) & BUSY, 0, "its place is free again");
    }

    #[test]
    fn tickets_of_an_earlier_generation_count_for_nothing() {
        let barrier = Barrier::new();
        barrier.open(1);
        // As a handler that forks in the middle of a run would leave it in the child.
        assert!(!barrier.pass(Patience::new(FOR_EVER), || barrier.open(2)));
        assert!(!barrier.pass(Patience::new(FOR_EVER), || {}), "nothing has run in generation 2");
    }

    #[test]
    fn tickets_of_an_earlier_generation_count_for_nothing_when_generations_wrap() {
        let barrier = Barrier::new();
        barrier.open(0xffff);
        assert!(!barrier.pass(Patience::new(FOR_EVER), || barrier.open(0x10000)));
        assert!(!barrier.pass(Patience::new(FOR_EVER), || {}), "nothing has run since");
    }
}
