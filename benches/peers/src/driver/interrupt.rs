// SPDX-License-Identifier: MIT OR Apache-2.0
//! Ctrl-C, and a request to end: the run stops, the report is still made.

use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

static SEEN: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_signal: libc::c_int) {
    SEEN.store(true, Ordering::Relaxed);
}

pub fn catch() {
    // SAFETY: the handler only stores a flag. Without SA_RESTART, poll returns when it has run.
    unsafe {
        let mut action: libc::sigaction = zeroed();
        action.sa_sigaction = note as extern "C" fn(libc::c_int) as usize;
        libc::sigaction(libc::SIGINT, &action, null_mut());
        libc::sigaction(libc::SIGTERM, &action, null_mut());
    }
}

pub fn seen() -> bool {
    SEEN.load(Ordering::Relaxed)
}
