// SPDX-License-Identifier: MIT OR Apache-2.0
//! Readers that never wait for the thread that replaces what they read.
//!
//!     cargo run --release -p libhazptr-rust --example config

use hazptr::{Atomic, HazardPointer};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// What is replaced as a whole: no reader may see half of one and half of another.
struct Config {
    version: u64,
    backends: Vec<String>,
}

impl Config {
    fn new(version: u64) -> Self {
        let backends = (0..4).map(|i| format!("backend-{i}.{version}")).collect();
        Self { version, backends }
    }

    fn is_whole(&self) -> bool {
        let suffix = format!(".{}", self.version);
        self.backends.iter().all(|backend| backend.ends_with(&suffix))
    }
}

fn main() {
    const VERSIONS: u64 = 10_000;
    let current = Atomic::new(Config::new(0));
    let stop = AtomicBool::new(false);
    let reads: u64 = thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    // Kept, so that each read is a store and two loads.
                    let mut hazard = HazardPointer::new();
                    let mut reads = 0;
                    while !stop.load(Ordering::Relaxed) {
                        let config = hazard.protect(&current).expect("never taken out");
                        assert!(config.is_whole());
                        reads += 1;
                    }
                    reads
                })
            })
            .collect();
        for version in 1..=VERSIONS {
            // The old one is dropped when its last reader is through.
            current.store(Config::new(version));
        }
        stop.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().expect("no reader fails")).sum()
    });
    let last = current.load().expect("never taken out");
    println!("{reads} reads while version {} came about, none of them torn", last.version);
}
