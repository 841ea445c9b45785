// SPDX-License-Identifier: MIT OR Apache-2.0
//! Programs as people read them, one call a line, and back.
//!
//! The same text goes to the process that runs the program, and into the files for --replay.

use crate::program::{CELLS, CONTEXTS, Call, OBJECTS, Op, Pointer, Program, Step, THREADS};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

struct Address(Pointer);

impl Display for Address {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(object) => write!(f, "&object[{object}]"),
            None => write!(f, "NULL"),
        }
    }
}

/// One call, or a loop of them over some contexts.
fn over(
    f: &mut Formatter<'_>,
    first: u8,
    count: u8,
    call: impl Fn(&mut Formatter<'_>, &dyn Display) -> fmt::Result,
) -> fmt::Result {
    if count == 1 {
        return call(f, &first);
    }
    write!(f, "for (i = {first}; i < {}; i++) ", usize::from(first) + usize::from(count))?;
    call(f, &"i")
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Call::Acquire { first, count, cell } => {
                over(f, first, count, |f, i| write!(f, "hazptr_acquire(&ctx[{i}], &cell[{cell}]);"))
            }
            Call::Release { first, count, with_addr: true } => {
                over(f, first, count, |f, i| write!(f, "hazptr_release(&ctx[{i}], addr[{i}]);"))
            }
            Call::Release { first, count, with_addr: false } => {
                over(f, first, count, |f, i| write!(f, "hazptr_release(&ctx[{i}], NULL);"))
            }
            Call::Detach { ctx: Some(ctx) } => write!(f, "hazptr_detach(&ctx[{ctx}]);"),
            Call::Detach { ctx: None } => write!(f, "hazptr_detach(NULL);"),
            Call::Synchronize { addr } => write!(f, "hazptr_synchronize({});", Address(addr)),
            Call::NoteContextSwitch => write!(f, "hazptr_note_context_switch();"),
            Call::Init => write!(f, "hazptr_init();"),
            Call::Mode => write!(f, "hazptr_mode();"),
            Call::Version => write!(f, "hazptr_version();"),
            Call::Stats { size } => write!(f, "hazptr_stats(&stats, {size});"),
        }
    }
}

impl Op {
    /// The lines of an operation of `who`.
    fn write(&self, f: &mut Formatter<'_>, who: &dyn Display) -> fmt::Result {
        match self {
            Op::Store { cell, addr } => writeln!(f, "{who}: cell[{cell}] = {};", Address(*addr)),
            Op::Call(call) => writeln!(f, "{who}: {call}"),
            Op::InHandler(call) => writeln!(f, "{who}, in a handler: {call}"),
            Op::UntilAsleep => writeln!(f, "{who}: until_waiters_sleep();"),
            Op::RunOn(Some(cpu)) => writeln!(f, "{who}: run_on({cpu});"),
            Op::RunOn(None) => writeln!(f, "{who}: run_anywhere();"),
            Op::EndThread => writeln!(f, "{who}: end_thread();"),
            Op::Fork(ops) => {
                writeln!(f, "{who}: fork();")?;
                ops.iter().try_for_each(|op| op.write(f, &"    child"))
            }
        }
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.op.write(f, &format_args!("T{}", self.thread))
    }
}

impl Display for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|step| step.fmt(f))
    }
}

/// On one line: proptest writes it behind a seed.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

fn number(word: &str, limit: usize) -> Option<u8> {
    word.parse().ok().filter(|n| usize::from(*n) < limit)
}

fn contexts(first: &str, end: &str) -> Option<(u8, u8)> {
    let first = number(first, CONTEXTS)?;
    let count = number(end, CONTEXTS + 1)?.checked_sub(first)?;
    (count > 0).then_some((first, count))
}

fn call(words: &[&str]) -> Option<Call> {
    let ctx = |word| number(word, CONTEXTS);
    Some(match *words {
        ["for", "i", first, "i", end, "i", ref call @ ..] => {
            let (first, count) = contexts(first, end)?;
            match *call {
                ["hazptr_acquire", "ctx", "i", "cell", cell] => {
                    Call::Acquire { first, count, cell: number(cell, CELLS)? }
                }
                ["hazptr_release", "ctx", "i", "addr", "i"] => {
                    Call::Release { first, count, with_addr: true }
                }
                ["hazptr_release", "ctx", "i", "NULL"] => {
                    Call::Release { first, count, with_addr: false }
                }
                _ => return None,
            }
        }
        ["hazptr_acquire", "ctx", i, "cell", cell] => {
            Call::Acquire { first: ctx(i)?, count: 1, cell: number(cell, CELLS)? }
        }
        ["hazptr_release", "ctx", i, "addr", j] if i == j => {
            Call::Release { first: ctx(i)?, count: 1, with_addr: true }
        }
        ["hazptr_release", "ctx", i, "NULL"] => {
            Call::Release { first: ctx(i)?, count: 1, with_addr: false }
        }
        ["hazptr_detach", "ctx", i] => Call::Detach { ctx: Some(ctx(i)?) },
        ["hazptr_detach", "NULL"] => Call::Detach { ctx: None },
        ["hazptr_synchronize", "object", n] => {
            Call::Synchronize { addr: Some(number(n, OBJECTS)?) }
        }
        ["hazptr_synchronize", "NULL"] => Call::Synchronize { addr: None },
        ["hazptr_note_context_switch"] => Call::NoteContextSwitch,
        ["hazptr_init"] => Call::Init,
        ["hazptr_mode"] => Call::Mode,
        ["hazptr_version"] => Call::Version,
        ["hazptr_stats", "stats", size] => Call::Stats { size: size.parse().ok()? },
        _ => return None,
    })
}

fn op(words: &[&str]) -> Option<Op> {
    Some(match *words {
        ["cell", cell, "object", n] => {
            Op::Store { cell: number(cell, CELLS)?, addr: Some(number(n, OBJECTS)?) }
        }
        ["cell", cell, "NULL"] => Op::Store { cell: number(cell, CELLS)?, addr: None },
        ["in", "a", "handler", ref words @ ..] => Op::InHandler(call(words)?),
        ["until_waiters_sleep"] => Op::UntilAsleep,
        ["run_on", cpu] => Op::RunOn(Some(cpu.parse().ok()?)),
        ["run_anywhere"] => Op::RunOn(None),
        ["end_thread"] => Op::EndThread,
        ["fork"] => Op::Fork(Vec::new()),
        _ => Op::Call(call(words)?),
    })
}

/// Adds what a line says to a program. `None`: it says nothing that belongs there.
fn add(program: &mut Vec<Step>, line: &str) -> Option<()> {
    let words: Vec<&str> = line
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .collect();
    let (&who, words) = words.split_first()?;
    let op = op(words)?;
    if who == "child" {
        match &mut program.last_mut()?.op {
            Op::Fork(ops) => ops.push(op),
            _ => return None,
        }
    } else {
        program.push(Step { thread: number(who.strip_prefix('T')?, THREADS)?, op });
    }
    Some(())
}

impl FromStr for Program {
    type Err = String;

    /// Empty lines, and those that begin with `//`, are passed over.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut program = Vec::new();
        for line in text.lines() {
            if !line.trim().is_empty() && !line.starts_with("//") {
                add(&mut program, line).ok_or_else(|| format!("not a step: {line}"))?;
            }
        }
        Ok(Self(program))
    }
}
