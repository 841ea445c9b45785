// SPDX-License-Identifier: MIT OR Apache-2.0
//! The reference model: what each call of a program has to do, worked out before any is made.
//!
//! # What a waiter is promised
//!
//! `hazptr_synchronize(object)` returns at once if no context protects the object. Else it
//!
//! - *must not return* before every context that protected it at the call has been released: that
//!   is what makes it right to free the object;
//! - *must return* once no context protects it: nobody is waited for who holds something else, and
//!   no release is missed;
//! - *may do either* in between, while only contexts hold it that acquired it after the call. That
//!   takes a program which leaves the object published, or publishes it again; the header says that
//!   this delays its waiters, and they may as well have passed that slot already.
//!
//! A program whose object is unpublished at the call never gets to that third state, so for it the
//! moment of return is known exactly. A thread that waits takes no steps until it must have
//! returned, also if it may have returned before, so what follows does not depend on the third
//! state. Handlers interrupt it all the same.
//!
//! The library never sleeps for longer than 100 ms, so a lost wake-up makes a waiter late only. What
//! shows it is the library's own count: if the only waiter was seen to sleep, the first release of
//! its object has to count as one that woke somebody.

use crate::counts::{Count, Counts};
use crate::deed::{Deed, Expect, Place, Threads, restated};
use crate::program::{CELLS, CONTEXTS, Call, OBJECTS, Op, Pointer, THREADS, first_value};
use std::array;
use std::mem;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hazard {
    None,
    On {
        object: u8,
        acquired_by: usize,
    },
    /// In a child: what its parent held at the fork. It protects nothing.
    Inherited,
}

#[derive(Clone, Copy)]
struct Waiter {
    object: u8,
    /// The contexts that protected the object at the call and have not been released since.
    held: u64,
    /// It could have returned, were it not for later ones.
    delayed: bool,
    /// Since the call nobody else has waited, nobody has released the object, and no handler has
    /// interrupted it: the library's count of sleeps is its own. (That a thread is on a futex would
    /// not tell: for a while after it was woken it may seem to be.)
    alone: bool,
    /// It was alone and was seen to sleep, and nobody else has waited nor released the object since:
    /// if the next release of it is the last, it has to wake somebody.
    sleeps: bool,
}

#[derive(Clone)]
pub struct Model {
    cells: [Pointer; CELLS],
    hazards: [Hazard; CONTEXTS],
    waiters: [Option<Waiter>; THREADS],
    pub moved: [bool; THREADS],
    /// What was done last has to wake a waiter that sleeps.
    pub wakes: bool,
}

impl Model {
    pub fn new() -> Self {
        Self {
            cells: array::from_fn(|cell| first_value(cell as u8)),
            hazards: [Hazard::None; CONTEXTS],
            waiters: [None; THREADS],
            moved: [false; THREADS],
            wakes: false,
        }
    }

    /// What a child of this starts with.
    fn child(&self) -> Self {
        let inherit = |hazard| match hazard {
            Hazard::None => Hazard::None,
            _ => Hazard::Inherited,
        };
        Self { cells: self.cells, hazards: self.hazards.map(inherit), ..Self::new() }
    }

    /// The contexts that protect an object, one bit each.
    fn holders(&self, of: u8) -> u64 {
        let holds = |hazard: &Hazard| matches!(hazard, Hazard::On { object, .. } if *object == of);
        (0..CONTEXTS).filter(|i| holds(&self.hazards[*i])).fold(0, |set, i| set | 1 << i)
    }

    fn held(&self) -> u64 {
        self.hazards.iter().filter(|hazard| matches!(hazard, Hazard::On { .. })).count() as u64
    }

    fn waiting(&self, which: impl Fn(&Waiter) -> bool) -> Threads {
        let waits = |thread: &usize| self.waiters[*thread].as_ref().is_some_and(&which);
        (0..THREADS).filter(waits).fold(0, |set, thread| set | 1 << thread)
    }

    /// Waiters that must not return yet.
    pub fn blocked(&self) -> Threads {
        self.waiting(|waiter| waiter.held != 0)
    }

    /// All waiters are seen to sleep. Whether there is one whose sleep can be told from others'.
    pub fn fall_asleep(&mut self) -> bool {
        let mut waiters = self.waiters.iter_mut().flatten();
        let Some(waiter) = waiters.find(|waiter| waiter.alone) else { return false };
        waiter.sleeps = true;
        true
    }

    /// Takes those off that must return now.
    pub fn return_waiters(&mut self, counts: &mut Counts) -> Threads {
        let returning = self.waiting(|waiter| self.holders(waiter.object) == 0);
        let free = self.waiting(|waiter| waiter.held == 0) & !returning;
        for (thread, waiter) in self.waiters.iter_mut().enumerate() {
            if returning & 1 << thread != 0 {
                *waiter = None;
            }
            if let Some(waiter) = waiter.as_mut().filter(|_| free & 1 << thread != 0) {
                counts.add(Count::Delayed, u64::from(!waiter.delayed));
                waiter.delayed = true;
            }
        }
        returning
    }

    /// A thread that takes steps: this one, or the next that does not wait. There is one: see
    /// wait().
    pub fn somebody(&self, thread: usize) -> usize {
        let mut all = (thread..THREADS).chain(0..thread);
        all.find(|i| self.waiters[*i].is_none()).expect("not all wait")
    }

    fn store(&mut self, cell: u8, addr: Pointer, counts: &mut Counts) -> Deed {
        counts.add(Count::Stores, 1);
        self.cells[usize::from(cell)] = addr;
        Deed::Store { cell, addr }
    }

    /// A call by a thread, which it must be able to finish. `None`: not allowed here. The call
    /// comes back without those contexts that it may not be made with.
    fn call(&mut self, call: &Call, thread: usize, counts: &mut Counts) -> Option<(Call, Expect)> {
        let mut expect = Expect::Nothing;
        let mut call = call.clone();
        match &mut call {
            Call::Acquire { first, count, cell } => {
                let addr = self.cells[usize::from(*cell)];
                expect = Expect::Loads(addr);
                *count = self.acquire(usize::from(*first), *count, addr, thread);
                counts.add(Count::Acquire, u64::from(*count));
                if addr.is_none() {
                    counts.add(Count::AcquireNull, u64::from(*count));
                }
                if *count == 0 {
                    return None;
                }
            }
            Call::Release { first, count, .. } => {
                let first = usize::from(*first);
                (first..first + usize::from(*count)).for_each(|i| self.release(i, thread, counts));
            }
            Call::Detach { .. } => counts.add(Count::Detach, 1),
            Call::Synchronize { addr: None } => counts.add(Count::SynchronizeNull, 1),
            Call::Synchronize { addr: Some(object) } => {
                if self.holders(*object) != 0 {
                    return None;
                }
                counts.add(Count::SynchronizeAtOnce, 1);
            }
            Call::NoteContextSwitch => counts.add(Count::NoteContextSwitch, 1),
            Call::Init => counts.add(Count::Init, 1),
            Call::Mode => counts.add(Count::Mode, 1),
            Call::Version => counts.add(Count::Version, 1),
            Call::Stats { .. } => {
                expect = Expect::Holding(self.held());
                counts.add(Count::Stats, 1);
            }
        }
        Some((call, expect))
    }

    /// With how many contexts an acquire may be made: up to the first that holds.
    fn acquire(&mut self, first: usize, count: u8, addr: Pointer, acquired_by: usize) -> u8 {
        let wanted = self.hazards[first..].iter_mut().take(usize::from(count));
        let mut acquired = 0;
        for hazard in wanted.take_while(|hazard| **hazard == Hazard::None) {
            acquired += 1;
            if let Some(object) = addr {
                *hazard = Hazard::On { object, acquired_by };
            }
        }
        acquired
    }

    fn release(&mut self, ctx: usize, thread: usize, counts: &mut Counts) {
        counts.add(Count::Release, 1);
        match mem::replace(&mut self.hazards[ctx], Hazard::None) {
            Hazard::None => counts.add(Count::ReleaseAgain, 1),
            Hazard::Inherited => counts.add(Count::ReleaseInherited, 1),
            Hazard::On { object, acquired_by } => {
                counts.add(Count::ReleaseElsewhere, u64::from(acquired_by != thread));
                // A waiter sleeps for one slot of those that hold the object. Which one cannot be
                // told, but for the last.
                let last = self.holders(object) == 0;
                for waiter in self.waiters.iter_mut().flatten().filter(|w| w.object == object) {
                    self.wakes |= mem::take(&mut waiter.sleeps) && last;
                    waiter.alone = false;
                }
            }
        }
        for waiter in self.waiters.iter_mut().flatten() {
            waiter.held &= !(1 << ctx);
        }
    }

    fn handler(&mut self, call: &Call, thread: usize, counts: &mut Counts) -> Option<Deed> {
        if matches!(call, Call::Synchronize { .. }) {
            return None;
        }
        let mut in_handler = Counts::NONE;
        let (call, expect) = self.call(call, thread, &mut in_handler)?;
        counts.add(Count::Handlers, 1);
        counts.add(Count::AcquireInHandler, in_handler.get(Count::Acquire));
        counts.add(Count::ReleaseInHandler, in_handler.get(Count::Release));
        counts.add_all(&in_handler);
        let place = if let Some(waiter) = &mut self.waiters[thread] {
            // Its sleep is over, and for a while it looks around: it may find by itself, and before
            // anybody could wake it, that what is released next is gone.
            (waiter.alone, waiter.sleeps) = (false, false);
            counts.add(Count::HandlersOfWaiters, 1);
            Place::HandlerOf(thread)
        } else {
            Place::OwnHandler
        };
        Some(Deed::Call { call, expect, place })
    }

    /// A synchronize that blocks, if it does and one thread is left to end it.
    pub fn wait(&mut self, op: &Op, thread: usize, counts: &mut Counts) -> Option<Deed> {
        let Op::Call(Call::Synchronize { addr: Some(object) }) = *op else { return None };
        let held = self.holders(object);
        let others = self.waiting(|_| true).count_ones() as usize;
        if held == 0 || others + 1 == THREADS {
            return None;
        }
        counts.add(Count::SynchronizeBlocked, 1);
        // Two that sleep may share a bucket: what wakes one then wakes the other, which may find by
        // itself, and before anybody could wake it again, that what is released next is gone.
        for waiter in self.waiters.iter_mut().flatten() {
            (waiter.alone, waiter.sleeps) = (false, false);
        }
        let alone = others == 0;
        self.waiters[thread] = Some(Waiter { object, held, delayed: false, alone, sleeps: false });
        Some(Deed::Wait(object))
    }

    /// What is allowed everywhere: in any thread that does not wait, and in a child.
    pub fn simple(&mut self, op: &Op, thread: usize, counts: &mut Counts) -> Option<Deed> {
        match op {
            Op::Store { cell, addr } => Some(self.store(*cell, *addr, counts)),
            Op::Call(call) => {
                let (call, expect) = self.call(call, thread, counts)?;
                Some(Deed::Call { call, expect, place: Place::Here })
            }
            Op::InHandler(call) => self.handler(call, thread, counts),
            _ => None,
        }
    }

    /// Everything is released, and nobody is waited for any more.
    pub fn end(&self) -> Vec<Op> {
        let held = (0..CONTEXTS as u8).filter(|i| self.hazards[usize::from(*i)] != Hazard::None);
        let release = |first| Call::Release { first, count: 1, with_addr: true };
        let stats = Call::Stats { size: 128 };
        held.map(release).map(Op::Call).chain(synchronize_all()).chain([Op::Call(stats)]).collect()
    }

    /// What a child does, and those of the steps that it may take.
    pub fn fork(&self, ops: &[Op], thread: usize, counts: &mut Counts) -> (Vec<Op>, Vec<Deed>) {
        let mut child = self.child();
        let (mut allowed, mut deeds) = (Vec::new(), Vec::new());
        for op in ops {
            if let Some(deed) = child.simple(op, thread, counts) {
                allowed.push(restated(op, &deed));
                deeds.push(deed);
            }
        }
        // Nothing that the parent holds is waited for, also before any of it is released.
        for op in synchronize_all().chain(child.end()) {
            deeds.extend(child.simple(&op, thread, counts));
        }
        counts.add(Count::Forks, 1);
        counts.add(Count::InChildren, deeds.len() as u64);
        (allowed, deeds)
    }
}

fn synchronize_all() -> impl Iterator<Item = Op> {
    (0..OBJECTS as u8).map(|object| Op::Call(Call::Synchronize { addr: Some(object) }))
}
