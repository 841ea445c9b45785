// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a waiter sleeps until one address is gone from one slot, and how it is woken.
//!
//! Sleepers are told apart by a hash of the slot, so that one is not woken by releases of others: by
//! all of it while those of a bucket are after one slot, else by the bucket. The control word counts
//! all sleepers; while it is zero a release looks no further. So it never reads what it releases.
//!
//! One release wakes, and then nobody does until somebody is about to sleep again: until those who
//! were woken have had a CPU, the slot may be filled and released any number of times.

use crate::abi::HAZPTR_FOREVER;
use crate::control::{Control, Mode, control};
use crate::delay::{self, Point};
use crate::holder::Holder;
use crate::line::Slot;
use crate::place::Place;
use crate::stall::{Stall, Waited};
use crate::stats::Count;
use crate::sync::{AtomicU32, AtomicU64, Backoff, Ordering};
use crate::{barrier, fence, sys, trace};
use core::ffi::c_void;

const BUCKET_BITS: u32 = 4;

const SLEEP_CAP_NS: u64 = sys::SLEEP_CAP_MS * 1_000_000;

/// How often a waiter looks again before it prepares to sleep, ever less often: some microseconds.
const SPINS: u32 = if cfg!(test) { 2 } else { 12 };

/// The sleepers whose slots hash alike. All zero is nobody.
struct Bucket {
    /// How many there are, above TAG_BITS. Below: what tells their slot from others of this
    /// bucket, or MIXED if they are after more than one.
    waiting: AtomicU64,
    /// The futex word. Odd: somebody is about to sleep on this value, or does. Even: nobody has
    /// said so since the last wake-up.
    wish: AtomicU32,
}

/// Leaves room for as many sleepers as Linux has threads.
const TAG_BITS: u32 = 42;
const TAG: u64 = (1 << TAG_BITS) - 1;
const ONE_SLEEPER: u64 = 1 << TAG_BITS;
const MIXED: u64 = 0;

impl Bucket {
    const fn new() -> Self {
        Self { waiting: AtomicU64::new(0), wish: AtomicU32::new(0) }
    }

    /// Announces one more sleeper.
    fn enter(&self, tag: u64) {
        let update = |now: u64| {
            let mixed = now != 0 && now & TAG != tag;
            Some((now & !TAG) + ONE_SLEEPER + if mixed { MIXED } else { tag })
        };
        // Relaxed: ordered by the caller's barrier against every release.
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
    }

    /// Takes an announcement back, if there is any.
    fn leave(&self) {
        let update = |now: u64| match now {
            0 => None,
            last if last >> TAG_BITS == 1 => Some(0),
            _ => Some(now - ONE_SLEEPER),
        };
        // Relaxed: an early or late look only wakes in vain.
        let _ = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
    }

    /// Says that the caller is about to sleep, on the value returned.
    fn arm(&self) -> u32 {
        // Relaxed: before the caller's barrier. What the slot's address protected is passed on by the slot
        // itself: who looks again acquires it, whatever has been put there since (line.rs).
        self.wish.fetch_or(1, Ordering::Relaxed) | 1
    }

    /// Makes it known that all are to look again. False if nobody has armed since the last time.
    fn disarm(&self) -> bool {
        let update = |now: u32| (now & 1 != 0).then(|| now.wrapping_add(1));
        // Relaxed: see arm().
        self.wish.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update).is_ok()
    }

    /// Whether anybody may sleep for what has this tag.
    fn is_wanted(&self, tag: u64) -> bool {
        // Relaxed: see until_gone().
        let now = self.waiting.load(Ordering::Relaxed);
        now != 0 && (now & TAG == tag || now & TAG == MIXED)
    }
}

/// See the module's comment.
pub struct Waiters([Bucket; 1 << BUCKET_BITS]);

impl Waiters {
    /// Nobody waits.
    pub const fn new() -> Self {
        Self([const { Bucket::new() }; 1 << BUCKET_BITS])
    }

    /// The bucket of a slot, and the slot's tag there.
    fn place(slot: *const Slot) -> (usize, u64) {
        let hash = (slot as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let below = hash >> (u64::BITS - BUCKET_BITS - TAG_BITS);
        ((below >> TAG_BITS) as usize, below & TAG)
    }

    fn bucket(&self, slot: *const Slot) -> (&Bucket, u64) {
        let (index, tag) = Self::place(slot);
        (&self.0[index], tag)
    }
}

/// Until when somebody waits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Deadline(u64);

impl Deadline {
    /// For ever.
    pub const NEVER: Self = Self(HAZPTR_FOREVER);

    /// So many nanoseconds from now, or HAZPTR_FOREVER.
    pub fn after(ns: u64) -> Self {
        Self(if ns == HAZPTR_FOREVER { ns } else { sys::now_ns().saturating_add(ns) })
    }

    /// Nanoseconds from now until then.
    pub fn left(self) -> u64 {
        if self == Self::NEVER { self.0 } else { self.0.saturating_sub(sys::now_ns()) }
    }
}

/// What one call of the program's waits by, for however many slots.
pub struct Limits {
    deadline: Deadline,
    stall: Stall,
}

impl Limits {
    /// Not longer than that.
    pub const fn until(deadline: Deadline) -> Self {
        Self { deadline, stall: Stall::new() }
    }
}

/// Waits until a slot does not hold an address any more, or this turns out to be a child that a handler
/// forked since `generation` was read: then whoever holds it does not exist here, and the caller starts
/// afresh. False if that has not come about by the deadline. `held` reads, with Acquire, whether it does.
pub fn until_gone(
    control: &Control,
    generation: u32,
    (slot, addr): (*const Slot, *const c_void),
    limits: &mut Limits,
    held: impl Fn() -> bool,
) -> bool {
    if limits.deadline.left() == 0 {
        return !held();
    }
    let backoff = Backoff::new();
    for _ in 0..SPINS {
        if !held() {
            return true;
        }
        backoff.spin();
    }
    sleep_until_gone(control, generation, (slot, addr), limits, &held)
}

/// Sleeping, in order: announce; arm the futex word; barrier; look again; sleep on that value. Both
/// cases against a release (store NULL, then look for sleepers): if its store came before our
/// barrier, we see it when we look again. If our barrier came before, it sees our announcement and
/// the word as we armed it or as it was changed since, by itself or by another release: then the
/// kernel does not let us sleep, or whoever changed it has woken us. After that the word is armed
/// anew, and with another value there is another barrier, for releases in between woke nobody.
#[inline(never)]
fn sleep_until_gone(
    control: &Control,
    generation: u32,
    (slot, addr): (*const Slot, *const c_void),
    limits: &mut Limits,
    held: &dyn Fn() -> bool,
) -> bool {
    let (bucket, tag) = control.waiters.bucket(slot);
    bucket.enter(tag);
    control.word.raise();
    // After the announcement: which process's block it stands in, if a handler has forked by now.
    let announced_in = control.generation();
    delay::point(Point::Announced);
    let over = || !held() || control.generation() != generation;
    trace::wait_begin(addr, slot);
    limits.stall.begin();
    let mut armed = 0;
    let is_over = loop {
        if over() {
            break true;
        }
        let wish = bucket.arm();
        if wish != armed {
            barrier::before_sleep(control);
            armed = wish;
            continue;
        }
        limits.stall.look(|waited| report_stall(control, slot, addr, &waited));
        let left = limits.deadline.left();
        if left == 0 {
            break false;
        }
        control.counters.add(slot, Count::Sleep);
        delay::point(Point::BeforeSleep);
        sys::futex_wait_ns(sys::futex_word(&bucket.wish), wish, Some(left.min(SLEEP_CAP_NS)));
    };
    trace::wait_end(addr, slot, is_over);
    if control.generation() == announced_in {
        // Never below zero: a handler may fork right here.
        control.word.lower();
        bucket.leave();
    } // Else a fork has wiped it, and those that stand there are the child's own.
    is_over
}

#[cold]
fn report_stall(control: &Control, slot: *const Slot, addr: *const c_void, waited: &Waited) {
    let (place, holder) = (Place::of(control, slot), Holder::of(control, slot));
    waited.report(format_args!("{addr:p}, which is held {place}{holder}"));
}

/// Wakes those who may sleep for `slot`, from which an address was removed. Out of line on purpose.
/// The slot is a name here: it is not looked at.
#[cold]
#[inline(never)]
pub fn wake(slot: *const Slot) {
    wake_now(slot);
}

/// The same, as part of the caller.
#[inline(always)]
pub fn wake_now(slot: *const Slot) {
    let control = control();
    if control.word.mode() == Mode::Fence {
        // In this mode no waiter makes the kernel fence for us: slot's NULL, then the look at
        // `waiting`. Pairs with the full fence in before_sleep().
        fence::full();
    }
    let (bucket, tag) = control.waiters.bucket(slot);
    if bucket.is_wanted(tag) && bucket.disarm() {
        delay::point(Point::Waking);
        sys::futex_wake(sys::futex_word(&bucket.wish), i32::MAX as u32);
        control.counters.add(slot, Count::Wake);
        trace::wake(slot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::collect;
    use crate::sync::AtomicPtr;
    use crate::{init, portable, release};
    use std::sync::Mutex;
    use std::{ptr, thread};

    /// These look at the process's own counters.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    fn address(n: usize) -> *mut c_void {
        ptr::without_provenance_mut(0x1000 * n)
    }

    /// Puts a waiter to sleep for `address(1)` in a slot, lets `act` do something to the slot, and
    /// returns how many times somebody was woken until the waiter went on.
    fn wakes_by(act: impl FnOnce(&Slot)) -> u64 {
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let control = init::ensure();
        let slot = Slot(AtomicPtr::new(address(1)));
        let before = collect(control);
        thread::scope(|scope| {
            scope.spawn(|| {
                let held = || ptr::eq(slot.held(), address(1));
                let what = (&raw const slot, address(1).cast_const());
                let mut limits = Limits::until(Deadline::NEVER);
                until_gone(control, control.generation(), what, &mut limits, held);
            });
            while collect(control).sleeps == before.sleeps {
                thread::yield_now();
            }
            act(&slot);
        });
        collect(control).wakes - before.wakes
    }

    #[test]
    fn a_release_wakes_the_sleeper_for_its_slot() {
        assert_eq!(wakes_by(release::clear), 1);
    }

    #[test]
    fn a_slot_that_is_used_again_before_the_sleeper_runs_wakes_it_once() {
        let wakes = wakes_by(|slot| {
            release::clear(slot);
            for _ in 0..1000 {
                slot.0.store(address(2), Ordering::Relaxed);
                release::clear(slot);
            }
        });
        assert_eq!(wakes, 1);
    }

    #[test]
    fn an_overwritten_address_wakes_its_sleeper() {
        // Scenario 12: the acquire had published address 1, and re-loads another.
        let published = address(2);
        // SAFETY: the slot is ours, and the pointer is a local variable.
        let wakes = wakes_by(|slot| unsafe {
            assert_eq!(portable::validate(slot, address(1), &raw const published, !0), published);
        });
        assert_eq!(wakes, 1);
    }

    #[test]
    fn strangers_wake_nobody_in_whatever_bucket() {
        // That they held the very same address does not matter.
        let strangers: Vec<_> = (1..1000).map(|_| Slot(AtomicPtr::new(address(1)))).collect();
        let wakes = wakes_by(|slot| {
            assert!(strangers.iter().any(|s| Waiters::place(s).0 == Waiters::place(slot).0));
            for stranger in &strangers {
                release::clear(stranger);
            }
            release::clear(slot);
        });
        assert_eq!(wakes, 1);
    }

    #[test]
    fn sleepers_for_two_slots_in_one_bucket_are_both_wanted() {
        let bucket = Bucket::new();
        for tag in [1, 1, 2] {
            bucket.enter(tag);
        }
        bucket.leave();
        assert!(bucket.is_wanted(1) && bucket.is_wanted(2), "whoever is left");
        bucket.leave();
        bucket.leave();
        assert!(!bucket.is_wanted(1) && !bucket.is_wanted(MIXED), "nobody is left");
        bucket.leave();
        bucket.enter(2);
        assert!(bucket.is_wanted(2) && !bucket.is_wanted(1));
    }

    #[test]
    fn nobody_is_announced_when_all_is_over() {
        wakes_by(release::clear);
        let _one = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let waiting = |bucket: &Bucket| bucket.waiting.load(Ordering::Relaxed);
        assert!(control().waiters.0.iter().all(|bucket| waiting(bucket) == 0));
        assert!(control().word.mode() == Mode::Fence || !control().word.release_is_slow());
    }
}
