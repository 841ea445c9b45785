// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line.

use std::path::PathBuf;

use lexopt::prelude::*;

/// In a file, so that the script can print it before anything is built.
pub const USAGE: &str = include_str!("usage.txt");

#[derive(Default)]
pub struct Options {
    pub quick: bool,
    pub rounds: Option<usize>,
    pub only: Vec<String>,
    pub out: Option<PathBuf>,
    pub json: Option<PathBuf>,
    pub from: Option<PathBuf>,
    pub check: bool,
    pub workers: Vec<PathBuf>,
    pub list: bool,
    pub help: bool,
}

impl Options {
    pub fn parse() -> Result<Options, String> {
        let mut options = Options::default();

        options.read().map_err(|error| error.to_string())?;
        if options.from.is_some() && (options.quick || options.rounds.is_some()) {
            return Err("--from makes no run: leave --quick and --rounds out".to_string());
        }
        Ok(options)
    }

    fn read(&mut self) -> Result<(), lexopt::Error> {
        let mut parser = lexopt::Parser::from_env();

        while let Some(argument) = parser.next()? {
            match argument {
                Long("quick") => self.quick = true,
                Long("rounds") => self.rounds = Some(rounds(&parser.value()?.string()?)?),
                Long("only") => {
                    for value in parser.values()? {
                        self.only.push(value.string()?);
                    }
                }
                Long("out") => self.out = Some(parser.value()?.into()),
                Long("json") => self.json = Some(parser.value()?.into()),
                Long("from") => self.from = Some(parser.value()?.into()),
                Long("check") => self.check = true,
                Long("workers") => self.workers.push(parser.value()?.into()),
                Long("list") => self.list = true,
                Short('h') | Long("help") => self.help = true,
                _ => return Err(argument.unexpected()),
            }
        }
        Ok(())
    }

    /// What somebody types to get the same run.
    pub fn command(&self) -> String {
        let mut words = Vec::new();

        if self.quick {
            words.push("--quick".to_string());
        }
        if let Some(rounds) = self.rounds {
            words.push(format!("--rounds {rounds}"));
        }
        if !self.only.is_empty() {
            words.push(format!("--only {}", self.only.join(" ")));
        }
        if words.is_empty() {
            "make bench-peers".to_string()
        } else {
            format!("make bench-peers PEERS=\"{}\"", words.join(" "))
        }
    }
}

fn rounds(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(rounds @ 1..=99) => Ok(rounds),
        _ => Err(format!("--rounds {text}: give a number from 1 to 99")),
    }
}
