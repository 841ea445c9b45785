// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the library is to reach beside its peers, and whether it did in this run.

use crate::figures::{above_floor, ratio};
use crate::plan::{ASLEEP, BUSY, BY_CALL, FEW, INLINE, MADE, MANY, OURS, RCU, RCU_BY_CALL};
use crate::record::Record;

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

fn target(what: &str, limit: String, found: Found, met: impl Fn(f64) -> bool) -> Target {
    let (found, verdict) = match found {
        Some((ratio, who)) => {
            let verdict = if met(ratio) { Verdict::Met } else { Verdict::Missed };
            (format!("{ratio:.2} × {who}"), verdict)
        }
        None => ("not measured".to_string(), Verdict::Unknown),
    };

    Target { what: what.to_string(), limit, found, verdict }
}

fn at_most(what: &str, limit: f64, found: Found) -> Target {
    target(what, format!("≤ {limit} ×"), found, |ratio| ratio <= limit)
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
        target("read, by call", "≥ 4 ×".to_string(), faster, |ratio| ratio >= 4.0),
        at_most("wait, beside a busy reader", 0.6, against(record, INLINE, RCU, BUSY)),
        at_most("wait, beside sleepers", 0.7, asleep(record)),
        oversubscribed(record),
    ]
}
