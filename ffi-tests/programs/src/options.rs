// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line.

use crate::breakage::{self, Breakage};
use crate::driver::Settings;
use lexopt::prelude::*;
use std::path::PathBuf;
use std::time::Duration;

pub const USAGE: &str = "\
usage: programs [--count N] [--seed S] [--patience SECONDS] [--break WHAT]
       programs --replay FILE... [--count N] [--patience SECONDS] [--break WHAT]

Performs random programs of hazptr calls over several threads and compares what
they do with a model. The least program that fails is printed. Seeds that have
failed before are in proptest-regressions/ and are tried first.

  --count N           programs, or with --replay times each (1000)
  --seed S            the same programs again, a number (any)
  --patience SECONDS  a call that must return and does not for so long has
                      failed (20); a tenth of it while shrinking
  --replay FILE...    perform programs out of files, as they were printed
  --break WHAT        replace a call by a wrong one, which has to be found:
";

const AFTER: &str = "\
  --help              this

Environment: HAZPTR_MODE, HAZPTR_MAX_LINES as for every program that uses hazptr.
Exit status: 0 if all went as in the model, 1 if not, 2 if it could not be tried.
";

pub enum Work {
    Help,
    /// Be the process that performs (performer.rs).
    Perform,
    Random {
        seed: Option<u64>,
    },
    Replay(Vec<PathBuf>),
}

pub struct Options {
    pub work: Work,
    pub count: u32,
    pub settings: Settings,
}

pub fn help() -> String {
    let breakages = breakage::ALL.map(|(_, name, what)| format!("      {name:<16}{what}\n"));
    format!("{USAGE}{}{AFTER}", breakages.concat())
}

fn breakage(name: &str) -> Result<Breakage, lexopt::Error> {
    let find = breakage::ALL.iter().find(|(_, known, _)| *known == name);
    Ok(find
        .map(|(broken, ..)| *broken)
        .ok_or(format!("--break: see --help for what, not {name}"))?)
}

fn patience(seconds: f64) -> Result<Duration, lexopt::Error> {
    if seconds.is_finite() && (0.01..=3600.0).contains(&seconds) {
        return Ok(Duration::from_secs_f64(seconds));
    }
    Err("--patience: from 0.01 to 3600 seconds".into())
}

pub fn parse() -> Result<Options, lexopt::Error> {
    let mut options = Options {
        work: Work::Random { seed: None },
        count: 1000,
        settings: Settings { broken: None, patience: Duration::from_secs(20), one_cpu: false },
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("count") => options.count = parser.value()?.parse()?,
            Long("seed") => options.work = Work::Random { seed: Some(parser.value()?.parse()?) },
            Long("patience") => options.settings.patience = patience(parser.value()?.parse()?)?,
            Long("break") => options.settings.broken = Some(breakage(&parser.value()?.string()?)?),
            Long("replay") => {
                options.work = Work::Replay(parser.values()?.map(PathBuf::from).collect());
            }
            // These two are what the driver starts a process with.
            Long("one-cpu") => options.settings.one_cpu = true,
            Long("perform") => options.work = Work::Perform,
            Long("help") | Short('h') => options.work = Work::Help,
            other => return Err(other.unexpected()),
        }
    }
    Ok(options)
}
