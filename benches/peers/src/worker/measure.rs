// SPDX-License-Identifier: MIT OR Apache-2.0
//! The clock of the measurements; the same as ../measure.h, which says why.

use std::time::{Duration, Instant};

const BATCH: Duration = Duration::from_micros(100);
const MOST_BATCHES: usize = 4096;

/// Nanoseconds per operation; `run(n)` runs the operation n times.
pub fn measure(span: Duration, mut run: impl FnMut(u64)) -> f64 {
    let start = Instant::now();
    let mut batches = Vec::with_capacity(MOST_BATCHES);
    let mut length = 1;

    // The first quarter of the time finds the batch's length and warms everything up.
    while start.elapsed() < span / 4 {
        let before = Instant::now();
        run(length);
        if before.elapsed() < BATCH {
            length *= 2;
        }
    }
    loop {
        let before = Instant::now();
        run(length);
        batches.push(before.elapsed().as_nanos() as f64 / length as f64);
        if start.elapsed() >= span || batches.len() == MOST_BATCHES {
            return median(&mut batches);
        }
    }
}

fn median(values: &mut [f64]) -> f64 {
    let middle = values.len() / 2;

    values.sort_by(f64::total_cmp);
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}
