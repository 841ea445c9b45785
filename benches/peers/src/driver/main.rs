// SPDX-License-Identifier: MIT OR Apache-2.0
//! bench-peers: hazptr measured beside other ways to protect a read.
//!
//! | module | one idea |
//! |---|---|
//! | [`args`] | the command line |
//! | [`plan`] | what is asked of each subject |
//! | [`workers`] | the programs that measure |
//! | [`rounds`] | the run |
//! | [`machine`] | the machine, and what disturbs |
//! | [`interrupt`] | Ctrl-C |
//! | [`record`] | the raw data, and their file |
//! | [`figures`] | medians and ratios |
//! | [`targets`] | what is to be reached |
//! | [`report`] | Markdown |
//! | [`retiring`] | the same, about retirement |
//! | [`plot`] | SVG |

mod args;
mod figures;
mod interrupt;
mod machine;
mod plan;
mod plot;
mod record;
mod report;
mod retiring;
mod rounds;
mod targets;
mod workers;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::args::{Options, USAGE};
use crate::record::Record;
use crate::targets::Verdict;
use crate::workers::Workers;

const FAILED: u8 = 1;
const WRONG_ARGUMENTS: u8 = 2;
const INTERRUPTED: u8 = 130;

struct Failure(u8, String);

impl From<String> for Failure {
    fn from(message: String) -> Failure {
        Failure(FAILED, message)
    }
}

fn choose(workers: &mut Workers, only: &[String]) -> Result<(), Failure> {
    if workers.subjects.is_empty() {
        return Err("there are no workers; `make bench-peers` builds them".to_string().into());
    }
    let known = |name: &str| workers.subjects.iter().any(|(subject, _)| subject.subject == name);

    if let Some(name) = only.iter().find(|name| !known(name)) {
        let message = format!("--only {name}: there is no such subject; see --list");
        return Err(Failure(WRONG_ARGUMENTS, message));
    }
    let wanted = |name: &str| plan::ALWAYS.contains(&name) || only.iter().any(|o| o == name);

    if !only.is_empty() {
        workers.subjects.retain(|(subject, _)| wanted(&subject.subject));
    }
    Ok(())
}

fn list(workers: &Workers) {
    for (subject, _) in &workers.subjects {
        let library = format!("{} {}", subject.library, subject.version);

        println!("{}: {}", subject.subject, library.trim());
    }
    for absent in &workers.absent {
        println!("absent: {} ({})", absent.worker, absent.why);
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn publish(record: &Record, options: &Options) -> Result<(), String> {
    if let Some(file) = &options.json {
        write(file, &record.to_json())?;
    }
    let Some(directory) = &options.out else {
        print!("{}", report::markdown(record, false));
        return Ok(());
    };

    fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    write(&directory.join("README.md"), &report::markdown(record, true))?;
    write(&directory.join("peers.json"), &record.to_json())?;
    for (file, svg) in plot::all(record)? {
        write(&directory.join(file), &svg)?;
    }
    print!("{}", report::target_table(record));
    eprintln!("bench-peers: the report is {}", directory.join("README.md").display());
    Ok(())
}

fn obtain(options: &Options) -> Result<Option<Record>, Failure> {
    if let Some(file) = &options.from {
        return Ok(Some(Record::load(file)?));
    }
    let mut workers = Workers::find(&options.workers)?;

    choose(&mut workers, &options.only)?;
    if options.list {
        list(&workers);
        return Ok(None);
    }
    for absent in &workers.absent {
        eprintln!("bench-peers: absent: {} ({})", absent.worker, absent.why);
    }
    interrupt::catch();
    Ok(Some(rounds::run(&workers, options)))
}

fn run() -> Result<u8, Failure> {
    let options = Options::parse().map_err(|message| {
        Failure(WRONG_ARGUMENTS, format!("{message}; see bench-peers --help"))
    })?;

    if options.help {
        print!("{USAGE}");
        return Ok(0);
    }
    let Some(record) = obtain(&options)? else { return Ok(0) };
    let interrupted = options.from.is_none() && record.run.interrupted;

    if record.run.rounds == 0 {
        let code = if interrupted { INTERRUPTED } else { FAILED };
        return Err(Failure(code, "no round was complete: nothing to report".to_string()));
    }
    publish(&record, &options)?;
    if report::is_disturbed(&record) {
        eprintln!("bench-peers: something else ran meanwhile: the report is marked as disturbed");
    }
    let missed = targets::all(&record).iter().any(|target| target.verdict == Verdict::Missed);

    Ok(if interrupted { INTERRUPTED } else { u8::from(options.check && missed) })
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(code),
        Err(Failure(code, message)) => {
            eprintln!("bench-peers: {message}");
            ExitCode::from(code)
        }
    }
}
