// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process that performs programs, as its parent sees it. After a failure there is a new one:
//! what a failure leaves behind must not disturb the shrinking. So a crash is a failure like any
//! other, too.

use crate::breakage::{self, Breakage};
use crate::counts::Counts;
use crate::performer::{FAILED, OK, READY};
use crate::program::Program;
use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A process under way.
struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    mode: String,
}

/// How a process is started.
#[derive(Clone, Copy)]
pub struct Settings {
    pub broken: Option<Breakage>,
    /// How long a call that must return may take.
    pub patience: Duration,
    /// Whether all its threads share one CPU, and with it one line of slots.
    pub one_cpu: bool,
}

impl Process {
    fn start(settings: Settings) -> Result<Self, String> {
        let mut command = Command::new(env::current_exe().map_err(|e| e.to_string())?);
        command.arg("--perform").arg("--patience").arg(settings.patience.as_secs_f64().to_string());
        if let Some(name) = settings.broken.and_then(breakage::name) {
            command.arg("--break").arg(name);
        }
        if settings.one_cpu {
            command.arg("--one-cpu");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let mut process = Self {
            child,
            input: input.expect("piped"),
            output: BufReader::new(output.expect("piped")),
            mode: String::new(),
        };
        let line = process.read_line();
        match line.strip_prefix(READY) {
            Some(mode) => process.mode = mode.trim().into(),
            None => return Err(process.end()),
        }
        Ok(process)
    }

    /// An empty line: it is dead, or dying.
    fn read_line(&mut self) -> String {
        let mut line = String::new();
        let _ = self.output.read_line(&mut line);
        line
    }

    /// How it ended.
    fn end(&mut self) -> String {
        match self.child.wait() {
            Ok(status) => format!("the process that performs died: {status}"),
            Err(error) => error.to_string(),
        }
    }

    fn send(&mut self, program: &Program) -> io::Result<()> {
        self.input.write_all(format!("{program}\n").as_bytes())
    }

    fn perform(&mut self, program: &Program) -> Result<Answer, String> {
        let line = self.send(program).map(|()| self.read_line()).unwrap_or_default();
        let mut words = line.split_whitespace();
        match words.next() {
            Some(OK) => {
                let lines = words.next().and_then(|word| word.parse().ok());
                lines
                    .zip(Counts::from_words(words))
                    .map(|(lines, counts)| Answer { lines, counts })
                    .ok_or_else(|| format!("not an answer: {line}"))
            }
            Some(FAILED) => Err(words.collect::<Vec<_>>().join(" ")),
            _ => Err(self.end()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Its children, if any, end with it or by their alarm.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What performing a program brought.
pub struct Answer {
    pub counts: Counts,
    /// The most lines that were in use in this process.
    pub lines: u64,
}

/// Performs programs, in a process that is new whenever the one before has failed.
pub struct Driver {
    settings: Settings,
    process: Option<Process>,
}

impl Driver {
    /// Starts a process. With the library's mode.
    pub fn start(settings: Settings) -> Result<(Self, String), String> {
        let process = Process::start(settings)?;
        let mode = process.mode.clone();
        Ok((Self { settings, process: Some(process) }, mode))
    }

    /// From now on with a new process.
    pub fn restart(&mut self, settings: Settings) {
        self.settings = settings;
        self.process = None;
    }

    pub fn perform(&mut self, program: &Program) -> Result<Answer, String> {
        let process = match &mut self.process {
            Some(process) => process,
            none => none.insert(Process::start(self.settings)?),
        };
        let answer = process.perform(program);
        if answer.is_err() {
            self.process = None;
        }
        answer
    }
}
