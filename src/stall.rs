// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who has waited longer than anybody should says so, and again after growing pauses: most often a hazard
//! was never released, and this is the only one who knows.

use crate::control::lasting;
use crate::sync::Ordering;
use crate::sys;
use core::fmt;

/// One wait, as long as it lasts.
pub struct Stall {
    begun: u64,
    /// When there is something to say.
    due: u64,
}

impl Stall {
    /// A wait that begins now.
    pub fn begin() -> Self {
        // Relaxed: written by initialisation.
        match lasting().stall_ns.load(Ordering::Relaxed) {
            0 => Self { begun: 0, due: u64::MAX },
            limit => {
                let begun = sys::now_ns();
                Self { begun, due: begun.saturating_add(limit) }
            }
        }
    }

    /// How long it has lasted, when it is time to say so.
    pub fn is_due(&mut self) -> Option<Tenths> {
        if self.due == u64::MAX {
            return None;
        }
        let now = sys::now_ns();
        (now >= self.due).then(|| {
            let waited = now - self.begun;
            // Twice as long as until now.
            self.due = now.saturating_add(waited);
            Tenths(waited / 100_000_000)
        })
    }
}

/// Tenths of a second.
pub struct Tenths(u64);

impl fmt::Display for Tenths {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}.{} s", self.0 / 10, self.0 % 10)
    }
}
