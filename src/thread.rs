// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a thread is told apart by, how one is started, and what callbacks of the program's must find
//! in the thread that runs them. The calls of libc that these take are here; all others in sys.rs.

use crate::{sync, sys};
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::{arch, ptr};

/// A thread of this process, while it lives: its thread pointer. Never zero.
pub fn me() -> usize {
    let pointer: usize;
    // SAFETY: the ABI has the thread pointer's value at its address.
    unsafe {
        arch::asm!(
            "movq %fs:0, {pointer}",
            pointer = lateout(reg) pointer,
            options(att_syntax, nostack, preserves_flags, pure, readonly),
        );
    }
    pointer
}

/// The caller's number with the kernel.
pub fn id() -> i32 {
    // SAFETY: no arguments.
    unsafe { libc::gettid() }
}

/// pthread_create(), for those to whom the thread's name is nothing.
///
/// # Safety
/// As there.
pub unsafe fn create(
    attributes: *const libc::pthread_attr_t,
    main: extern "C" fn(*mut c_void) -> *mut c_void,
) -> c_int {
    let mut thread = MaybeUninit::uninit();
    // SAFETY: the caller's duty.
    unsafe { libc::pthread_create(thread.as_mut_ptr(), attributes, main, ptr::null_mut()) }
}

/// Starts a detached thread with every signal blocked that can be; it is to call
/// [`sys::block_signals_for_good`].
pub fn start(main: extern "C" fn(*mut c_void) -> *mut c_void) -> Result<(), c_int> {
    let _errno = sys::Errno::keep();
    let signals = sys::block_signals();
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: the attributes are initialised by the first call, and by no other used after the last.
    let error = unsafe {
        let attributes = attributes.as_mut_ptr();
        libc::pthread_attr_init(attributes);
        libc::pthread_attr_setdetachstate(attributes, libc::PTHREAD_CREATE_DETACHED);
        let error = sync::create_thread(attributes, main);
        libc::pthread_attr_destroy(attributes);
        error
    };
    sys::restore_signals(signals);
    if error == 0 { Ok(()) } else { Err(error) }
}

/// Names the calling thread, for those who list threads.
pub fn set_name(name: &core::ffi::CStr) {
    // SAFETY: the kernel reads a C string.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// While it lives, the calling thread is not cancelled, and errno is kept for it: so callbacks of the
/// program's are run in a thread that has called for something else.
pub struct Host {
    cancelling: c_int,
    _errno: sys::Errno,
}

unsafe extern "C" {
    // Not in the libc crate for this target.
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

const PTHREAD_CANCEL_DISABLE: c_int = 1;

impl Host {
    /// From here on.
    pub fn new() -> Self {
        let mut cancelling = 0;
        // SAFETY: concerns the calling thread only.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut cancelling) };
        Self { cancelling, _errno: sys::Errno::keep() }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { pthread_setcancelstate(self.cancelling, ptr::null_mut()) };
    }
}
