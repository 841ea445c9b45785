// SPDX-License-Identifier: MIT OR Apache-2.0
//! The report as Markdown.

use std::fmt::Write;

use crate::figures::{Figure, above_floor, ratio, value};
use crate::plan::{ASLEEP, BESIDE, FEW, INLINE, MANY, OURS, OVERSUBSCRIBED, Question, RCU, READS};
use crate::record::{Record, Subject};
use crate::retiring;
use crate::targets::{self, Verdict};

/// Shares of the CPU time from which on others disturb, as a mean over the run.
const DISTURBING: f64 = 0.02;

pub fn three_digits(value: f64) -> String {
    match value {
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// In the unit that is legible; none stands for nanoseconds.
pub fn duration(ns: f64) -> String {
    match ns {
        ..999.5 => three_digits(ns),
        ..999.5e3 => format!("{} µs", three_digits(ns / 1e3)),
        ..999.5e6 => format!("{} ms", three_digits(ns / 1e6)),
        _ => format!("{} s", three_digits(ns / 1e9)),
    }
}

/// A whole number, with commas.
pub fn count(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();

    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub fn with_spread(figure: Figure) -> String {
    let percent = 100.0 * figure.spread() / figure.median;

    format!("{} ± {percent:.0} %", duration(figure.median))
}

/// Ours stand out.
pub fn name(subject: &Subject) -> String {
    if subject.library == OURS {
        format!("**{}**", subject.subject)
    } else {
        subject.subject.clone()
    }
}

pub fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|---|", titles.join(" | "));

    text += &"--:|".repeat(titles.len() - 1);
    text.push('\n');
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// One row for each subject that has a figure, one column for each question.
fn figures(
    record: &Record,
    questions: &[&Question],
    cell: impl Fn(&Subject, &str) -> Option<String>,
) -> String {
    let mut titles = vec!["subject"];
    let mut rows = Vec::new();

    titles.extend(questions.iter().map(|question| question.title));
    for subject in &record.subjects {
        let cells: Vec<_> = questions.iter().map(|q| cell(subject, q.key)).collect();

        if cells.iter().all(Option::is_none) {
            continue;
        }
        let mut row = vec![name(subject)];
        row.extend(cells.into_iter().map(Option::unwrap_or_default));
        rows.push(row);
    }
    table(&titles, &rows)
}

fn folded(summary: &str, text: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{text}\n</details>\n\n")
}

/// The times, and how many times what the two take that others are compared with.
fn section(record: &Record, questions: &[&Question]) -> String {
    let times_of = |other: &'static str| {
        figures(record, questions, |subject, key| {
            Some(three_digits(ratio(record, &subject.subject, other, key)?.median))
        })
    };
    let mut text = figures(record, questions, |subject, key| {
        Some(with_spread(value(record, &subject.subject, key)?))
    });

    text.push('\n');
    for other in [RCU, INLINE] {
        text += &folded(&format!("The same as multiples of {other}"), &times_of(other));
    }
    text
}

fn oversubscribed(record: &Record) -> String {
    let mut rows = Vec::new();

    for subject in &record.subjects {
        let above = |key| above_floor(record, &subject.subject, key);
        let (Some(few), Some(many)) = (above(FEW), above(MANY)) else { continue };
        let with = |figure: Figure| format!("{:.1} ± {:.1}", figure.median, figure.spread());

        rows.push(vec![name(subject), with(few), with(many)]);
    }
    table(&["subject", OVERSUBSCRIBED[0].title, OVERSUBSCRIBED[1].title], &rows)
}

fn heading(record: &Record) -> String {
    let (machine, run) = (&record.machine, &record.run);
    let mut compilers: Vec<_> = record.subjects.iter().map(|s| s.compiler.as_str()).collect();
    let ours = record.subjects.iter().find(|subject| subject.library == OURS);
    let mut text = String::new();

    compilers.sort_unstable();
    compilers.dedup();
    let _ = writeln!(text, "- machine: {}, {} CPUs, {}", machine.cpu, machine.cpus, machine.kernel);
    let _ = writeln!(
        text,
        "- hazptr {}, {}, {}",
        ours.map_or("absent", |subject| &subject.version),
        machine.libc,
        compilers.join(", ")
    );
    let _ = writeln!(text, "- {}, by `{}`", run.date, run.command);
    let _ = writeln!(
        text,
        "- interleaved rounds: {}, of {} ms a figure{}: medians, ± half the distance of the quartiles;\n  \
         ratios are taken within a round; times without a unit are nanoseconds",
        run.rounds,
        run.milliseconds,
        if run.interrupted { ", the run was interrupted" } else { "" }
    );
    text + &disturbance(record)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

pub fn is_disturbed(record: &Record) -> bool {
    mean(&record.run.others) > DISTURBING || mean(&record.run.stolen) > DISTURBING
}

fn disturbance(record: &Record) -> String {
    let percent = |shares: &[f64]| 100.0 * mean(shares);
    let found = format!(
        "other programs had {:.1} % of the CPU time, other machines {:.1} %; load average before: {}",
        percent(&record.run.others),
        percent(&record.run.stolen),
        record.machine.load_average
    );

    if is_disturbed(record) {
        format!("- **disturbed**: {found}\n\n")
    } else {
        format!("- quiet: {found}\n\n")
    }
}

pub fn target_table(record: &Record) -> String {
    let mut rows = Vec::new();

    for target in targets::all(record) {
        let verdict = match target.verdict {
            Verdict::Met => "met",
            Verdict::Missed => "**missed**",
            Verdict::Unknown => "–",
        };

        rows.push(vec![target.what, target.limit, target.found, verdict.to_string()]);
    }
    table(&["target", "at", "found", "verdict"], &rows)
}

fn subjects(record: &Record) -> String {
    let mut text = String::from("| subject | library | protects | note |\n|---|---|---|---|\n");

    for subject in &record.subjects {
        let _ = writeln!(
            text,
            "| {} | {}, {}{} | {} | {} |",
            name(subject),
            format!("{} {}", subject.library, subject.version).trim(),
            subject.language,
            if subject.by_call { ", by call" } else { "" },
            subject.protects,
            subject.note
        );
    }
    text.push('\n');
    for absent in &record.absent {
        let _ = writeln!(text, "- absent: {} ({})", absent.worker, absent.why);
    }
    for series in record.series.iter().filter(|series| !series.reason.is_empty()) {
        let _ = writeln!(text, "- {}, {}: {}", series.subject, series.key, series.reason);
    }
    text
}

fn plot(file: &str, what: &str) -> String {
    format!("![{what}]({file})\n\n")
}

/// `plots`: whether the plots stand beside the report.
pub fn markdown(record: &Record, plots: bool) -> String {
    let reads: Vec<_> = READS.iter().collect();
    let waits: Vec<_> = ASLEEP.iter().chain(BESIDE).collect();
    let plot = |file: &str, what: &str| if plots { plot(file, what) } else { String::new() };
    let mut text = String::from("# hazptr beside other ways to protect a read\n\n");

    text += &heading(record);
    text += "Every figure here, and every plot, is made from [peers.json](peers.json).\n\n";
    text += "## Targets\n\n";
    text += &target_table(record);
    text += "\n## Reading\n\nBegin protection, load a pointer and a field, end protection; with \
             what can be kept made each\ntime, or kept. Two threads: the time in each of them.\n\n";
    text += &plot("read.svg", "Cost of a protected read");
    text += &section(record, &reads);
    text += "## Waiting\n\nReplace an object and wait until nobody can have the old one: beside \
             threads that sleep and\nprotect nothing; beside one that reads all the time; beside \
             one that holds another object, for a\nmillisecond at a time.\n\n";
    text += &plot("wait.svg", "Cost of a wait by the number of sleeping threads");
    text += &plot("blocked.svg", "Cost of a wait beside a reader");
    text += &section(record, &waits);
    text += "## More threads than CPUs\n\nEach thread protects four objects, yields, ends the \
             protection. CPU time for each protection,\nwithout what the same loop takes without \
             protection.\n\n";
    text += &plot("oversubscribed.svg", "Cost of a protection with more threads than CPUs");
    text += &oversubscribed(record);
    text.push('\n');
    text += &retiring::section(record, plot);
    text += "## Who took part\n\n";
    text += &subjects(record);
    text
}
