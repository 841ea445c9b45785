// SPDX-License-Identifier: MIT OR Apache-2.0
//! Measures Rust's libraries for the driver; ../../PROTOCOL.md says how the two talk.

mod answer;
mod loops;
mod measure;
mod object;
mod reclaimed;
mod request;
mod retire;
mod retired;
mod retirers;
mod subject;
mod subjects;
mod threads;

use std::process::ExitCode;

use crate::answer::Answer;
use crate::request::Request;
use crate::retire::Retires;
use crate::subject::{About, Subject};

const USAGE: &str = "\
usage: peers-rust list
       peers-rust run SUBJECT MEASURE [KEY=VALUE...]   (see benches/peers/PROTOCOL.md)
";

type Run = fn(&Request) -> Result<Answer, String>;

fn entry<S: Subject>() -> (About, Run) {
    (S::about(), loops::run::<S>)
}

fn retiring<S: Subject, R: Retires>() -> (About, Run) {
    (S::about().and_retires(R::NOTE), loops::run_or_retire::<S, R>)
}

fn subjects() -> Vec<(About, Run)> {
    vec![
        entry::<subjects::none::None>(),
        retiring::<subjects::haphazard::Haphazard, retirers::haphazard::Haphazard>(),
        retiring::<
            subjects::crossbeam_epoch::CrossbeamEpoch,
            retirers::crossbeam_epoch::CrossbeamEpoch,
        >(),
        retiring::<subjects::seize::Seize, retirers::seize::Seize>(),
        #[cfg(feature = "kovan")]
        retiring::<subjects::kovan::Kovan, retirers::kovan::Kovan>(),
        retiring::<subjects::arc_swap::ArcSwapped, retirers::arc_swap::ArcSwapped>(),
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
                    Ok(answer) => {
                        println!("{answer}");
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
