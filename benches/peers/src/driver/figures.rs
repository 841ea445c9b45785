// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the rounds of a record say. Ratios and differences are taken within a round first.

use crate::plan::FLOOR;
use crate::record::Record;

/// The middle of the rounds, and the quartiles around it.
#[derive(Clone, Copy)]
pub struct Figure {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Figure {
    fn of(mut values: Vec<f64>) -> Option<Figure> {
        values.sort_by(f64::total_cmp);
        Some(Figure {
            low: quantile(&values, 0.25)?,
            median: quantile(&values, 0.5)?,
            high: quantile(&values, 0.75)?,
        })
    }

    /// Half of what lies between the quartiles.
    pub fn spread(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    let place = part * (sorted.len().checked_sub(1)?) as f64;
    let below = sorted[place as usize];
    let above = *sorted.get(place as usize + 1).unwrap_or(&below);

    Some(below + (above - below) * place.fract())
}

fn both(
    record: &Record,
    one: (&str, &str),
    other: (&str, &str),
    how: fn(f64, f64) -> f64,
) -> Option<Figure> {
    let one = record.values(one.0, one.1)?;
    let other = record.values(other.0, other.1)?;

    Figure::of(one.iter().zip(other).filter_map(|(a, b)| Some(how((*a)?, (*b)?))).collect())
}

/// Nanoseconds, or what the key says.
pub fn value(record: &Record, subject: &str, key: &str) -> Option<Figure> {
    Figure::of(record.values(subject, key)?.iter().copied().flatten().collect())
}

/// How many times what `other` takes.
pub fn ratio(record: &Record, subject: &str, other: &str, key: &str) -> Option<Figure> {
    both(record, (subject, key), (other, key), |a, b| a / b)
}

/// Nanoseconds more than the loop without protection.
pub fn above_floor(record: &Record, subject: &str, key: &str) -> Option<Figure> {
    both(record, (subject, key), (FLOOR, key), |a, b| a - b)
}

/// How much more than another figure of the same subject.
pub fn above(record: &Record, subject: &str, key: &str, other: &str) -> Option<Figure> {
    both(record, (subject, key), (subject, other), |a, b| a - b)
}

/// How many times another figure of the same subject.
pub fn times(record: &Record, subject: &str, key: &str, other: &str) -> Option<Figure> {
    both(record, (subject, key), (subject, other), |a, b| a / b)
}
