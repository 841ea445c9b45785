// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the environment asks for: read once, before the first initialisation is over, and kept for forked
//! children. What is not understood is complained of, and the default taken.

use crate::control::{Mode, lasting};
use crate::sync::Ordering;
use crate::{debug, sys, text};
use core::ffi::{CStr, c_int};

/// After so many milliseconds a wait is reported.
const STALL_MS: u64 = 10_000;

/// What initialisation goes by. Packed in one word: mode + 1 in the low nibble, what debug mode is to do in the
/// next, the limit on lines above the low byte, cut to 48 bits; the topmost bit is debug mode's too.
#[derive(Clone, Copy)]
pub struct Wishes {
    packed: u64,
    first: bool,
}

impl Wishes {
    const NO_LIMIT: u64 = (1 << 48) - 1;

    /// The caller holds the init lock.
    pub fn read() -> Self {
        // Relaxed, here and below: under the init lock; who reads the rest comes after initialisation.
        let cached = lasting().wishes.load(Ordering::Relaxed);
        if cached != 0 {
            return Self { packed: cached, first: false };
        }
        let debug = debug();
        // Inlined code has to come out of line: see debug.rs.
        let mode = if debug == 0 { mode() } else { Mode::Fence };
        let lines = number(c"HAZPTR_MAX_LINES", "lines", "no limit").unwrap_or(Self::NO_LIMIT);
        let packed = (mode as u64 + 1)
            | u64::from(debug & 0xf) << 4
            | u64::from(debug & debug::THREADS != 0) << 63
            | (lines.min(Self::NO_LIMIT) << 8);
        let stall = number(c"HAZPTR_STALL_MS", "milliseconds", "10000").unwrap_or(STALL_MS);
        lasting().stall_ns.store(stall.saturating_mul(1_000_000), Ordering::Relaxed);
        for (half, now) in lasting().stderr.iter().zip(sys::identity(2).unwrap_or_default()) {
            half.store(now, Ordering::Relaxed);
        }
        lasting().wishes.store(packed, Ordering::Relaxed);
        Self { packed, first: true }
    }

    /// Whether this is the process that the environment was given to, and not a child that it has forked.
    pub fn is_first_reading(self) -> bool {
        self.first
    }

    /// The mode asked for; Uninit: the best.
    pub fn mode(self) -> Mode {
        match (self.packed & 0xf) - 1 {
            1 => Mode::Rseq,
            2 => Mode::Membarrier,
            3 => Mode::Fence,
            _ => Mode::Uninit,
        }
    }

    /// The most lines there may be.
    pub fn max_lines(self) -> u64 {
        // In debug mode there is none: on the stack of a thread that has ended, a context's own slot would be
        // the end of everybody.
        if self.debug() != 0 { Self::NO_LIMIT } else { self.packed >> 8 & Self::NO_LIMIT }
    }

    /// What debug mode is to do, as debug.rs has it; 0: it is off.
    pub fn debug(self) -> u32 {
        let threads = if self.packed >> 63 != 0 { debug::THREADS } else { 0 };
        (self.packed >> 4 & 0xf) as u32 | threads
    }
}

const DEBUG: &CStr = c"HAZPTR_DEBUG";

/// Whether something stands there: it may not be understood.
pub fn asks_for_debug() -> bool {
    !text(DEBUG).is_empty()
}

fn debug() -> u32 {
    const TOO: &[u8] = b",threads";
    let wish = text(DEBUG);
    let (what, threads) = match wish.strip_suffix(TOO) {
        Some(what) => (what, debug::THREADS),
        None => (wish, 0),
    };
    match what {
        b"report" => debug::REPORT | threads,
        b"abort" => debug::ABORT | threads,
        b"handler" => debug::HANDLER | threads,
        b"" if threads == 0 => 0,
        _ => {
            sys::complain(&[
                b"HAZPTR_DEBUG=",
                wish,
                b": not one of report, abort, handler, with or without \",threads\"; debug mode is off",
            ]);
            0
        }
    }
}

fn mode() -> Mode {
    match text(c"HAZPTR_MODE") {
        b"" | b"auto" => Mode::Uninit,
        b"rseq" => Mode::Rseq,
        b"membarrier" => Mode::Membarrier,
        b"fence" => Mode::Fence,
        other => {
            sys::complain(&[
                b"HAZPTR_MODE=",
                other,
                b": not one of auto, rseq, membarrier, fence; using auto",
            ]);
            Mode::Uninit
        }
    }
}

/// The signal by which the program is to be asked who holds what.
pub fn dump_signal() -> Option<c_int> {
    let signal = number(c"HAZPTR_DUMP_SIGNAL", "a signal", "none")?;
    // What is too large is a signal nowhere.
    Some(c_int::try_from(signal).unwrap_or(c_int::MAX)).filter(|&signal| signal != 0)
}

fn text(name: &CStr) -> &'static [u8] {
    let value = sys::environment(name);
    if value.is_null() {
        return b"";
    }
    // SAFETY: not NULL, so a C string of the environment, which stays as long as we look at it.
    unsafe { CStr::from_ptr(value) }.to_bytes()
}

/// A number, if there is one. What it counts, and what is used if it is none, in words.
fn number(name: &CStr, of: &str, instead: &str) -> Option<u64> {
    let value = sys::environment(name);
    if value.is_null() {
        return None;
    }
    // SAFETY: as above.
    let number = unsafe { sys::parse_decimal(value) };
    if number.is_none() {
        let name = name.to_str().unwrap_or_default();
        text::report(format_args!("{name}: not a number of {of}; using {instead}"));
    }
    number
}
