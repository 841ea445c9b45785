// SPDX-License-Identifier: MIT OR Apache-2.0
//! The measurements, as loops over whatever a subject does.

use std::thread::{self, sleep, yield_now};
use std::time::Duration;

use crate::answer::Answer;
use crate::measure::measure;
use crate::object::OBJECTS;
use crate::request::{Beside, Measure, Request};
use crate::retire::{self, Retires};
use crate::subject::Subject;
use crate::threads::{asleep, beside, cpus, need_two_cpus, together};

/// Operations between two looks at whether to stop.
const PIECE: u64 = 1000;

#[inline(never)]
fn made<S: Subject>(subject: &S, count: u64) {
    for _ in 0..count {
        subject.read_made();
    }
}

#[inline(never)]
fn held<S: Subject>(subject: &S, kept: &mut S::Kept, count: u64) {
    for _ in 0..count {
        subject.read_held(kept);
    }
}

#[inline(never)]
fn replace<S: Subject>(subject: &S, count: u64) {
    for _ in 0..count {
        subject.replace();
    }
}

fn read_made<S: Subject>(subject: &S, threads: usize, span: Duration) -> Result<f64, String> {
    if threads == 1 {
        return Ok(measure(span, |count| made(subject, count)));
    }
    let piece = |_: &mut ()| {
        made(subject, PIECE);
        PIECE
    };
    need_two_cpus()?;
    let wall = together(threads, span, || (), piece);

    Ok(wall * threads as f64)
}

fn read_held<S: Subject>(subject: &S, threads: usize, span: Duration) -> Result<f64, String> {
    if threads == 1 {
        let mut kept = subject.keep();

        return Ok(measure(span, |count| held(subject, &mut kept, count)));
    }
    let piece = |kept: &mut S::Kept| {
        held(subject, kept, PIECE);
        PIECE
    };
    need_two_cpus()?;
    let wall = together(threads, span, || subject.keep(), piece);

    Ok(wall * threads as f64)
}

fn wait<S: Subject>(subject: &S, with: Beside, span: Duration) -> Result<f64, String> {
    let measured = || measure(span, |count| replace(subject, count));

    if !matches!(with, Beside::Siblings(_)) {
        need_two_cpus()?;
    }
    Ok(match with {
        Beside::Siblings(count) => asleep(count, || subject.read_made(), measured),
        Beside::Busy => beside(|| made(subject, PIECE), measured),
        Beside::Holding => {
            let hold = || subject.hold(|| sleep(Duration::from_millis(1)));

            beside(hold, measured)
        }
    })
}

fn oversubscribed<S: Subject>(subject: &S, threads: usize, span: Duration) -> f64 {
    let piece = |_: &mut ()| {
        subject.hold_all(yield_now);
        1
    };
    let wall = together(threads, span, || (), piece);

    wall * cpus().len().min(threads) as f64 / OBJECTS as f64
}

fn run_here<S: Subject>(request: &Request) -> Result<f64, String> {
    let subject = &S::new();
    let span = request.span;

    match request.measure {
        Measure::Made { threads } => read_made(subject, threads, span),
        Measure::Held { threads } => read_held(subject, threads, span),
        Measure::Wait(with) => wait(subject, with, span),
        Measure::Oversubscribed { threads } => Ok(oversubscribed(subject, threads, span)),
        Measure::Retire(_) => Err("does not retire".to_string()),
    }
}

/// Nanoseconds per operation, or why there are none. In a thread of its own, so that none runs in a
/// process that is known to have only one.
pub fn run<S: Subject>(request: &Request) -> Result<Answer, String> {
    let ns = thread::scope(|scope| scope.spawn(|| run_here::<S>(request)).join().unwrap())?;

    Ok(Answer::new(ns))
}

/// The same of a subject that also retires.
pub fn run_or_retire<S: Subject, R: Retires>(request: &Request) -> Result<Answer, String> {
    match request.measure {
        Measure::Retire(companion) => retire::run::<R>(companion, request.span),
        _ => run::<S>(request),
    }
}
