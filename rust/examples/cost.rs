// SPDX-License-Identifier: MIT OR Apache-2.0
//! What ffi-tests/cplusplus/cost.sh counts the instructions of: `cost kept|pair TIMES`.

use hazptr::{Atomic, HazardPointer};
use std::hint::black_box;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next();
    let times: u64 = arguments.next().and_then(|times| times.parse().ok()).expect("TIMES");
    let source = Atomic::new(1);
    match what.as_deref() {
        Some("kept") => {
            let mut hazard = HazardPointer::new();
            for _ in 0..times {
                black_box(hazard.protect(black_box(&source)).map(|field| *field));
            }
        }
        Some("pair") => {
            for _ in 0..times {
                black_box(black_box(&source).load().map(|field| *field));
            }
        }
        _ => panic!("kept or pair"),
    }
}
