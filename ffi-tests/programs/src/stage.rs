// SPDX-License-Identifier: MIT OR Apache-2.0
//! The threads that take the steps of programs, one at a time.
//!
//! Who has the *baton* acts; it does as many actions as are its own and hands the baton to whose
//! turn is next. A thread that is about to wait in `hazptr_synchronize` hands it over before. The
//! main thread has it before and after a program, and meanwhile looks whether it goes on.

use crate::calls;
use crate::child;
use crate::counts::{Count, Counts};
use crate::cpus;
use crate::deed::{Deed, MAIN, Place, Threads};
use crate::handler;
use crate::plan::{Action, Plan};
use crate::program::{CONTEXTS, THREADS};
use std::fs;
use std::hint;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

/// Looks before a thread parks: some microseconds.
const SPINS: u32 = 100;

/// The library caps its sleeps at 100 ms; a waiter that was not woken returns about then.
const LATE: Duration = Duration::from_millis(90);

/// What was wrong, and at which step of the plan's program.
pub struct Failure {
    pub step: usize,
    pub wrong: String,
}

/// Where a thread is that waits.
const NOT_WAITING: u32 = 0;
const CALLED: u32 = 1;
const RETURNED: u32 = 2;

struct Performer {
    thread: Mutex<Option<Thread>>,
    id: AtomicI32,
    waiting: AtomicU32,
    /// What was wrong when it returned from waiting.
    wrong: Mutex<Option<String>>,
}

/// A program under way; belongs to who has the baton.
struct Run {
    plan: Option<Arc<Plan>>,
    next: usize,
    failure: Option<Failure>,
    late: u64,
    /// After each call that waits, the others wait until its thread sleeps. In every other run, so
    /// that a call which returns too early is noticed and one that is met half-way is met, too.
    settle: bool,
    /// The library's count of sleeps before the last call that waits.
    sleeps: u64,
}

impl Run {
    const NONE: Self =
        Self { plan: None, next: 0, failure: None, late: 0, settle: true, sleeps: 0 };
}

struct Stage {
    /// Whose turn it is.
    baton: AtomicUsize,
    /// Twice the number of the action under way; one more while its waiters return.
    progress: AtomicUsize,
    run: Mutex<Run>,
    /// The last one is the main thread.
    performers: [Performer; THREADS + 1],
}

static STAGE: Stage = Stage {
    baton: AtomicUsize::new(MAIN),
    progress: AtomicUsize::new(0),
    run: Mutex::new(Run::NONE),
    performers: [const {
        Performer {
            thread: Mutex::new(None),
            id: AtomicI32::new(0),
            waiting: AtomicU32::new(NOT_WAITING),
            wrong: Mutex::new(None),
        }
    }; THREADS + 1],
};

/// How long a call that must return may take.
static PATIENCE: OnceLock<Duration> = OnceLock::new();

fn patience() -> Duration {
    *PATIENCE.get().expect("set by Company::new")
}

/// Until a condition holds. Whoever makes it true unparks this thread.
fn wait_until(condition: impl Fn() -> bool) {
    for _ in 0..SPINS {
        if condition() {
            return;
        }
        hint::spin_loop();
    }
    while !condition() {
        thread::park();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Performer {
    fn wake(&self) {
        if let Some(thread) = &*lock(&self.thread) {
            thread.unpark();
        }
    }

    fn waits_at(&self, where_: u32) -> bool {
        self.waiting.load(Ordering::SeqCst) == where_
    }

    /// Whether the thread is blocked on a futex: asleep, if it was seen to wait before.
    fn is_on_futex(&self) -> Result<bool, String> {
        let path = format!("/proc/self/task/{}/syscall", self.id.load(Ordering::SeqCst));
        let call = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        Ok(call.split(' ').next() == Some(&libc::SYS_futex.to_string()))
    }
}

/// Those of a set.
fn each(threads: Threads) -> impl Iterator<Item = (usize, &'static Performer)> {
    STAGE.performers.iter().enumerate().filter(move |(i, _)| threads & 1 << i != 0)
}

/// What a performer does when it cannot go on by itself.
enum Then {
    Pass(usize),
    /// Hand the baton on, then wait for this object.
    Wait(u8, usize),
    /// Hand the baton on and end.
    End(usize),
}

fn still_blocked(threads: Threads) -> Result<(), String> {
    match each(threads).find(|(_, waiter)| waiter.waits_at(RETURNED)) {
        Some((i, _)) => Err(format!(
            "T{i}'s hazptr_synchronize has returned, though what it waits for is still held"
        )),
        None => Ok(()),
    }
}

/// Waits until these sleep; `sleeps` is what the library has to count more than, if it is known
/// whose sleep that was.
fn until_asleep(blocked: Threads, sleeps: Option<u64>) -> Result<(), String> {
    while sleeps.is_some_and(|before| calls::statistics().sleeps == before) {
        still_blocked(blocked)?;
        thread::yield_now();
    }
    for (_, waiter) in each(blocked) {
        while !waiter.is_on_futex()? {
            still_blocked(blocked)?;
            thread::yield_now();
        }
    }
    still_blocked(blocked)
}

fn perform(action: &Action, sleeps: u64) -> Result<(), String> {
    still_blocked(action.blocked)?;
    match &action.deed {
        Deed::Call { call, expect, place: Place::HandlerOf(thread) } => {
            let waiter = STAGE.performers[*thread].id.load(Ordering::SeqCst);
            handler::make(call, *expect, waiter)
        }
        Deed::RunOn(cpu) => cpus::run_on(*cpu),
        Deed::UntilAsleep { alone } => until_asleep(action.blocked, alone.then_some(sleeps)),
        Deed::Fork(deeds) => child::fork(deeds, patience()),
        Deed::Wait(_) | Deed::EndThread | Deed::Replace(_) => Ok(()),
        deed => child::do_simple(deed),
    }
}

/// Waits for those who must return now. How many did so late.
fn await_return(returning: Threads, since: Instant) -> Result<u64, String> {
    let mut late = 0;
    for (_, waiter) in each(returning) {
        wait_until(|| waiter.waits_at(RETURNED));
        late += u64::from(since.elapsed() > LATE);
        waiter.waiting.store(NOT_WAITING, Ordering::SeqCst);
        if let Some(wrong) = lock(&waiter.wrong).take() {
            return Err(wrong);
        }
    }
    Ok(late)
}

impl Run {
    /// Does one action of a performer.
    fn act(&mut self, plan: &Plan, me: usize) -> Result<(), String> {
        let action = &plan.actions[self.next];
        let before = self.next.checked_sub(1).map(|before| &plan.actions[before].deed);
        let after_wait = matches!(before, Some(Deed::Wait(_)));
        let since = Instant::now();
        STAGE.progress.store(2 * self.next, Ordering::SeqCst);
        if self.settle && after_wait {
            until_asleep(action.blocked, None)?;
        }
        if matches!(action.deed, Deed::Wait(_)) {
            self.sleeps = calls::statistics().sleeps;
            STAGE.performers[me].waiting.store(CALLED, Ordering::SeqCst);
        }
        let wakes = action.wakes.then(|| calls::statistics().wakes);
        perform(action, self.sleeps)?;
        if wakes.is_some_and(|before| calls::statistics().wakes == before) {
            return Err("the waiter that sleeps for what this has released was not woken".into());
        }
        STAGE.progress.store(2 * self.next + 1, Ordering::SeqCst);
        self.late += await_return(action.returning, since)?;
        self.next += 1;
        Ok(())
    }

    /// Does all that this performer does before another's turn.
    fn act_all(&mut self, me: usize) -> Then {
        let plan = self.plan.clone().expect("there is a program");
        while let Some(action) = plan.actions.get(self.next).filter(|action| action.actor == me) {
            if let Err(wrong) = self.act(&plan, me) {
                self.failure = Some(Failure { step: action.step, wrong });
                return Then::Pass(MAIN);
            }
            let next = plan.actions.get(self.next).map_or(MAIN, |action| action.actor);
            match action.deed {
                Deed::Wait(object) => return Then::Wait(object, next),
                Deed::EndThread => return Then::End(next),
                _ => (),
            }
        }
        Then::Pass(plan.actions.get(self.next).map_or(MAIN, |action| action.actor))
    }
}

fn pass(baton: usize) {
    STAGE.baton.store(baton, Ordering::SeqCst);
    STAGE.performers[baton].wake();
}

fn perform_all(me: usize) {
    let this = &STAGE.performers[me];
    this.id.store(handler::thread_id(), Ordering::SeqCst);
    loop {
        wait_until(|| STAGE.baton.load(Ordering::SeqCst) == me);
        let then = lock(&STAGE.run).act_all(me);
        match then {
            Then::Pass(next) => pass(next),
            Then::End(next) => return pass(next),
            Then::Wait(object, next) => {
                pass(next);
                *lock(&this.wrong) = calls::synchronize(Some(object)).err();
                this.waiting.store(RETURNED, Ordering::SeqCst);
                // Who has the baton may be waiting for this.
                STAGE.performers[STAGE.baton.load(Ordering::SeqCst)].wake();
            }
        }
    }
}

/// The lines that all of this may ever need: while it lasts each is held by a context, current on
/// a CPU, in the hands of a thread, or one of those for threads on no known CPU.
fn lines_bound() -> u64 {
    (CONTEXTS + THREADS) as u64 + cpus::configured() + 16
}

/// The threads, as the main thread sees them.
pub struct Company {
    threads: Vec<Option<JoinHandle<()>>>,
}

impl Company {
    pub fn new(patience: Duration) -> Self {
        cpus::remember();
        handler::install();
        PATIENCE.set(patience).expect("one company only");
        *lock(&STAGE.performers[MAIN].thread) = Some(thread::current());
        let mut company = Self { threads: (0..THREADS).map(|_| None).collect() };
        (0..THREADS).for_each(|i| company.hire(i));
        company
    }

    fn hire(&mut self, i: usize) {
        let thread = thread::spawn(move || perform_all(i));
        *lock(&STAGE.performers[i].thread) = Some(thread.thread().clone());
        self.threads[i] = Some(thread);
    }

    fn replace(&mut self, i: usize) {
        let thread = self.threads[i].take().expect("hired");
        thread.join().expect("threads do not panic");
        self.hire(i);
    }

    /// Has a program performed. After a failure this process is of no more use: threads may wait
    /// for ever.
    pub fn perform(&mut self, plan: Plan) -> Result<Counts, Failure> {
        calls::begin();
        let plan = Arc::new(plan);
        let settle = !lock(&STAGE.run).settle;
        *lock(&STAGE.run) = Run { plan: Some(Arc::clone(&plan)), settle, ..Run::NONE };
        STAGE.progress.store(0, Ordering::SeqCst);
        loop {
            // What the main thread has to do: nothing, or to replace a thread that has ended.
            let mut run = lock(&STAGE.run);
            if let Some(failure) = run.failure.take() {
                return Err(failure);
            }
            let Some(action) = plan.actions.get(run.next) else {
                let mut counts = plan.counts.clone();
                counts.add(Count::LateWakes, run.late);
                return self.end(&plan, counts);
            };
            if let Deed::Replace(i) = action.deed {
                self.replace(i);
                run.next += 1;
            }
            let next = plan.actions.get(run.next).map_or(MAIN, |action| action.actor);
            drop(run);
            if next != MAIN {
                pass(next);
                Self::watch(&plan)?;
            }
        }
    }

    fn end(&self, plan: &Plan, counts: Counts) -> Result<Counts, Failure> {
        let (lines, bound) = (calls::most_lines(), lines_bound());
        if lines > bound {
            let wrong = format!("{lines} lines are in use, and {bound} are enough");
            return Err(Failure { step: plan.program.0.len(), wrong });
        }
        Ok(counts)
    }

    /// Waits for the baton as long as the program goes on.
    fn watch(plan: &Plan) -> Result<(), Failure> {
        let (mut progress, mut since) = (usize::MAX, Instant::now());
        while STAGE.baton.load(Ordering::SeqCst) != MAIN {
            thread::park_timeout(patience() / 4);
            let now = STAGE.progress.load(Ordering::SeqCst);
            if now != progress {
                (progress, since) = (now, Instant::now());
            } else if since.elapsed() > patience() {
                return Err(stuck(plan, now));
            }
        }
        Ok(())
    }
}

fn stuck(plan: &Plan, progress: usize) -> Failure {
    let action = &plan.actions[progress / 2];
    let wrong = if progress % 2 == 0 {
        let what = match &action.deed {
            Deed::Call { call, .. } => call.to_string(),
            Deed::Fork(_) => "the child".into(),
            deed => format!("{deed:?}"),
        };
        format!("not done after {:?}: {what}", patience())
    } else {
        let waiters: Vec<String> = each(action.returning)
            .filter(|(_, waiter)| !waiter.waits_at(RETURNED))
            .map(|(i, _)| format!("T{i}"))
            .collect();
        let waiters = waiters.join(" and ");
        format!("hazptr_synchronize of {waiters}, free to return, has not for {:?}", patience())
    };
    Failure { step: action.step, wrong }
}
