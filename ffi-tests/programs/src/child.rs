// SPDX-License-Identifier: MIT OR Apache-2.0
//! A fork in the middle of a program: the child takes its steps alone and reports.

use crate::deed::{Deed, Place};
use crate::{calls, handler};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A deed that a child may do too: a store or a call. Handlers are this thread's own.
pub fn do_simple(deed: &Deed) -> Result<(), String> {
    match deed {
        Deed::Store { cell, addr } => {
            calls::store(*cell, *addr);
            Ok(())
        }
        Deed::Call { call, expect, place: Place::Here } => calls::make(call, *expect),
        Deed::Call { call, expect, .. } => handler::make(call, *expect, handler::thread_id()),
        _ => unreachable!("{deed:?}"),
    }
    .map_err(|wrong| match deed {
        Deed::Call { call, .. } => format!("{call} {wrong}"),
        _ => wrong,
    })
}

fn child(deeds: &[Deed], patience: Duration, mut report: UnixStream) -> ! {
    // A call that does not return ends the child by SIGALRM.
    // SAFETY: always safe, as is _exit.
    unsafe { libc::alarm(patience.as_secs().max(1) as u32) };
    let outcome = deeds.iter().try_for_each(do_simple);
    if let Err(wrong) = &outcome {
        let _ = report.write_all(wrong.as_bytes());
    }
    // SAFETY: see above.
    unsafe { libc::_exit(i32::from(outcome.is_err())) }
}

/// Forks, and waits for the child to have done these and ended well.
pub fn fork(deeds: &[Deed], patience: Duration) -> Result<(), String> {
    let (mut from_child, to_parent) = UnixStream::pair().map_err(|e| e.to_string())?;
    // SAFETY: the other threads hold no lock that the child needs: they wait for their turn, or in
    // hazptr_synchronize.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => return Err("fork was refused".into()),
        0 => child(deeds, patience, to_parent),
        _ => drop(to_parent),
    }
    let mut wrong = String::new();
    let _ = from_child.read_to_string(&mut wrong);
    let mut status = 0;
    // SAFETY: our child.
    if unsafe { libc::waitpid(pid, &mut status, 0) } != pid {
        return Err("the child is gone".into());
    }
    match status {
        0 => Ok(()),
        _ if libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGALRM => {
            Err("a call in the child did not return".into())
        }
        _ if wrong.is_empty() => Err(format!("the child ended with status {status:#x}")),
        _ => Err(format!("in the child: {wrong}")),
    }
}
