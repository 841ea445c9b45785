// SPDX-License-Identifier: MIT OR Apache-2.0
//! The workers: which there are, and how they are asked. ../../PROTOCOL.md is what they understand.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::iter::once;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::interrupt;
use crate::plan::{FLOORS, OURS};
use crate::record::{Absent, Subject};

/// How long after the asked time an answer may come.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was measured.
#[derive(Clone, Deserialize)]
pub struct Figures {
    pub ns: f64,
    /// By their names in the answer.
    #[serde(flatten)]
    pub more: BTreeMap<String, f64>,
}

pub enum Answer {
    Found(Figures),
    /// What the worker said instead.
    Refused(String),
    Interrupted,
}

/// Everything that can be measured.
#[derive(Default)]
pub struct Workers {
    /// Each with the worker that has it.
    pub subjects: Vec<(Subject, PathBuf)>,
    pub absent: Vec<Absent>,
}

impl Workers {
    /// Those in `directories`, and those beside this program; ours first.
    pub fn find(directories: &[PathBuf]) -> Result<Workers, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let own = own.parent().map(Path::to_path_buf).unwrap_or_default();
        let mut workers = Workers::default();

        for directory in directories.iter().chain(once(&own)) {
            workers.look_into(directory)?;
        }
        workers.subjects.sort_by_key(|(subject, _)| {
            let is_floor = FLOORS.contains(&subject.subject.as_str());

            if is_floor { 0 } else { 1 + u8::from(subject.library != OURS) }
        });
        Ok(workers)
    }

    fn look_into(&mut self, directory: &Path) -> Result<(), String> {
        let told = |error| format!("{}: {error}", directory.display());
        let mut programs = Vec::new();

        for entry in fs::read_dir(directory).map_err(told)? {
            let path = entry.map_err(told)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");

            if name.starts_with("peers-") && path.extension().is_none() && path.is_file() {
                programs.push(path);
            }
        }
        programs.sort();
        for program in programs {
            self.list(&program)?;
        }
        self.absent.extend(absent(&directory.join("workers")));
        Ok(())
    }

    fn list(&mut self, program: &Path) -> Result<(), String> {
        let told = |error: String| format!("{} list: {error}", program.display());
        let output = Command::new(program).arg("list").output().map_err(|e| told(e.to_string()))?;

        if !output.status.success() {
            return Err(told(String::from_utf8_lossy(&output.stderr).trim().to_string()));
        }
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let subject: Subject = serde_json::from_str(line).map_err(|e| told(e.to_string()))?;

            if self.subjects.iter().any(|(other, _)| other.subject == subject.subject) {
                return Err(told(format!("{} is in another worker, too", subject.subject)));
            }
            self.subjects.push((subject, program.to_path_buf()));
        }
        Ok(())
    }
}

/// From lines like `peers-ck absent: install libck-dev`.
fn absent(list: &Path) -> Vec<Absent> {
    let text = fs::read_to_string(list).unwrap_or_default();
    let line = |line: &str| {
        let (worker, why) = line.split_once(" absent: ")?;

        Some(Absent { worker: worker.to_string(), why: why.to_string() })
    };

    text.lines().filter_map(line).collect()
}

/// One measurement.
pub fn ask(program: &Path, subject: &str, measure: &str, keys: &[&str], ms: u64) -> Answer {
    let child = Command::new(program)
        .args(["run", subject, measure])
        .args(keys)
        .arg(format!("ms={ms}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();

    match child {
        Ok(child) => listen(child, Duration::from_millis(ms) + PATIENCE),
        Err(error) => Answer::Refused(format!("{}: {error}", program.display())),
    }
}

fn listen(mut child: Child, limit: Duration) -> Answer {
    let deadline = Instant::now() + limit;
    let ended = wait_for_end(&child, deadline);

    if !ended {
        // It may just have ended by itself.
        let _ = child.kill();
    }
    let (mut out, mut err) = (String::new(), String::new());
    if let Some(mut pipe) = child.stdout.take() {
        let _ = pipe.read_to_string(&mut out);
    }
    if let Some(mut pipe) = child.stderr.take() {
        let _ = pipe.read_to_string(&mut err);
    }
    let status = child.wait();

    if interrupt::seen() {
        Answer::Interrupted
    } else if !ended {
        Answer::Refused(format!("no end within {} s", limit.as_secs()))
    } else if let (Some(figures), Ok(true)) = (parse(&out), status.map(|s| s.success())) {
        Answer::Found(figures)
    } else {
        Answer::Refused(err.lines().last().unwrap_or("it crashed").to_string())
    }
}

/// Whether the child closed its output before the deadline, and before Ctrl-C.
fn wait_for_end(child: &Child, deadline: Instant) -> bool {
    let Some(pipe) = &child.stdout else { return true };

    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let mut poll = libc::pollfd { fd: pipe.as_raw_fd(), events: 0, revents: 0 };

        // SAFETY: one structure, as the count says. No events: the end of the other side only.
        let ready = unsafe { libc::poll(&mut poll, 1, left.as_millis() as i32) };

        if ready > 0 {
            return true;
        }
        if left.is_zero() || interrupt::seen() {
            return false;
        }
    }
}

fn parse(line: &str) -> Option<Figures> {
    let figures: Figures = serde_json::from_str(line).ok()?;

    (figures.ns.is_finite() && figures.ns > 0.0).then_some(figures)
}
