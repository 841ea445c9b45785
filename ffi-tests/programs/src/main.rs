// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random programs of hazptr calls over several threads, against a reference model.
//!
//! | module | one idea |
//! |---|---|
//! | [`program`] | what a program is |
//! | [`generate`] | random ones, and how they shrink |
//! | [`text`] | one call a line, to print and to read |
//! | [`model`] | what each call has to do |
//! | [`plan`], [`deed`] | who does what, and when |
//! | [`stage`] | the threads, and whose turn it is |
//! | [`calls`] | the library's calls, each checked |
//! | [`handler`], [`child`], [`cpus`] | where a call is made |
//! | [`performer`] | the process that performs programs |
//! | [`driver`] | that process, seen from outside |
//! | [`search`] | from many programs to the least that fails |
//! | [`breakage`] | wrong calls, that have to be found |
//! | [`counts`], [`options`], [`ffi`] | what they say |

mod breakage;
mod calls;
mod child;
mod counts;
mod cpus;
mod deed;
mod driver;
mod ffi;
mod generate;
mod handler;
mod model;
mod options;
mod performer;
mod plan;
mod program;
mod search;
mod stage;
mod text;

use options::Work;
use std::process::ExitCode;

/// It could not be tried.
const UNABLE: u8 = 2;

fn main() -> ExitCode {
    let options = match options::parse() {
        Ok(options) => options,
        Err(error) => {
            eprintln!("programs: {error}\nTry 'programs --help'.");
            return ExitCode::from(UNABLE);
        }
    };
    let settings = options.settings;
    let result = match options.work {
        Work::Help => {
            print!("{}", options::help());
            return ExitCode::SUCCESS;
        }
        Work::Perform => performer::main(settings),
        Work::Random { seed } => search::random(options.count, seed, settings),
        Work::Replay(files) => search::replay(&files, options.count, settings),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("programs: {error}");
            ExitCode::from(UNABLE)
        }
    }
}
