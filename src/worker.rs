// SPDX-License-Identifier: MIT OR Apache-2.0
//! The thread that reclaims when nobody else does.
//!
//! ```text
//!         start()                 a tick's time, or kicked: a pass
//! NONE ------------> AWAKE <---------------------------------------> KICKED
//!   ^ |               | ^                                              ^
//!   | | refused       | | note()                                      | note(urgent)
//!   | +-> REFUSED     v |                                              |
//!   +-----------------IDLE --------------------------------------------+
//!    not wanted any more    nothing pending: sleeps without a limit
//! ```
//!
//! A tick is half the delay. The worker takes what was retired only if nobody has taken anything
//! since its last tick: if somebody has, all there is is younger than that, and the next tick will do.
//! So an object waits two ticks at most; and while those who retire much reclaim it themselves, nobody
//! disturbs them.
//!
//! Falling asleep, both cases: who pushes to an empty list, or keeps something, does that by a locked
//! instruction and then looks at the state; the worker changes the state likewise and then looks
//! whether anything is there. Either they see IDLE and wake it, or it sees what they have done. Who
//! changes the policy does the same, with the ledger's lock in between.

use crate::control::{control, lasting, retired};
use crate::delay::{self, Point};
use crate::reclaim::{self, What, Who};
use crate::sync::{AtomicU32, AtomicUsize, Ordering};
use crate::{fence, init, sync, sys, thread};
use core::ffi::{c_int, c_void};
use core::ptr;

const NONE: u32 = 0;
const IDLE: u32 = 1;
const AWAKE: u32 = 2;
const KICKED: u32 = 3;
const REFUSED: u32 = 4;

/// See the module's comment. All zero: there is none.
pub struct Worker {
    /// A futex word, which the worker sleeps on.
    state: AtomicU32,
    /// Its number with the kernel; 0 until it runs. A futex word too.
    tid: AtomicU32,
    /// Who it is; 0 if there is none.
    thread: AtomicUsize,
    /// A callback in the worker has retired something.
    again: AtomicU32,
}

impl Worker {
    /// None.
    pub const fn new() -> Self {
        Self {
            state: AtomicU32::new(NONE),
            tid: AtomicU32::new(0),
            thread: AtomicUsize::new(0),
            again: AtomicU32::new(0),
        }
    }

    /// One state to another. Relaxed: what is passed on goes through the lists and the ledger, and what is
    /// looked at next is behind a fence.
    fn change(&self, from: u32, to: u32) -> bool {
        self.state.compare_exchange(from, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// In a word.
    pub fn describe(&self) -> &'static str {
        // Relaxed: see change().
        match self.state.load(Ordering::Relaxed) {
            NONE => "not there",
            IDLE => "asleep",
            REFUSED => "refused",
            _ => "awake",
        }
    }

    fn wake(&self) {
        sys::futex_wake(sys::futex_word(&self.state), 1);
    }

    /// Ends its wait for a tick.
    fn kick(&self) {
        if self.change(AWAKE, KICKED) {
            self.wake();
        }
    }

    fn start(&self) {
        // Relaxed: see change().
        if self.state.load(Ordering::Relaxed) != NONE {
            return;
        }
        // A handler that forked in here would take half of this into the child: a worker of which nobody
        // knows there.
        let signals = sys::block_signals();
        if self.change(NONE, AWAKE) && thread::start(main).is_err() {
            // Who waits for its number looks again by itself.
            self.state.store(REFUSED, Ordering::Relaxed);
        }
        sys::restore_signals(signals);
    }

    /// Sleeps until a tick's time is over, or it is kicked. Whether it was.
    fn wait_for_tick(&self) -> bool {
        let tick = lasting().policy.tick_ns();
        sys::futex_wait_ns(sys::futex_word(&self.state), AWAKE, Some(tick));
        self.change(KICKED, AWAKE)
    }

    /// Sleeps until there is something to do, or it is not wanted any more.
    fn wait_for_work(&self) {
        if !self.change(AWAKE, IDLE) {
            return; // Kicked.
        }
        // Pairs with after_rmw() in note(): there the list or the policy is changed first.
        fence::after_rmw();
        if !is_all_done() || !lasting().policy.wants_worker() {
            self.change(IDLE, AWAKE);
            return;
        }
        delay::point(Point::Idle);
        // Relaxed: see change().
        while self.state.load(Ordering::Relaxed) == IDLE {
            sys::futex_wait_ns(sys::futex_word(&self.state), IDLE, None);
        }
    }

    /// It is not wanted any more.
    fn leave(&self) {
        self.thread.store(0, Ordering::Relaxed);
        self.tid.store(0, Ordering::Relaxed);
        // A locked instruction: who has pushed before that may have seen a worker that is awake.
        // Relaxed: ordered by the fence, as in wait_for_work().
        self.state.swap(NONE, Ordering::Relaxed);
        fence::after_rmw();
        if !is_all_done() {
            note(false);
        }
    }
}

/// There is something to do: sees to it that the worker knows, at once if it is urgent.
///
/// Before this the caller has done a locked instruction: its push, or the lock that it has let go of.
pub fn note(urgent: bool) {
    let worker = &retired().worker;
    // Pairs with after_rmw() in wait_for_work() and in leave().
    fence::after_rmw();
    // Relaxed: see change().
    match worker.state.load(Ordering::Relaxed) {
        IDLE if worker.change(IDLE, if urgent { KICKED } else { AWAKE }) => worker.wake(),
        AWAKE => {
            if worker.thread.load(Ordering::Relaxed) == sync::me() {
                worker.again.store(1, Ordering::Relaxed);
            } else if urgent {
                worker.kick();
            }
        }
        NONE if lasting().policy.wants_worker() => {
            worker.start();
            if urgent {
                worker.kick();
            }
        }
        _ => {}
    }
}

/// If no worker could be started, the next who looks for it is to try again.
pub fn try_again() {
    retired().worker.change(REFUSED, NONE);
}

/// The number of the worker, which is started if there is none. EAGAIN if it cannot be.
pub fn running() -> Result<i32, c_int> {
    init::ensure();
    let worker = &retired().worker;
    try_again();
    loop {
        worker.start();
        let tid = worker.tid.load(Ordering::Relaxed);
        if tid != 0 {
            return Ok(tid as i32);
        }
        if worker.state.load(Ordering::Relaxed) == REFUSED {
            return Err(libc::EAGAIN);
        }
        sys::futex_wait(sys::futex_word(&worker.tid), 0, sys::SLEEP_CAP_MS);
    }
}

/// Has the worker look at the policy; starts one for what is pending, if it is to be there now.
pub fn policy_changed() {
    // The lock first: it is the locked instruction that note() asks for.
    if !is_all_done() || retired().worker.tid.load(Ordering::Relaxed) != 0 {
        note(true);
    }
}

fn is_all_done() -> bool {
    let retired = retired();
    retired.ledger.with(|books| books.keeps_nothing()) && retired.waiting() == 0
}

extern "C" fn main(_: *mut c_void) -> *mut c_void {
    sys::block_signals_for_good();
    thread::set_name(c"hazptr-reclaim");
    let policy = &lasting().policy;
    policy.apply_to_caller();
    let control = control();
    let worker = &retired().worker;
    worker.thread.store(sync::me(), Ordering::Relaxed);
    worker.tid.store(thread::id() as u32, Ordering::Relaxed);
    sys::futex_wake(sys::futex_word(&worker.tid), i32::MAX as u32);
    let generation = control.generation();
    let takes = || retired().ledger.with(|books| books.totals.barriers);
    while policy.wants_worker() {
        let before = takes();
        let kicked = worker.wait_for_tick();
        let what = if kicked || takes() == before { What::All } else { What::Kept };
        reclaim::pass(control, what, Who::Worker);
        while worker.again.swap(0, Ordering::Relaxed) != 0 {
            reclaim::pass(control, What::All, Who::Worker);
        }
        if control.generation() != generation {
            return ptr::null_mut(); // A callback has forked, and this is the child.
        }
        if is_all_done() {
            worker.wait_for_work();
        }
    }
    worker.leave();
    ptr::null_mut()
}
