// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a subject consists of.

use serde::Serialize;

/// What `peers-rust list` prints of it; see ../../PROTOCOL.md.
#[derive(Serialize)]
pub struct About {
    pub subject: &'static str,
    pub library: &'static str,
    pub version: String,
    pub language: &'static str,
    pub protects: &'static str,
    pub by_call: bool,
    pub compiler: String,
    pub measures: Vec<&'static str>,
    pub note: String,
}

impl About {
    /// The version is the one that Cargo.toml pins, or the compiler's for what comes with it.
    pub fn new(subject: &'static str, library: &'static str, protects: &'static str) -> About {
        let compiler = env!("RUSTC_VERSION");

        About {
            subject,
            library,
            version: pinned(library).unwrap_or(compiler).to_string(),
            language: "Rust",
            protects,
            by_call: false,
            compiler: format!("rustc {compiler}"),
            measures: vec!["read-made", "wait", "oversubscribed"],
            note: String::new(),
        }
    }

    pub fn and_retires(mut self, note: &str) -> About {
        self.measures.push("retire");
        self.note += &format!("; retire: {note}");
        self
    }
}

/// From the line `library = "=1.2.3"` or `library = { version = "=1.2.3", … }`.
fn pinned(library: &str) -> Option<&'static str> {
    include_str!("../../Cargo.toml").lines().find_map(|line| {
        let (name, rest) = line.split_once(" = ")?;
        let (_, version) = rest.split_once("\"=")?;

        if name == library { version.split('"').next() } else { None }
    })
}

/// One way to protect a read. The first of its objects is what the loops read.
pub trait Subject: Sync + 'static {
    /// What a thread can keep between two reads.
    type Kept;

    fn about() -> About;

    fn new() -> Self;

    fn keep(&self) -> Self::Kept;

    /// Protect, load the pointer, load a field, end the protection.
    fn read_made(&self);

    /// The same with what was kept.
    fn read_held(&self, _kept: &mut Self::Kept) {
        unreachable!("not listed");
    }

    /// Protects the object that is not replaced while `during` runs.
    fn hold(&self, during: impl FnOnce());

    /// Protects all objects while `during` runs.
    fn hold_all(&self, during: impl FnOnce());

    /// Unpublishes the object and waits until no reader can have it.
    fn replace(&self) {
        unreachable!("not listed");
    }
}
