// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is asked of each subject in each round, and the subjects that others are compared with.

/// One figure.
pub struct Question {
    /// Its name in the raw data.
    pub key: &'static str,
    /// Its name above a column.
    pub title: &'static str,
    /// What the worker is told; see ../../PROTOCOL.md.
    pub measure: &'static str,
    pub keys: &'static [&'static str],
    /// How much longer than the others it is measured.
    pub times: u64,
    /// In so many rounds at most.
    pub rounds: usize,
}

const fn question(
    key: &'static str,
    title: &'static str,
    measure: &'static str,
    keys: &'static [&'static str],
) -> Question {
    Question { key, title, measure, keys, times: 1, rounds: usize::MAX }
}

pub const MADE: &str = "read-made-1";
pub const MADE_2: &str = "read-made-2";
pub const HELD: &str = "read-held-1";
pub const BUSY: &str = "wait-busy";
pub const HOLDING: &str = "wait-holding";
pub const FEW: &str = "oversubscribed-2";
pub const MANY: &str = "oversubscribed-64";
pub const RETIRE: &str = "retire";
pub const RETIRE_READER: &str = "retire-reader";
pub const RETIRE_BYSTANDER: &str = "retire-bystander";
pub const RETIRE_STALLED: &str = "retire-stalled";

/// What these also say.
pub const RETIRE_CPU: &str = "retire.cpu_ns";
pub const ALLOCATOR: &str = "retire.allocator_ns";
pub const SHARED: &str = "retire-reader.per_barrier";
pub const BYSTANDER: &str = "retire-bystander.reader_ns";
pub const UNDISTURBED: &str = "retire-bystander.undisturbed_ns";
pub const PENDING: &str = "retire.pending";
pub const PENDING_STALLED: &str = "retire-stalled.pending";

pub const READS: &[Question] = &[
    question(MADE, "1 thread", "read-made", &["threads=1"]),
    question(MADE_2, "2 threads", "read-made", &["threads=2"]),
    question(HELD, "kept, 1 thread", "read-held", &["threads=1"]),
    question("read-held-2", "kept, 2 threads", "read-held", &["threads=2"]),
];

pub const ASLEEP: &[Question] = &[
    question("wait-asleep-1", "1 asleep", "wait", &["siblings=1"]),
    question("wait-asleep-4", "4 asleep", "wait", &["siblings=4"]),
    question("wait-asleep-16", "16 asleep", "wait", &["siblings=16"]),
    question("wait-asleep-64", "64 asleep", "wait", &["siblings=64"]),
    question("wait-asleep-256", "256 asleep", "wait", &["siblings=256"]),
];

/// As many as ASLEEP has.
pub const SLEEPERS: [f64; 5] = [1.0, 4.0, 16.0, 64.0, 256.0];

pub const BESIDE: &[Question] = &[
    question(BUSY, "1 reading", "wait", &["busy=1"]),
    question(HOLDING, "1 holding another", "wait", &["holding=1"]),
];

/// What yielding costs is subtracted from these, so they have to be more exact.
pub const OVERSUBSCRIBED: &[Question] = &[
    Question {
        times: 2,
        ..question(FEW, "2 threads", "oversubscribed", &["threads=2", "hazards=4"])
    },
    Question {
        times: 2,
        ..question(MANY, "64 threads", "oversubscribed", &["threads=64", "hazards=4"])
    },
];

/// Each is made of several measurements. A stalled reader is there for two seconds, so that what
/// piles up has the time to.
pub const RETIRING: &[Question] = &[
    Question { times: 2, ..question(RETIRE, "alone", "retire", &[]) },
    Question { times: 2, ..question(RETIRE_READER, "1 reading", "retire", &["reader=1"]) },
    Question {
        times: 2,
        rounds: 7,
        ..question(RETIRE_BYSTANDER, "1 reading another", "retire", &["bystander=1"])
    },
    Question {
        times: 40,
        rounds: 3,
        ..question(RETIRE_STALLED, "1 stalled", "retire", &["stalled=1"])
    },
];

pub fn questions() -> impl Iterator<Item = &'static Question> {
    READS.iter().chain(ASLEEP).chain(BESIDE).chain(OVERSUBSCRIBED).chain(RETIRING)
}

/// Plain loads, and the same in the other language.
pub const FLOOR: &str = "none";
pub const FLOORS: [&str; 2] = [FLOOR, "none-rust"];
/// The two that ratios are formed against.
pub const INLINE: &str = "hazptr-inline";
pub const RCU: &str = "liburcu-memb-inlined";
/// The two that are called through a shared library.
pub const BY_CALL: &str = "hazptr";
pub const RCU_BY_CALL: &str = "liburcu-memb";
/// What all of our subjects have as their library.
pub const OURS: &str = "hazptr";

/// Those that are measured whatever --only says.
pub const ALWAYS: [&str; 5] = [FLOOR, INLINE, RCU, BY_CALL, RCU_BY_CALL];
