// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who has waited longer than anybody should says so, and again after growing pauses: most often a hazard
//! was never released, and this is the only one who knows.

use crate::control::lasting;
use crate::sync::Ordering;
use crate::{sys, text};
use core::fmt;

/// One wait, as long as it lasts.
pub struct Stall {
    /// When its thread first went to sleep; 0 before.
    begun: u64,
    /// When there is something to say.
    due: u64,
}

impl Stall {
    /// A wait, in which nobody has slept yet.
    pub const fn new() -> Self {
        Self { begun: 0, due: u64::MAX }
    }

    /// It goes to sleep.
    pub fn begin(&mut self) {
        // Relaxed: written by initialisation.
        let limit = lasting().stall_ns.load(Ordering::Relaxed);
        if self.begun == 0 && limit != 0 {
            self.begun = sys::now_ns();
            self.due = self.begun.saturating_add(limit);
        }
    }

    /// Says what lasts, if it is time for that. Asked when the wait has been seen not to be over.
    #[inline]
    pub fn look(&mut self, say: impl FnOnce(Waited)) {
        if self.due == u64::MAX {
            return;
        }
        let now = sys::now_ns();
        if now >= self.due {
            let waited = now - self.begun;
            // Twice as long as until now.
            self.due = now.saturating_add(waited);
            say(Waited(waited));
        }
    }
}

/// Whether standard error is what it was when the process began.
pub fn is_stderr() -> bool {
    // Relaxed: written by initialisation.
    let known = lasting().stderr.each_ref().map(|half| half.load(Ordering::Relaxed));
    sys::identity(2) == Some(known)
}

/// So many nanoseconds, as a report has them.
pub struct Waited(u64);

impl Waited {
    /// Writes a line, where the process had its standard error when it began. Nothing if that is elsewhere
    /// now, or if it would have to wait: a wait is not to last longer for being reported.
    pub fn report(&self, text: fmt::Arguments<'_>) {
        if is_stderr() && sys::is_writable(2) {
            let tenths = self.0 / 100_000_000;
            let (seconds, tenth, me) = (tenths / 10, tenths % 10, crate::thread::id());
            text::report(format_args!(
                "stall: thread {me} has waited {seconds}.{tenth} s for {text}"
            ));
        }
    }
}
