// SPDX-License-Identifier: MIT OR Apache-2.0
//! The process that performs programs, as it sees itself: it reads them on standard input, each
//! ended by an empty line, and answers each with one line. It ends with its first failure, or when
//! there are no more programs.

use crate::driver::Settings;
use crate::plan::plan;
use crate::program::Program;
use crate::stage::{Company, Failure};
use crate::{breakage, calls, cpus, ffi};
use std::ffi::{CStr, c_char, c_uint};
use std::io::{self, BufRead, Write};
use std::process;

/// Its first line: the library's mode.
pub const READY: &str = "ready";
/// A program's answer: the most lines so far, and the counts.
pub const OK: &str = "ok";
/// Or what was wrong, and where.
pub const FAILED: &str = "failed";

fn read_program(input: &mut impl BufRead) -> Option<Result<Program, String>> {
    let mut text = String::new();
    while input.read_line(&mut text).ok()? > 0 {
        if text.ends_with("\n\n") || text == "\n" {
            return Some(text.parse());
        }
    }
    None
}

fn perform(company: &mut Company, program: Result<Program, String>) -> Result<String, String> {
    let plan = plan(&program.map_err(|wrong| format!("{FAILED} {wrong}"))?);
    let steps = plan.program.0.len();
    match company.perform(plan) {
        Ok(counts) => Ok(format!("{OK} {} {}", calls::most_lines(), counts.to_line())),
        Err(Failure { step, wrong }) if step < steps => {
            Err(format!("{FAILED} at step {}: {wrong}", step + 1))
        }
        Err(Failure { wrong, .. }) => Err(format!("{FAILED} at the end: {wrong}")),
    }
}

/// In debug mode: programs do what they may, but should not; and nothing else that is reported.
unsafe extern "C" fn on_report(kind: c_uint, report: *const c_char) {
    let may = [ffi::HAZPTR_DEBUG_NOT_HELD, ffi::HAZPTR_DEBUG_FORKED, ffi::HAZPTR_DEBUG_SELF_WAIT];
    if !may.contains(&kind) {
        // SAFETY: the library's text, during the call.
        eprintln!("{}", unsafe { CStr::from_ptr(report) }.to_string_lossy());
        process::abort();
    }
}

pub fn main(settings: Settings) -> ! {
    if let Some(broken) = settings.broken {
        breakage::set(broken);
    }
    // SAFETY: a function that may be called with any report.
    unsafe { ffi::hazptr_set_debug_handler(Some(on_report)) };
    if settings.one_cpu {
        cpus::forget_all_but_one();
    }
    let mut company = Company::new(settings.patience);
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut answer = format!("{READY} {}", calls::mode_name());
    loop {
        if writeln!(output, "{answer}").and_then(|()| output.flush()).is_err() {
            process::exit(1);
        }
        let Some(program) = read_program(&mut input) else { process::exit(0) };
        answer = match perform(&mut company, program) {
            Ok(answer) => answer,
            Err(answer) => {
                let _ = writeln!(output, "{answer}");
                process::exit(1);
            }
        };
    }
}
