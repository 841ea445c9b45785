// SPDX-License-Identifier: MIT OR Apache-2.0
//! The measure `retire`; the same as ../../c/retire.c. ../../PROTOCOL.md says what the figures are.
//! The writer is the thread that retires, the companion one that reads beside it, or holds what it
//! has read and sleeps.

use std::fs;
use std::mem::zeroed;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use crate::answer::Answer;
use crate::request::Companion;
use crate::retired::{Plain, ended};
use crate::threads::{cpus, need_two_cpus, pin};

/// Operations between two looks at what is pending, and at the clock. No divisor of any library's
/// batches, or all looks would find them equally full.
const LOOK_EVERY: u64 = 61;
const CLOCK_EVERY: u64 = 17 * LOOK_EVERY;

/// More would not leave the machine enough memory, and say nothing more.
const MOST_PENDING: u64 = 2_000_000;

/// How much longer than the measurement the stalled thread sleeps, if nobody wakes it.
const OVERSLEEP: Duration = Duration::from_millis(300);

/// The place whose object is replaced and retired.
pub const REPLACED: usize = 0;

/// One that nobody replaces.
pub const OTHER: usize = 1;

pub const PLACES: usize = 2;

/// One way to retire what was read.
pub trait Retires: Sync + 'static {
    /// By which calls, with which thresholds.
    const NOTE: &'static str;

    /// With an object in each place.
    fn new() -> Self;

    /// Allocates an object, publishes it in REPLACED, and retires what was there before.
    fn retire_one(&self);

    /// Protect, load the pointer, load a field, end the protection.
    fn read(&self, place: usize);

    /// Protects the object in REPLACED while `during` runs.
    fn hold(&self, during: impl FnOnce());
}

/// What the two threads share.
struct Shared {
    stop: AtomicBool,
    overslept: AtomicBool,
    /// The companion protects, or has read.
    arrived: Barrier,
    reads: AtomicU64,
    /// The reader's CPU time.
    clock: AtomicI32,
}

fn reader<R: Retires>(subject: &R, place: usize, shared: &Shared) {
    let mut clock = 0;

    pin(cpus()[1]);
    // SAFETY: the thread is this one; the call fills the number.
    unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &mut clock) };
    shared.clock.store(clock, Ordering::Relaxed);
    shared.arrived.wait();
    while !shared.stop.load(Ordering::Relaxed) {
        for _ in 0..CLOCK_EVERY {
            subject.read(place);
        }
        let reads = shared.reads.load(Ordering::Relaxed);
        shared.reads.store(reads + CLOCK_EVERY, Ordering::Relaxed);
    }
}

/// Ends by itself at last: there are libraries whose writers wait for it.
fn stalled<R: Retires>(subject: &R, shared: &Shared, over: Receiver<()>, limit: Duration) {
    subject.hold(|| {
        shared.arrived.wait();
        if over.recv_timeout(limit).is_err() {
            shared.overslept.store(true, Ordering::Relaxed);
        }
    });
}

fn time_of(clock: libc::clockid_t) -> f64 {
    // SAFETY: plain numbers, which the call fills.
    let now = unsafe {
        let mut now: libc::timespec = zeroed();
        libc::clock_gettime(clock, &mut now);
        now
    };

    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

/// A line of /proc/self/status, in KiB.
fn memory(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("");

    line.trim().trim_end_matches(" kB").parse().unwrap_or(0.0)
}

/// What all have in common with a loop that retires nothing, nanoseconds of CPU time.
fn allocator_ns(span: Duration) -> f64 {
    let place = AtomicPtr::new(Box::into_raw(Box::new(Plain::new())));
    let allocate = |span: Duration| {
        let end = Instant::now() + span;
        let mut count = 0;

        while Instant::now() < end {
            for _ in 0..CLOCK_EVERY {
                let old = place.swap(Box::into_raw(Box::new(Plain::new())), Ordering::SeqCst);

                // SAFETY: from a box, and out of its place.
                drop(unsafe { Box::from_raw(old) });
            }
            count += CLOCK_EVERY;
        }
        count as f64
    };

    allocate(span / 4);
    let before = time_of(libc::CLOCK_PROCESS_CPUTIME_ID);
    let count = allocate(span * 3 / 4);
    (time_of(libc::CLOCK_PROCESS_CPUTIME_ID) - before) / count
}

/// What differences are formed of. Times in nanoseconds.
struct Moment {
    wall: Instant,
    process: f64,
    reader: f64,
    retired: u64,
    reads: u64,
}

struct Writer<'a, R: Retires> {
    subject: &'a R,
    shared: &'a Shared,
    companion: Companion,
    retired: u64,
    most_pending: u64,
}

impl<R: Retires> Writer<'_, R> {
    fn has_reader(&self) -> bool {
        matches!(self.companion, Companion::Reader | Companion::Bystander)
    }

    fn moment(&self) -> Moment {
        Moment {
            reader: if self.has_reader() {
                time_of(self.shared.clock.load(Ordering::Relaxed))
            } else {
                0.0
            },
            reads: self.shared.reads.load(Ordering::Relaxed),
            retired: self.retired,
            process: time_of(libc::CLOCK_PROCESS_CPUTIME_ID),
            wall: Instant::now(),
        }
    }

    /// Whether there is a reader that has not read since; others may have had its CPU.
    fn unread(&self, before: u64) -> bool {
        self.has_reader() && self.shared.reads.load(Ordering::Relaxed) == before
    }

    fn retire(&mut self, count: u64) {
        for _ in 0..count {
            self.subject.retire_one();
        }
        self.retired += count;
    }

    /// Whether too much is pending.
    fn look(&mut self) -> bool {
        let pending = self.retired - ended();

        self.most_pending = self.most_pending.max(pending);
        pending >= MOST_PENDING
    }

    /// Whether that was too much.
    fn go_on(&mut self, span: Duration) -> bool {
        let reads = self.shared.reads.load(Ordering::Relaxed);
        let end = Instant::now() + span;

        while Instant::now() < end || self.unread(reads) {
            for _ in 0..CLOCK_EVERY / LOOK_EVERY {
                self.retire(LOOK_EVERY);
                if self.look() {
                    return true;
                }
            }
        }
        false
    }

    /// Of a reader that is alone.
    fn undisturbed_ns(&self, span: Duration) -> f64 {
        sleep(span / 4);
        let from = self.moment();

        loop {
            sleep(span * 3 / 4);
            let to = self.moment();

            if to.reads != from.reads {
                return reader_ns(&from, &to);
            }
        }
    }

    fn measure(&mut self, span: Duration, allocator: Option<f64>) -> Result<Answer, String> {
        let stalled = self.companion == Companion::Stalled;
        let bystander = self.companion == Companion::Bystander;
        let before = memory("VmRSS:");
        let undisturbed = bystander.then(|| self.undisturbed_ns(span / 4));

        self.retire(1);
        if self.has_reader() {
            pin(cpus()[0]);
        }
        if !stalled {
            self.go_on(span / 4);
        }
        let from = self.moment();
        let too_much = self.go_on(if stalled { span } else { span / 2 });
        let to = self.moment();
        let count = (to.retired - from.retired) as f64;
        let cpu = to.process - from.process - (to.reader - from.reader);

        if self.shared.overslept.load(Ordering::Relaxed) {
            return Err("whoever retires waits until the stalled thread is gone".to_string());
        }
        let mut answer = Answer::new((to.wall - from.wall).as_nanos() as f64 / count);
        answer.add("cpu_ns", cpu / count);
        if let Some(ns) = allocator {
            answer.add("allocator_ns", ns);
        }
        answer.add("pending", self.most_pending as f64);
        answer.add("kib", memory("VmHWM:") - before);
        if too_much {
            answer.add("stopped", 1.0);
        }
        if self.has_reader() {
            answer.add("reader_ns", reader_ns(&from, &to));
        }
        if let Some(ns) = undisturbed {
            answer.add("undisturbed_ns", ns);
        }
        Ok(answer)
    }
}

fn reader_ns(from: &Moment, to: &Moment) -> f64 {
    (to.reader - from.reader) / (to.reads - from.reads) as f64
}

fn run_here<R: Retires>(companion: Companion, span: Duration) -> Result<Answer, String> {
    let alone = companion == Companion::None;
    let allocator = alone.then(|| allocator_ns(span / 4));
    let subject = &R::new();
    let shared = &Shared {
        stop: AtomicBool::new(false),
        overslept: AtomicBool::new(false),
        arrived: Barrier::new(2),
        reads: AtomicU64::new(0),
        clock: AtomicI32::new(0),
    };
    let mut writer = Writer { subject, shared, companion, retired: ended(), most_pending: 0 };
    let (wake, over) = channel();

    if writer.has_reader() {
        need_two_cpus()?;
    }
    thread::scope(|scope| {
        match companion {
            Companion::None => {}
            Companion::Reader => drop(scope.spawn(|| reader(subject, REPLACED, shared))),
            Companion::Bystander => drop(scope.spawn(|| reader(subject, OTHER, shared))),
            Companion::Stalled => {
                drop(scope.spawn(|| stalled(subject, shared, over, span + OVERSLEEP)));
            }
        }
        if !alone {
            shared.arrived.wait();
        }
        let answer = writer.measure(span, allocator);
        shared.stop.store(true, Ordering::Relaxed);
        drop(wake);
        answer
    })
}

/// In a thread of its own, as all that measure.
pub fn run<R: Retires>(companion: Companion, span: Duration) -> Result<Answer, String> {
    thread::scope(|scope| scope.spawn(|| run_here::<R>(companion, span)).join().unwrap())
}
