// SPDX-License-Identifier: MIT OR Apache-2.0
//! What debug mode has found, told as the user wants it.

use crate::abi;
use crate::control::lasting;
use crate::debug::{self, ABORT, HANDLER};
use crate::stamp::Stamp;
use crate::sync::Ordering;
use crate::sync::unseen::AtomicPtr;
use crate::text::Text;
use crate::{stall, sys};
use core::ffi::{c_char, c_uint};
use core::fmt::{self, Write};
use core::{mem, ptr};

/// What is done wrong, as the interface has it.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // They are there.
#[repr(u32)]
pub enum Misuse {
    NotHeld = abi::HAZPTR_DEBUG_NOT_HELD,
    WrongAddress = abi::HAZPTR_DEBUG_WRONG_ADDRESS,
    Race = abi::HAZPTR_DEBUG_RACE,
    StillHeld = abi::HAZPTR_DEBUG_STILL_HELD,
    Copied = abi::HAZPTR_DEBUG_COPIED,
    ThreadEnded = abi::HAZPTR_DEBUG_THREAD_ENDED,
    Forked = abi::HAZPTR_DEBUG_FORKED,
    SelfWait = abi::HAZPTR_DEBUG_SELF_WAIT,
    DoubleRetire = abi::HAZPTR_DEBUG_DOUBLE_RETIRE,
    OtherThread = abi::HAZPTR_DEBUG_OTHER_THREAD,
}

/// What the program has to be called with reports: a function, or NULL.
pub struct Handler(AtomicPtr<()>);

type Function = unsafe extern "C" fn(kind: c_uint, report: *const c_char);

impl Handler {
    /// None.
    pub const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// See [`abi::hazptr_set_debug_handler`].
    pub fn set(&self, function: Option<Function>) {
        let function = function.map_or(ptr::null_mut(), |function| function as *mut ());
        // Relaxed, here and below: it is code. Whatever else it needs, the program has threads know of.
        self.0.store(function, Ordering::Relaxed);
    }

    fn get(&self) -> Option<Function> {
        // SAFETY: as it was set; NULL is None.
        unsafe { mem::transmute::<*mut (), Option<Function>>(self.0.load(Ordering::Relaxed)) }
    }
}

/// Reports: what, and who did each part of it, where and when.
#[cold]
#[inline(never)]
pub fn report(misuse: Misuse, what: fmt::Arguments<'_>, sites: &[(&str, &Stamp)]) {
    let _errno = sys::Errno::keep();
    // Not on the stack: that may be a handler's.
    let Some(memory) = sys::map_zeroed(size_of::<Report>()) else {
        return sys::complain(&[b"debug: something is wrong, but no memory to say what"]);
    };
    // SAFETY: fresh memory, of which all zero is an empty text.
    let text = unsafe { memory.cast::<Report>().as_mut() };
    let _ = write!(text, "hazptr: debug: {what}");
    for (did, stamp) in sites {
        let _ = write!(text, "\n  {did}: {stamp}");
    }
    let wishes = lasting().debug.get() & !debug::THREADS;
    match (wishes, lasting().handler.get()) {
        // SAFETY: the program's own, for this.
        (HANDLER, Some(handler)) => unsafe { handler(misuse as c_uint, text.as_c_string()) },
        _ if stall::is_stderr() => drop(text.write_to(2)),
        _ => {}
    }
    if wishes == ABORT {
        // SAFETY: may be called anywhere.
        unsafe { libc::abort() }
    }
    // SAFETY: seen by nobody else.
    unsafe { sys::unmap(memory, size_of::<Report>()) };
}

type Report = Text<4096>;
