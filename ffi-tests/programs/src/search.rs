// SPDX-License-Identifier: MIT OR Apache-2.0
//! From many programs to the least that fails, and what is said of it.

use crate::counts::{Count, Counts};
use crate::driver::{Driver, Settings};
use crate::generate;
use crate::plan::plan;
use crate::program::Program;
use proptest::test_runner::{
    Config, FailurePersistence, FileFailurePersistence, RngSeed, TestCaseError, TestError,
    TestRunner,
};
use std::cell::RefCell;
use std::collections::HashMap;
use std::env;
use std::fs;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Seeds that have failed, tried before all others.
const FAILED_BEFORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/seeds.txt");

/// How often a smaller program is tried, on one CPU and on all, before it counts as one that passes.
const TRIES: usize = 16;

/// Between two lines of progress.
const PROGRESS: Duration = Duration::from_millis(200);

struct Search {
    driver: Driver,
    settings: Settings,
    mode: String,
    performed: u64,
    counts: Counts,
    most_lines: u64,
    /// A program has failed: from now on smaller ones are tried.
    shrinking: bool,
    /// What was wrong with those that failed.
    failed: HashMap<Program, String>,
    started: Instant,
    shown: Instant,
}

impl Search {
    fn start(settings: Settings) -> Result<Self, String> {
        let (driver, mode) = Driver::start(settings)?;
        if let Ok(expected) = env::var("HAZPTR_EXPECT") {
            if expected != mode {
                return Err(format!("mode: {expected} expected, the library says {mode}"));
            }
        }
        Ok(Self {
            driver,
            settings,
            mode,
            performed: 0,
            counts: Counts::NONE,
            most_lines: 0,
            shrinking: false,
            failed: HashMap::new(),
            started: Instant::now(),
            shown: Instant::now(),
        })
    }

    fn perform_once(&mut self, program: &Program) -> Result<(), String> {
        let answer = self.driver.perform(program)?;
        if !self.shrinking {
            self.performed += 1;
            self.counts.add_all(&answer.counts);
            self.most_lines = self.most_lines.max(answer.lines);
            self.show_progress();
        }
        Ok(())
    }

    fn perform(&mut self, program: &Program) -> Result<(), String> {
        if self.shrinking {
            return self.perform_smaller(program);
        }
        let outcome = self.perform_once(program);
        if let Err(wrong) = &outcome {
            self.shrinking = true;
            self.failed.insert(program.clone(), wrong.clone());
            eprintln!("programs: program {} failed, looking for the least", self.performed + 1);
        }
        outcome
    }

    /// A program has failed if it fails once. Which threads share a CPU is no part of it, but may
    /// be what it takes.
    fn perform_smaller(&mut self, program: &Program) -> Result<(), String> {
        if let Some(wrong) = self.failed.get(program) {
            return Err(wrong.clone());
        }
        let patience = self.settings.patience / 10;
        let outcome = [true, false].iter().try_for_each(|&one_cpu| {
            self.driver.restart(Settings { patience, one_cpu, ..self.settings });
            (0..TRIES).try_for_each(|_| self.perform_once(program))
        });
        if let Err(wrong) = &outcome {
            self.failed.insert(program.clone(), wrong.clone());
        }
        outcome
    }

    /// Leaves out every step that the failure can do without. proptest has done so before it made
    /// the steps simpler, when some were needed that are not any more.
    fn drop_needless(&mut self, mut program: Program, mut wrong: String) -> (Program, String) {
        let mut step = program.0.len();
        while step > 0 {
            step -= 1;
            let mut smaller = program.clone();
            smaller.0.remove(step);
            if let Err(now) = self.perform_smaller(&smaller) {
                (program, wrong) = (smaller, now);
                step = program.0.len();
            }
        }
        (program, wrong)
    }

    fn show_progress(&mut self) {
        if self.shown.elapsed() > PROGRESS && io::stderr().is_terminal() {
            self.shown = Instant::now();
            eprint!("\r{} programs", self.performed);
        }
    }

    fn print_failed(&self, program: &Program, wrong: &str) {
        // What is skipped is not shown: the steps are numbered without.
        let program = plan(program).program;
        println!("FAILED, {wrong}");
        println!("least failing program, {} steps:", program.0.len());
        program.to_string().lines().for_each(|line| println!("    {line}"));
        println!("(It begins with cell[i] = &object[i], and in the end all is released.)");
    }

    fn report(&self, about: &str) {
        if io::stderr().is_terminal() {
            eprint!("\r");
        }
        let seconds = self.started.elapsed().as_secs_f64();
        println!(
            "programs: {} performed, mode {}, {about}, {seconds:.1} s, {:.0} a second",
            self.performed,
            self.mode,
            self.performed as f64 / seconds
        );
        print!("{}", self.counts.table());
        println!("{:<46} {:>12}", "most lines in use", self.most_lines);
        let waits = self.counts.get(Count::SynchronizeBlocked);
        if self.counts.get(Count::LateWakes) * 10 > waits && waits > 0 {
            println!("More than one wait in ten ended late: are wake-ups lost?");
        }
    }
}

fn config(count: u32, seed: u64, settings: Settings) -> Config {
    let persistence: Option<Box<dyn FailurePersistence>> = match settings.broken {
        None => Some(Box::new(FileFailurePersistence::Direct(FAILED_BEFORE))),
        Some(_) => None,
    };
    Config {
        cases: count,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: persistence,
        max_shrink_iters: 10_000,
        max_shrink_time: 0,
        ..Config::default()
    }
}

/// A seed that nobody asked for.
fn any_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_nanos() as u64 % 1_000_000_000
}

/// Performs so many random programs. Whether all did what they had to.
pub fn random(count: u32, seed: Option<u64>, settings: Settings) -> Result<bool, String> {
    let seed = seed.unwrap_or_else(any_seed);
    let search = RefCell::new(Search::start(settings)?);
    let mut runner = TestRunner::new(config(count, seed, settings));
    let result = runner.run(&generate::program(), |program| {
        search.borrow_mut().perform(&program).map_err(TestCaseError::fail)
    });
    let mut search = search.into_inner();
    search.report(&format!("seed {seed}"));
    match result {
        Ok(()) => Ok(true),
        Err(TestError::Fail(wrong, program)) => {
            let (program, wrong) = search.drop_needless(program, wrong.message().into());
            search.print_failed(&program, &wrong);
            Ok(false)
        }
        Err(TestError::Abort(wrong)) => Err(wrong.message().into()),
    }
}

/// Performs the programs in these files so many times each. Whether all did what they had to.
pub fn replay(files: &[PathBuf], count: u32, settings: Settings) -> Result<bool, String> {
    let mut search = Search::start(settings)?;
    for file in files {
        let name = file.display();
        let text = fs::read_to_string(file).map_err(|error| format!("{name}: {error}"))?;
        let program: Program = text.parse().map_err(|wrong| format!("{name}: {wrong}"))?;
        for _ in 0..count {
            if let Err(wrong) = search.perform_once(&program) {
                println!("{name}:");
                search.print_failed(&program, &wrong);
                return Ok(false);
            }
        }
    }
    search.report(&format!("{} files", files.len()));
    Ok(true)
}
