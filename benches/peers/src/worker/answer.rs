// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a measurement finds, as the driver wants to be told it.

use std::fmt;

/// Names and figures; nanoseconds per operation, `ns`, come first.
pub struct Answer(Vec<(&'static str, f64)>);

impl Answer {
    pub fn new(ns: f64) -> Answer {
        Answer(vec![("ns", ns)])
    }

    pub fn add(&mut self, name: &'static str, figure: f64) {
        self.0.push((name, figure));
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let figure = |(name, figure): &(&str, f64)| format!("\"{name}\": {figure:.4}");

        write!(f, "{{{}}}", self.0.iter().map(figure).collect::<Vec<_>>().join(", "))
    }
}
