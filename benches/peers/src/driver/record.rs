// SPDX-License-Identifier: MIT OR Apache-2.0
//! The raw data of a run: all that a report is made from, and its file.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What a worker tells of a subject; see ../../PROTOCOL.md.
#[derive(Clone, Serialize, Deserialize)]
pub struct Subject {
    pub subject: String,
    pub library: String,
    pub version: String,
    pub language: String,
    pub protects: String,
    pub by_call: bool,
    #[serde(default)]
    pub compiler: String,
    pub measures: Vec<String>,
    #[serde(default)]
    pub note: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Absent {
    pub worker: String,
    pub why: String,
}

#[derive(Serialize, Deserialize)]
pub struct Machine {
    pub cpu: String,
    /// That this run could use.
    pub cpus: usize,
    pub kernel: String,
    pub libc: String,
    pub load_average: f64,
}

#[derive(Serialize, Deserialize)]
pub struct Run {
    pub date: String,
    pub command: String,
    pub milliseconds: u64,
    pub rounds: usize,
    pub interrupted: bool,
    /// Shares of the machine's CPU time, for each round.
    pub others: Vec<f64>,
    pub stolen: Vec<f64>,
}

/// One subject's answers to one question.
#[derive(Serialize, Deserialize)]
pub struct Series {
    pub subject: String,
    pub key: String,
    /// Nanoseconds in each round; in which there may be none.
    pub ns: Vec<Option<f64>>,
    /// The same of what else the answers say, by its name there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, Vec<Option<f64>>>,
    /// What a worker said that gave no answer, or why it was not asked again.
    #[serde(default)]
    pub reason: String,
}

impl Series {
    /// One round more.
    pub fn push(&mut self, ns: Option<f64>, more: BTreeMap<String, f64>) {
        let before = self.ns.len();

        self.ns.push(ns);
        for (name, figure) in more {
            let values = self.more.entry(name).or_default();

            values.resize(before, None);
            values.push(Some(figure));
        }
        for values in self.more.values_mut() {
            values.resize(before + 1, None);
        }
    }
}

#[derive(Serialize, Deserialize)]
pub struct Record {
    pub machine: Machine,
    pub run: Run,
    pub subjects: Vec<Subject>,
    pub absent: Vec<Absent>,
    pub series: Vec<Series>,
}

impl Record {
    pub fn load(path: &Path) -> Result<Record, String> {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;

        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
    }

    /// A line for each thing, so that a difference between two runs can be read.
    pub fn to_json(&self) -> String {
        let mut text = String::from("{\n");

        let _ = writeln!(text, "\"machine\": {},", json(&self.machine));
        let _ = writeln!(text, "\"run\": {},", json(&self.run));
        let _ = writeln!(text, "\"subjects\": [\n{}\n],", lines(&self.subjects));
        let _ = writeln!(text, "\"absent\": [\n{}\n],", lines(&self.absent));
        let _ = writeln!(text, "\"series\": [\n{}\n]\n}}", lines(&self.series));
        text
    }

    /// By round. A key is a question's; what else there is than `ns` is named after a dot.
    pub fn values(&self, subject: &str, key: &str) -> Option<&Vec<Option<f64>>> {
        let (question, more) = key.split_once('.').unwrap_or((key, "ns"));
        let series = self.series.iter().find(|s| s.subject == subject && s.key == question)?;

        if more == "ns" { Some(&series.ns) } else { series.more.get(more) }
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data")
}

fn lines<T: Serialize>(values: &[T]) -> String {
    values.iter().map(json).collect::<Vec<_>>().join(",\n")
}
