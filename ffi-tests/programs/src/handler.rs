// SPDX-License-Identifier: MIT OR Apache-2.0
//! Calls made in a signal handler, of this thread or of one that waits.

use crate::calls;
use crate::deed::Expect;
use crate::program::Call;
use std::mem;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

const SIGNAL: libc::c_int = libc::SIGUSR1;

struct Job {
    call: Call,
    expect: Expect,
    outcome: OnceLock<Result<(), String>>,
}

/// What the handler is to do. One at a time: one thread at a time takes a step.
static JOB: AtomicPtr<Job> = AtomicPtr::new(ptr::null_mut());

extern "C" fn handle(_signal: libc::c_int) {
    // SAFETY: make() keeps the job until its outcome is there.
    if let Some(job) = unsafe { JOB.load(Ordering::Acquire).as_ref() } {
        let _ = job.outcome.set(calls::make(&job.call, job.expect));
    }
}

pub fn install() {
    // SAFETY: zero is a valid sigaction, and the handler does only what handlers may.
    let result = unsafe {
        let mut action: libc::sigaction = mem::zeroed();
        action.sa_sigaction = handle as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        libc::sigaction(SIGNAL, &action, ptr::null_mut())
    };
    assert_eq!(result, 0, "sigaction");
}

/// This thread's id.
pub fn thread_id() -> i32 {
    // SAFETY: always safe.
    unsafe { libc::gettid() }
}

/// Makes a call in a handler of a thread, which may be this one.
pub fn make(call: &Call, expect: Expect, thread: i32) -> Result<(), String> {
    let job = Job { call: call.clone(), expect, outcome: OnceLock::new() };
    JOB.store((&raw const job).cast_mut(), Ordering::Release);
    // SAFETY: the thread exists: it waits, or is this one.
    let sent = unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, SIGNAL) };
    assert_eq!(sent, 0, "tgkill");
    while job.outcome.get().is_none() {
        thread::yield_now();
    }
    JOB.store(ptr::null_mut(), Ordering::Release);
    job.outcome.into_inner().expect("just seen")
}
