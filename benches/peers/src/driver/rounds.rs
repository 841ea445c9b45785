// SPDX-License-Identifier: MIT OR Apache-2.0
//! The run: in each round every subject answers every question once, in shuffled order, so that
//! whatever changes on the machine meanwhile changes for all of them.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stderr};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::args::Options;
use crate::interrupt;
use crate::machine::{self, Usage};
use crate::plan::{self, Question};
use crate::record::{Machine, Record, Run, Series};
use crate::workers::{Answer, Figures, Workers, ask};

/// More do not say more.
const MOST_ROUNDS: usize = 15;

/// What starting a process and its threads takes, for the guess at the start.
const OVERHEAD_MS: u64 = 20;

/// What took so much longer than it should is not asked again.
const SLOW: Duration = Duration::from_secs(1);

/// A busier machine than that disturbs.
const QUIET_LOAD: f64 = 0.3;

struct Task<'a> {
    worker: &'a Path,
    question: &'static Question,
    series: usize,
}

struct Plan<'a> {
    tasks: Vec<Task<'a>>,
    series: Vec<Series>,
    milliseconds: u64,
    /// Rounds, if that was said, or the time that they may take.
    rounds: usize,
    budget: Option<Duration>,
}

impl<'a> Plan<'a> {
    fn new(workers: &'a Workers, options: &Options) -> Plan<'a> {
        let mut plan = Plan {
            tasks: Vec::new(),
            series: Vec::new(),
            milliseconds: if options.quick { 20 } else { 50 },
            rounds: options.rounds.unwrap_or(MOST_ROUNDS),
            budget: None,
        };

        if options.rounds.is_none() {
            plan.budget = Some(Duration::from_secs(if options.quick { 85 } else { 530 }));
        }
        for question in plan::questions() {
            for (subject, worker) in &workers.subjects {
                if !subject.measures.iter().any(|measure| measure == question.measure) {
                    continue;
                }
                plan.tasks.push(Task { worker, question, series: plan.series.len() });
                plan.series.push(Series {
                    subject: subject.subject.clone(),
                    key: question.key.to_string(),
                    ns: Vec::new(),
                    more: BTreeMap::new(),
                    reason: String::new(),
                });
            }
        }
        plan
    }

    fn round_guess(&self) -> Duration {
        let ms = |task: &Task| self.milliseconds * task.question.times + OVERHEAD_MS;

        Duration::from_millis(self.tasks.iter().map(ms).sum())
    }

    /// What the user wants to know before.
    fn announce(&self, subjects: usize, load: f64) {
        let round = self.round_guess();
        let mut all = round * self.rounds as u32;

        if let Some(budget) = self.budget {
            all = all.min(budget);
        }
        eprintln!(
            "bench-peers: {} measurements of {subjects} subjects, about {} s a round; {} in all",
            self.tasks.len(),
            round.as_secs().max(1),
            minutes(all)
        );
        if load > QUIET_LOAD {
            eprintln!("bench-peers: the load average is {load}: let nothing else run");
        }
    }

    /// Each question by itself, so that those who are compared are asked about the same time.
    fn shuffled(&self) -> Vec<&Task<'a>> {
        let mut groups: Vec<Vec<&Task>> = Vec::new();

        for task in &self.tasks {
            match groups.last_mut() {
                Some(group) if group[0].question.key == task.question.key => group.push(task),
                _ => groups.push(vec![task]),
            }
        }
        fastrand::shuffle(&mut groups);
        for group in &mut groups {
            fastrand::shuffle(group);
        }
        groups.concat()
    }
}

fn minutes(time: Duration) -> String {
    format!("{} min {:02} s", time.as_secs() / 60, time.as_secs() % 60)
}

/// To five digits: more would be noise, and a large file.
fn rounded(ns: f64) -> f64 {
    format!("{ns:.4e}").parse().unwrap_or(ns)
}

/// What is shown while it runs, if anybody looks on.
fn progress(text: &str) {
    if stderr().is_terminal() {
        eprint!("\r\x1b[K{text}");
    }
}

/// None, if it was not asked in this round.
type Answers = Vec<Option<Result<Figures, String>>>;

/// Answers of a round, by series. None if it was interrupted.
fn one_round(plan: &Plan, round: usize, slow: &mut [bool]) -> Option<Answers> {
    let name = format!("round {} of {} at most", round + 1, plan.rounds);
    let mut answers = vec![None; plan.series.len()];

    for (done, task) in plan.shuffled().into_iter().enumerate() {
        let series = &plan.series[task.series];
        let question = task.question;
        let before = Instant::now();

        if round >= question.rounds {
            continue;
        }
        if slow[task.series] {
            answers[task.series] = Some(Err("slow: asked once".to_string()));
            continue;
        }
        let percent = 100 * done / plan.tasks.len();
        progress(&format!("{name}, {percent} %: {}, {}", series.subject, question.key));
        let ms = plan.milliseconds * question.times;
        match ask(task.worker, &series.subject, question.measure, question.keys, ms) {
            Answer::Found(figures) => answers[task.series] = Some(Ok(figures)),
            Answer::Refused(why) => answers[task.series] = Some(Err(why)),
            Answer::Interrupted => return None,
        }
        slow[task.series] = before.elapsed() > SLOW + Duration::from_millis(ms);
    }
    Some(answers)
}

fn take(plan: &mut Plan, answers: Answers) {
    for (series, answer) in plan.series.iter_mut().zip(answers) {
        match answer {
            Some(Ok(figures)) => {
                let more = figures.more.into_iter().map(|(name, figure)| (name, rounded(figure)));

                series.push(Some(rounded(figures.ns)), more.collect());
            }
            Some(Err(why)) => {
                series.push(None, BTreeMap::new());
                if series.reason.is_empty() {
                    series.reason = why;
                }
            }
            None => series.push(None, BTreeMap::new()),
        }
    }
}

fn all_rounds(plan: &mut Plan, run: &mut Run) {
    let start = Instant::now();
    let mut slow = vec![false; plan.series.len()];

    while run.rounds < plan.rounds && !interrupt::seen() {
        let before = Usage::now();
        let begin = Instant::now();
        let Some(answers) = one_round(plan, run.rounds, &mut slow) else { break };
        let strangers = Usage::now().strangers_since(before);

        take(plan, answers);
        run.rounds += 1;
        run.others.push(strangers.others);
        run.stolen.push(strangers.stolen);
        if !stderr().is_terminal() {
            eprintln!("bench-peers: round {}: {} s", run.rounds, begin.elapsed().as_secs());
        }
        if plan.budget.is_some_and(|budget| start.elapsed() + begin.elapsed() > budget) {
            break;
        }
    }
    progress("");
}

/// The whole run. There may be no round in it, if it was interrupted early.
pub fn run(workers: &Workers, options: &Options) -> Record {
    let machine: Machine = machine::describe();
    let mut plan = Plan::new(workers, options);
    let mut run = Run {
        date: machine::date(),
        command: options.command(),
        milliseconds: plan.milliseconds,
        rounds: 0,
        interrupted: false,
        others: Vec::new(),
        stolen: Vec::new(),
    };

    plan.announce(workers.subjects.len(), machine.load_average);
    all_rounds(&mut plan, &mut run);
    run.interrupted = interrupt::seen();
    Record {
        machine,
        run,
        subjects: workers.subjects.iter().map(|(subject, _)| subject.clone()).collect(),
        absent: workers.absent.clone(),
        series: plan.series,
    }
}
