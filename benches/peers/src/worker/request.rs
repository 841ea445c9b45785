// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be asked for, checked.

use std::time::Duration;

use crate::object::OBJECTS;

/// Beyond that many threads this is no measurement.
const MOST_THREADS: usize = 1024;

#[derive(Clone, Copy, PartialEq)]
pub enum Beside {
    Siblings(usize),
    Busy,
    Holding,
}

/// Who is beside the thread that retires.
#[derive(Clone, Copy, PartialEq)]
pub enum Companion {
    None,
    /// Of the object that is replaced.
    Reader,
    /// The reader of another object.
    Bystander,
    Stalled,
}

#[derive(Clone, Copy)]
pub enum Measure {
    Made { threads: usize },
    Held { threads: usize },
    Wait(Beside),
    Oversubscribed { threads: usize },
    Retire(Companion),
}

pub struct Request {
    pub measure: Measure,
    pub span: Duration,
}

/// The keys that were given.
#[derive(Default)]
struct Keys {
    ms: Option<usize>,
    threads: Option<usize>,
    hazards: Option<usize>,
    siblings: Option<usize>,
    busy: Option<usize>,
    holding: Option<usize>,
    reader: Option<usize>,
    bystander: Option<usize>,
    stalled: Option<usize>,
}

impl Keys {
    fn set(&mut self, word: &str) -> Result<(), String> {
        let (key, value) =
            word.split_once('=').ok_or_else(|| format!("{word}: write it as KEY=VALUE"))?;
        let number =
            value.parse().map_err(|_| format!("{word}: give a number, zero or greater"))?;
        let (place, least, most) = match key {
            "ms" => (&mut self.ms, 1, 60_000),
            "threads" => (&mut self.threads, 1, MOST_THREADS),
            "hazards" => (&mut self.hazards, OBJECTS, OBJECTS),
            "siblings" => (&mut self.siblings, 0, MOST_THREADS),
            "busy" => (&mut self.busy, 1, 1),
            "holding" => (&mut self.holding, 1, 1),
            "reader" => (&mut self.reader, 1, 1),
            "bystander" => (&mut self.bystander, 1, 1),
            "stalled" => (&mut self.stalled, 1, 1),
            _ => return Err(format!("{key}: there is no such key")),
        };

        if !(least..=most).contains(&number) {
            return Err(format!("{word}: give a number from {least} to {most}"));
        }
        *place = Some(number);
        Ok(())
    }

    fn beside(&mut self) -> Result<Beside, String> {
        match (self.siblings.take(), self.busy.take(), self.holding.take()) {
            (Some(count), None, None) => Ok(Beside::Siblings(count)),
            (None, Some(_), None) => Ok(Beside::Busy),
            (None, None, Some(_)) => Ok(Beside::Holding),
            _ => Err("wait: give one of siblings=N, busy=1, holding=1".to_string()),
        }
    }

    fn companion(&mut self) -> Result<Companion, String> {
        match (self.reader.take(), self.bystander.take(), self.stalled.take()) {
            (None, None, None) => Ok(Companion::None),
            (Some(_), None, None) => Ok(Companion::Reader),
            (None, Some(_), None) => Ok(Companion::Bystander),
            (None, None, Some(_)) => Ok(Companion::Stalled),
            _ => Err("retire: one of reader=1, bystander=1, stalled=1, or none".to_string()),
        }
    }

    /// After the measure has taken what it knows.
    fn none_left(&self) -> Result<(), String> {
        let left = [
            self.threads,
            self.hazards,
            self.siblings,
            self.busy,
            self.holding,
            self.reader,
            self.bystander,
            self.stalled,
        ];

        if left.iter().any(Option::is_some) {
            return Err("a key does not belong to this measure; see PROTOCOL.md".to_string());
        }
        Ok(())
    }
}

/// One or two.
fn readers(threads: Option<usize>) -> Result<usize, String> {
    match threads.unwrap_or(1) {
        threads @ 1..=2 => Ok(threads),
        threads => Err(format!("threads={threads}: the read measures take 1 or 2")),
    }
}

pub fn parse(measure: &str, words: &[String]) -> Result<Request, String> {
    let mut keys = Keys::default();

    for word in words {
        keys.set(word)?;
    }
    let measure = match measure {
        "read-made" => Measure::Made { threads: readers(keys.threads.take())? },
        "read-held" => Measure::Held { threads: readers(keys.threads.take())? },
        "wait" => Measure::Wait(keys.beside()?),
        "oversubscribed" => {
            keys.hazards.take();
            Measure::Oversubscribed { threads: keys.threads.take().unwrap_or(2) }
        }
        "retire" => Measure::Retire(keys.companion()?),
        _ => return Err(format!("{measure}: there is no such measure")),
    };
    keys.none_left()?;
    Ok(Request { measure, span: Duration::from_millis(keys.ms.unwrap_or(100) as u64) })
}
