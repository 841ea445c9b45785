// SPDX-License-Identifier: MIT OR Apache-2.0
//! --break: one call replaced by a wrong one, so that the tests can show that it would be noticed.

use std::sync::OnceLock;

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Breakage {
    Release,
    Again,
    Synchronize,
    Others,
    Stale,
    Unprotected,
    Stats,
    Errno,
}

/// Each with its name and what it does.
pub const ALL: [(Breakage, &str, &str); 8] = [
    (Breakage::Release, "release", "release does nothing"),
    (Breakage::Again, "again", "releasing again releases what the next context holds"),
    (Breakage::Synchronize, "synchronize", "synchronize returns at once"),
    (Breakage::Others, "others", "synchronize waits for other objects, too"),
    (Breakage::Stale, "stale", "acquire returns what the pointer was before"),
    (Breakage::Unprotected, "unprotected", "acquire does not protect"),
    (Breakage::Stats, "stats", "stats miss one hazard"),
    (Breakage::Errno, "errno", "detach changes errno"),
];

static BROKEN: OnceLock<Breakage> = OnceLock::new();

/// From now on, and before the first call.
pub fn set(breakage: Breakage) {
    let _ = BROKEN.set(breakage);
}

pub fn is(breakage: Breakage) -> bool {
    BROKEN.get() == Some(&breakage)
}

/// Its name on the command line.
pub fn name(breakage: Breakage) -> Option<&'static str> {
    ALL.iter().find(|(known, ..)| *known == breakage).map(|(_, name, _)| *name)
}
