// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures Rust's libraries for the driver; ../../PROTOCOL.md says how the two talk.

mod loops;
mod measure;
mod object;
mod reclaimed;
mod request;
mod subject;
mod subjects;
mod threads;

use std::process::ExitCode;

use crate::request::Request;
use crate::subject::{About, Subject};

const USAGE: &str = "\
usage: peers-rust list
       peers-rust run SUBJECT MEASURE [KEY=VALUE...]   (see benches/peers/PROTOCOL.md)
";

type Run = fn(&Request) -> Result<f64, String>;

fn entry<S: Subject>() -> (About, Run) {
    (S::about(), loops::run::<S>)
}

fn subjects() -> Vec<(About, Run)> {
    vec![
        entry::<subjects::none::None>(),
        entry::<subjects::haphazard::Haphazard>(),
        entry::<subjects::crossbeam_epoch::CrossbeamEpoch>(),
        entry::<subjects::seize::Seize>(),
        #[cfg(feature = "kovan")]
        entry::<subjects::kovan::Kovan>(),
        entry::<subjects::arc_swap::ArcSwapped>(),
        entry::<subjects::std_locks::StdRwLock>(),
        entry::<subjects::std_locks::StdMutex>(),
    ]
}

/// What to run, or what is wrong with the arguments.
fn choose(subject: &str, measure: &str, keys: &[String]) -> Result<(Run, Request), String> {
    let (about, run) = subjects()
        .into_iter()
        .find(|(about, _)| about.subject == subject)
        .ok_or_else(|| format!("{subject}: there is no such subject; `peers-rust list`"))?;
    let request = request::parse(measure, keys)?;

    if !about.measures.contains(&measure) {
        return Err(format!("{subject} has no {measure}; `peers-rust list`"));
    }
    Ok((run, request))
}

fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("peers-rust: {message}");
    ExitCode::from(code)
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();

    match &words[..] {
        [word] if word == "list" => {
            for (about, _) in subjects() {
                println!("{}", serde_json::to_string(&about).expect("plain data"));
            }
            ExitCode::SUCCESS
        }
        [word] if word == "--help" => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        [word, subject, measure, keys @ ..] if word == "run" => {
            match choose(subject, measure, keys) {
                Err(message) => fail(2, &message),
                Ok((run, request)) => match run(&request) {
                    Err(message) => fail(1, &message),
                    Ok(ns) => {
                        println!("{{\"ns\": {ns:.4}}}");
                        ExitCode::SUCCESS
                    }
                },
            }
        }
        _ => {
            eprint!("{USAGE}");
            ExitCode::from(2)
        }
    }
}
