// SPDX-License-Identifier: MIT OR Apache-2.0
//! From a program to what each thread does and when: the model is asked about step after step.

use crate::counts::{Count, Counts};
use crate::deed::{Deed, MAIN, Threads, restated};
use crate::model::Model;
use crate::program::{Op, Program, Step, THREADS};
use std::mem;

/// One deed of one thread.
pub struct Action {
    /// The step that it belongs to; one past the last is the end, where all is released.
    pub step: usize,
    pub actor: usize,
    pub deed: Deed,
    /// Waiters that must not have returned before this begins.
    pub blocked: Threads,
    /// Waiters that must return when this is done.
    pub returning: Threads,
    /// It has to wake a waiter that sleeps.
    pub wakes: bool,
}

pub struct Plan {
    /// The program without what is not allowed in it, and with whom did it instead of who waits.
    pub program: Program,
    pub actions: Vec<Action>,
    pub counts: Counts,
}

struct Planner {
    model: Model,
    plan: Plan,
}

impl Planner {
    fn act(&mut self, actor: usize, deed: Deed, blocked: Threads) {
        let step = self.plan.program.0.len();
        let returning = self.model.return_waiters(&mut self.plan.counts);
        let wakes = mem::take(&mut self.model.wakes);
        self.plan.actions.push(Action { step, actor, deed, blocked, returning, wakes });
    }

    /// One step. `None`: not allowed here.
    fn step(&mut self, step: &Step) -> Option<()> {
        let (model, counts) = (&mut self.model, &mut self.plan.counts);
        let blocked = model.blocked();
        let mut op = step.op.clone();
        // Who waits takes no steps; another does. But handlers interrupt it.
        let actor = model.somebody(usize::from(step.thread));
        let thread = match op {
            Op::InHandler(_) => usize::from(step.thread),
            _ => actor,
        };
        let deed = match &mut op {
            Op::UntilAsleep => {
                if blocked == 0 {
                    return None;
                }
                counts.add(Count::UntilAsleep, 1);
                Deed::UntilAsleep { alone: model.fall_asleep() }
            }
            Op::RunOn(cpu) => {
                counts.add(Count::Moves, 1);
                model.moved[thread] = cpu.is_some();
                Deed::RunOn(*cpu)
            }
            Op::EndThread => {
                counts.add(Count::ThreadsEnded, 1);
                model.moved[thread] = false;
                Deed::EndThread
            }
            Op::Fork(ops) => {
                let (allowed, deeds) = model.fork(ops, thread, counts);
                *ops = allowed;
                Deed::Fork(deeds)
            }
            op => match model.wait(op, thread, counts) {
                Some(deed) => deed,
                None => model.simple(op, thread, counts)?,
            },
        };
        op = restated(&op, &deed);
        let ends = matches!(deed, Deed::EndThread);
        self.act(actor, deed, blocked);
        if ends {
            self.act(MAIN, Deed::Replace(thread), blocked);
        }
        self.plan.program.0.push(Step { thread: thread as u8, op });
        Some(())
    }

    fn end(&mut self) {
        let actor = self.model.somebody(0);
        for op in self.model.end() {
            let blocked = self.model.blocked();
            let mut counts = Counts::NONE;
            let deed = self.model.simple(&op, actor, &mut counts).expect("all is released");
            self.act(actor, deed, blocked);
        }
        for thread in (0..THREADS).filter(|thread| self.model.moved[*thread]) {
            self.plan.actions.push(Action {
                step: self.plan.program.0.len(),
                actor: thread,
                deed: Deed::RunOn(None),
                blocked: 0,
                returning: 0,
                wakes: false,
            });
        }
    }
}

/// Works a program out.
pub fn plan(program: &Program) -> Plan {
    let mut planner = Planner {
        model: Model::new(),
        plan: Plan { program: Program(Vec::new()), actions: Vec::new(), counts: Counts::NONE },
    };
    for step in &program.0 {
        let taken = planner.step(step).is_some();
        planner.plan.counts.add(if taken { Count::Steps } else { Count::Skipped }, 1);
    }
    planner.end();
    planner.plan
}
