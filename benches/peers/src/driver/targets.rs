// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the library is to reach beside its peers, and whether it did in this run.

use crate::figures::{above, above_floor, ratio, times, value};
use crate::plan::{
    ALLOCATOR, ASLEEP, BUSY, BY_CALL, BYSTANDER, FEW, INLINE, MADE, MANY, OURS, PENDING_STALLED,
    RCU, RCU_BY_CALL, RETIRE, RETIRE_CPU, SHARED, UNDISTURBED,
};
use crate::record::Record;
use crate::report::count;

#[derive(PartialEq)]
pub enum Verdict {
    Met,
    Missed,
    Unknown,
}

pub struct Target {
    pub what: String,
    pub limit: String,
    /// What was found, in the same terms.
    pub found: String,
    pub verdict: Verdict,
}

/// A ratio, and what it was found for.
type Found = Option<(f64, String)>;

/// What was found, in words, and whether that meets the limit.
fn target(what: &str, limit: String, found: Option<(String, bool)>) -> Target {
    let (found, verdict) = match found {
        Some((found, true)) => (found, Verdict::Met),
        Some((found, false)) => (found, Verdict::Missed),
        None => ("not measured".to_string(), Verdict::Unknown),
    };

    Target { what: what.to_string(), limit, found, verdict }
}

fn at_least(what: &str, limit: f64, found: Found) -> Target {
    let found = found.map(|(ratio, who)| (format!("{ratio:.2} × {who}"), ratio >= limit));

    target(what, format!("≥ {limit} ×"), found)
}

fn at_most(what: &str, limit: f64, found: Found) -> Target {
    let found = found.map(|(ratio, who)| (format!("{ratio:.2} × {who}"), ratio <= limit));

    target(what, format!("≤ {limit} ×"), found)
}

fn against(record: &Record, subject: &str, other: &str, key: &str) -> Found {
    Some((ratio(record, subject, other, key)?.median, other.to_string()))
}

/// The worst of some.
fn worst(found: impl Iterator<Item = (f64, String)>) -> Found {
    found.max_by(|a, b| a.0.total_cmp(&b.0))
}

/// Beside each one that protects an object by itself, with everything made for each read.
fn others_of_the_kind(record: &Record) -> Found {
    let others = record.subjects.iter().filter(|s| s.protects == "one" && s.library != OURS);

    worst(others.filter_map(|other| against(record, INLINE, &other.subject, MADE)))
}

fn asleep(record: &Record) -> Found {
    worst(ASLEEP.iter().filter_map(|question| {
        let (ratio, other) = against(record, INLINE, RCU, question.key)?;

        Some((ratio, format!("{other}, {}", question.title)))
    }))
}

/// Of what is above the cost of yielding, if it can be told from that.
fn oversubscribed(record: &Record) -> Target {
    let what = "protection with 64 threads";
    let above = |key| above_floor(record, INLINE, key);
    let (Some(few), Some(many)) = (above(FEW), above(MANY)) else {
        return at_most(what, 2.0, None);
    };
    let mut target = at_most(what, 2.0, Some((many.median / few.median, "2 threads".to_string())));

    if record.run.rounds < 3 || few.median <= few.spread() || many.median <= many.spread() {
        target.found = "lost in what yielding costs".to_string();
        target.verdict = Verdict::Unknown;
    }
    target
}

/// Beside the best other library. Locks are none: what they protect is freed at once.
fn retiring(record: &Record) -> Found {
    let others = record.subjects.iter().filter(|s| s.protects != "lock" && s.library != OURS);
    let speed = |other: &str| Some(ratio(record, other, INLINE, RETIRE)?.median);
    let speeds = others.filter_map(|s| Some((speed(&s.subject)?, s.subject.as_str())));
    let (speed, other) = speeds.min_by(|a, b| a.0.total_cmp(&b.0))?;

    Some((speed, format!("the speed of {other}")))
}

/// Is to be shown, whatever it is.
fn retiring_apart(record: &Record) -> Target {
    let what = "CPU time of a retirement apart from the allocator's";
    let mut target = target(what, "–".to_string(), None);

    if let Some(figure) = above(record, INLINE, RETIRE_CPU, ALLOCATOR) {
        target.found = format!("{:.1} ns", figure.median);
    }
    target
}

fn disturbed(record: &Record) -> Found {
    let speed = times(record, INLINE, UNDISTURBED, BYSTANDER)?.median;

    Some((speed, "its speed undisturbed".to_string()))
}

/// How many objects a key says.
fn objects(record: &Record, key: &str, met: fn(f64) -> bool) -> Option<(String, bool)> {
    let objects = value(record, INLINE, key)?.median;

    Some((count(objects), met(objects)))
}

pub fn all(record: &Record) -> Vec<Target> {
    let by_call = ratio(record, RCU_BY_CALL, BY_CALL, MADE);
    let faster = by_call.map(|figure| (figure.median, format!("the speed of {RCU_BY_CALL}")));

    vec![
        at_most("read, inlined", 1.0, against(record, INLINE, RCU, MADE)),
        at_most(
            "read, inlined, beside all that protect one object",
            0.7,
            others_of_the_kind(record),
        ),
        at_least("read, by call", 4.0, faster),
        at_most("wait, beside a busy reader", 0.6, against(record, INLINE, RCU, BUSY)),
        at_most("wait, beside sleepers", 0.7, asleep(record)),
        oversubscribed(record),
        retiring_apart(record),
        at_least("retire, alone", 0.9, retiring(record)),
        at_least("a read, beside one that retires", 0.9, disturbed(record)),
        target(
            "objects a membarrier, beside a reader",
            "≥ 1,000".to_string(),
            objects(record, SHARED, |objects| objects >= 1000.0),
        ),
        target(
            "pending beside a stalled reader",
            "≤ 3,000".to_string(),
            objects(record, PENDING_STALLED, |objects| objects <= 3000.0),
        ),
    ]
}
