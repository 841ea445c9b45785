// SPDX-License-Identifier: MIT OR Apache-2.0
//! What was done how often.

use std::fmt::Write;

macro_rules! counts {
    ($($count:ident $name:literal,)*) => {
        /// What is counted.
        #[derive(Clone, Copy)]
        pub enum Count {
            $($count,)*
        }

        const NAMES: &[&str] = &[$($name,)*];
    };
}

counts! {
    Steps "steps",
    Skipped "steps skipped, not allowed where they stood",
    Stores "pointers stored",
    Acquire "hazptr_acquire",
    AcquireNull "  of NULL",
    AcquireInHandler "  in a handler",
    Release "hazptr_release",
    ReleaseElsewhere "  on another thread than the acquire",
    ReleaseInHandler "  in a handler",
    ReleaseAgain "  of a context that held nothing",
    ReleaseInherited "  of an inherited context, in a child",
    Detach "hazptr_detach",
    SynchronizeAtOnce "hazptr_synchronize, nobody holds",
    SynchronizeBlocked "hazptr_synchronize, blocks",
    Delayed "  and may be delayed by later hazards",
    SynchronizeNull "hazptr_synchronize of NULL",
    NoteContextSwitch "hazptr_note_context_switch",
    Init "hazptr_init",
    Mode "hazptr_mode",
    Version "hazptr_version",
    Stats "hazptr_stats",
    Handlers "handlers",
    HandlersOfWaiters "  that interrupted a waiter",
    UntilAsleep "waiters seen to sleep",
    Moves "threads moved among CPUs",
    ThreadsEnded "threads ended and replaced",
    Forks "forks",
    InChildren "calls in children",
    LateWakes "waits that ended more than 90 ms late",
}

/// One number for each [`Count`].
#[derive(Clone)]
pub struct Counts([u64; NAMES.len()]);

impl Counts {
    pub const NONE: Self = Self([0; NAMES.len()]);

    pub fn add(&mut self, count: Count, n: u64) {
        self.0[count as usize] += n;
    }

    pub fn get(&self, count: Count) -> u64 {
        self.0[count as usize]
    }

    pub fn add_all(&mut self, others: &Self) {
        self.0.iter_mut().zip(others.0).for_each(|(sum, n)| *sum += n);
    }

    /// As numbers on one line, for another process.
    pub fn to_line(&self) -> String {
        self.0.map(|n| n.to_string()).join(" ")
    }

    pub fn from_words<'a>(words: impl Iterator<Item = &'a str>) -> Option<Self> {
        let numbers: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        numbers.try_into().ok().map(Self)
    }

    /// For people, one count a line.
    pub fn table(&self) -> String {
        let mut table = String::new();
        for (name, n) in NAMES.iter().zip(self.0) {
            let _ = writeln!(table, "{name:<46} {n:>12}");
        }
        table
    }
}
