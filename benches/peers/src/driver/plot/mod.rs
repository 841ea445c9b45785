// SPDX-License-Identifier: MIT OR Apache-2.0
//! The plots.

mod bars;
mod curves;
mod style;

use crate::figures::{above, above_floor, value};
use crate::plan::{
    ALLOCATOR, ASLEEP, BUSY, FEW, FLOOR, FLOORS, HELD, HOLDING, INLINE, MADE, MADE_2, MANY,
    PENDING, PENDING_STALLED, RETIRE, RETIRE_CPU, RETIRE_READER, SLEEPERS,
};
use crate::record::{Record, Subject};

use bars::{Bar, Bars, Mark};
use curves::{Curve, Curves};
use style::{Kind, Unit};

type Median = fn(&Record, &str, &str) -> Option<f64>;

fn absolute(record: &Record, subject: &str, key: &str) -> Option<f64> {
    Some(value(record, subject, key)?.median)
}

fn protection(record: &Record, subject: &str, key: &str) -> Option<f64> {
    Some(above_floor(record, subject, key)?.median)
}

/// A bar for each subject that has what the bar shows, the shortest on top.
fn bars(record: &Record, keys: &[&str], median: Median) -> Vec<Bar> {
    let bar = |subject: &Subject| {
        let value = |key: &&str| median(record, &subject.subject, key);
        let values: Vec<_> = keys.iter().map(value).collect();

        values[0]?;
        Some(Bar { name: subject.subject.clone(), kind: Kind::of(subject), values })
    };
    let mut bars: Vec<_> = record
        .subjects
        .iter()
        .filter(|s| !FLOORS.contains(&s.subject.as_str()))
        .filter_map(bar)
        .collect();

    bars.sort_by(|a, b| a.values[0].partial_cmp(&b.values[0]).expect("finite"));
    bars
}

fn reads(record: &Record) -> Result<String, String> {
    Bars {
        title: "Cost of a protected read, nanoseconds (logarithmic)",
        unit: Unit::Time,
        marks: &[
            (Mark::Bar, "one thread"),
            (Mark::Dot, "each of two threads"),
            (Mark::Tick, "one thread, with what can be kept"),
        ],
        bars: bars(record, &[MADE, MADE_2, HELD], absolute),
        floor: absolute(record, FLOOR, MADE).map(|ns| (ns, "plain load")),
    }
    .draw()
}

fn blocked(record: &Record) -> Result<String, String> {
    Bars {
        title: "Cost of a wait beside a reader, nanoseconds (logarithmic)",
        unit: Unit::Time,
        marks: &[
            (Mark::Bar, "the reader reads all the time"),
            (Mark::Dot, "it holds another object, for 1 ms at a time"),
        ],
        bars: bars(record, &[BUSY, HOLDING], absolute),
        floor: None,
    }
    .draw()
}

fn oversubscribed(record: &Record) -> Result<String, String> {
    Bars {
        title: "CPU time of a protection, four in each thread, nanoseconds (logarithmic)",
        unit: Unit::Time,
        marks: &[(Mark::Bar, "64 threads"), (Mark::Dot, "2 threads")],
        bars: bars(record, &[MANY, FEW], protection),
        floor: None,
    }
    .draw()
}

/// Of the CPU time that without the allocator's.
fn apart(record: &Record, subject: &str, key: &str) -> Option<f64> {
    match key {
        RETIRE_CPU => Some(above(record, subject, key, ALLOCATOR)?.median),
        _ => absolute(record, subject, key),
    }
}

fn retiring(record: &Record) -> Result<String, String> {
    Bars {
        title: "Cost of a retirement, nanoseconds (logarithmic)",
        unit: Unit::Time,
        marks: &[
            (Mark::Bar, "alone"),
            (Mark::Dot, "beside a reader"),
            (Mark::Tick, "alone, CPU time, without allocator"),
        ],
        bars: bars(record, &[RETIRE, RETIRE_READER, RETIRE_CPU], apart),
        floor: absolute(record, INLINE, ALLOCATOR).map(|ns| (ns, "allocator")),
    }
    .draw()
}

fn pending(record: &Record) -> Result<String, String> {
    Bars {
        title: "The most objects pending (logarithmic); two millions end the measurement",
        unit: Unit::Count,
        marks: &[(Mark::Bar, "beside a stalled reader"), (Mark::Dot, "alone")],
        bars: bars(record, &[PENDING_STALLED, PENDING], absolute),
        floor: None,
    }
    .draw()
}

/// Those that a program would choose from: what is inlined, and waits by itself.
fn is_in_curves(subject: &Subject) -> bool {
    !subject.by_call && subject.protects != "lock" && !subject.subject.ends_with("-static")
}

fn waits(record: &Record) -> Result<String, String> {
    let curve = |subject: &Subject| {
        let points = SLEEPERS.iter().zip(ASLEEP).filter_map(|(&count, question)| {
            Some((count, absolute(record, &subject.subject, question.key)?))
        });
        let points: Vec<_> = points.collect();

        if points.is_empty() {
            return None;
        }
        Some(Curve { name: subject.subject.clone(), kind: Kind::of(subject), points })
    };

    Curves {
        title: "Cost of a wait by the number of sleeping threads (logarithmic)",
        horizontal: "registered threads that sleep and protect nothing",
        curves: record.subjects.iter().filter(|s| is_in_curves(s)).filter_map(curve).collect(),
    }
    .draw()
}

/// File names and contents.
pub fn all(record: &Record) -> Result<Vec<(&'static str, String)>, String> {
    Ok(vec![
        ("read.svg", reads(record)?),
        ("wait.svg", waits(record)?),
        ("blocked.svg", blocked(record)?),
        ("oversubscribed.svg", oversubscribed(record)?),
        ("retire.svg", retiring(record)?),
        ("pending.svg", pending(record)?),
    ])
}
