// SPDX-License-Identifier: MIT OR Apache-2.0
//! The part of the report that is about retirement.

use crate::figures::{Figure, above, times, value};
use crate::plan::{
    ALLOCATOR, BYSTANDER, PENDING, PENDING_STALLED, RETIRE, RETIRE_CPU, RETIRE_READER,
    RETIRE_STALLED, SHARED, UNDISTURBED,
};
use crate::record::Record;
use crate::report::{count, duration, name, table, three_digits, with_spread};

type Cell = fn(&Record, &str) -> Option<String>;

const ALONE: &[(&str, Cell)] = &[
    ("an operation", |record, subject| time(value(record, subject, RETIRE))),
    ("CPU time", |record, subject| time(value(record, subject, RETIRE_CPU))),
    ("of that, not the allocator's", |record, subject| {
        Some(duration(above(record, subject, RETIRE_CPU, ALLOCATOR)?.median))
    }),
    ("pending", |record, subject| pending(record, subject, RETIRE, PENDING)),
    ("memory", |record, subject| memory(value(record, subject, "retire.kib"))),
    ("objects a barrier", |record, subject| {
        Some(count(value(record, subject, "retire.per_barrier")?.median))
    }),
];

const BESIDE_READER: &[(&str, Cell)] = &[
    ("an operation", |record, subject| time(value(record, subject, RETIRE_READER))),
    ("CPU time", |record, subject| time(value(record, subject, "retire-reader.cpu_ns"))),
    ("pending", |record, subject| pending(record, subject, RETIRE_READER, "retire-reader.pending")),
    ("memory", |record, subject| memory(value(record, subject, "retire-reader.kib"))),
    ("objects a barrier", |record, subject| Some(count(value(record, subject, SHARED)?.median))),
    ("a read", |record, subject| time(value(record, subject, "retire-reader.reader_ns"))),
    ("a read of another", |record, subject| time(value(record, subject, BYSTANDER))),
    ("undisturbed", |record, subject| time(value(record, subject, UNDISTURBED))),
    ("its speed", |record, subject| {
        Some(format!("{} ×", three_digits(times(record, subject, UNDISTURBED, BYSTANDER)?.median)))
    }),
];

const BESIDE_STALLED: &[(&str, Cell)] = &[
    ("an operation", |record, subject| time(value(record, subject, RETIRE_STALLED))),
    ("CPU time", |record, subject| time(value(record, subject, "retire-stalled.cpu_ns"))),
    ("pending", |record, subject| pending(record, subject, RETIRE_STALLED, PENDING_STALLED)),
    ("memory", |record, subject| memory(value(record, subject, "retire-stalled.kib"))),
];

fn time(figure: Option<Figure>) -> Option<String> {
    figure.map(with_spread)
}

/// And whether the thread that retires was stopped because of it.
fn pending(record: &Record, subject: &str, question: &str, key: &str) -> Option<String> {
    let most = count(value(record, subject, key)?.median);
    let stopped = value(record, subject, &format!("{question}.stopped")).is_some();

    Some(if stopped { format!("{most}, stopped") } else { most })
}

fn memory(kib: Option<Figure>) -> Option<String> {
    Some(match kib?.median {
        kib @ ..999.5 => format!("{kib:.0} KiB"),
        kib => format!("{:.1} MiB", kib / 1024.0),
    })
}

fn columns(record: &Record, columns: &[(&str, Cell)]) -> String {
    let mut titles = vec!["subject"];
    let mut rows = Vec::new();

    titles.extend(columns.iter().map(|column| column.0));
    for subject in &record.subjects {
        let cells = columns.iter().map(|column| column.1(record, &subject.subject));
        let cells: Vec<_> = cells.collect();

        if cells.iter().any(Option::is_some) {
            let cells = cells.into_iter().map(Option::unwrap_or_default);

            rows.push([name(subject)].into_iter().chain(cells).collect());
        }
    }
    table(&titles, &rows)
}

/// `plot` makes a line for a plot, or nothing.
pub fn section(record: &Record, plot: impl Fn(&str, &str) -> String) -> String {
    let mut text = String::from("## Retiring\n\n");

    text += "One thread replaces an object of 64 bytes by a new one and retires the old one, again \
             and again: the\ntime of an operation in that thread, and the CPU time of the process, \
             with the library's own threads,\nand without what the same allocations take when the \
             old object is freed at once. Pending: the most\nobjects that were retired and not \
             freed; stopped: two millions were. Memory: how far it rose.\n\n";
    text += &plot("retire.svg", "Cost of a retirement");
    text += &columns(record, ALONE);
    text += "\nBeside a thread that reads the object all the time on another CPU, and the CPU time \
             of its reads. They\nmiss the cache whenever the object is replaced, so for what \
             retiring takes from a reader, one of\nanother object: its reads, the same undisturbed, \
             while nobody retires, and its speed beside that.\n\n";
    text += &columns(record, BESIDE_READER);
    text += "\nBeside a thread that protects an object and sleeps for the whole time:\n\n";
    text += &plot("pending.svg", "Objects pending beside a stalled reader");
    text += &columns(record, BESIDE_STALLED);
    text.push('\n');
    text
}
