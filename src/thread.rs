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

/// The calling thread's name, as those who list threads see it, and zeroes.
pub fn name() -> [u8; 16] {
    let mut name = [0; 16];
    // SAFETY: the kernel writes as many bytes.
    unsafe { libc::prctl(libc::PR_GET_NAME, name.as_mut_ptr()) };
    name
}

/// What a thread does, by its state's letter, in words.
pub fn describe(state: Option<u8>) -> &'static str {
    match state {
        None => "does not exist any more",
        Some(b'R') => "runs",
        Some(b'S') => "sleeps",
        Some(b'D') => "sleeps, in a system call that is not to be interrupted",
        Some(b'T' | b't') => "is stopped",
        Some(_) => "ends",
    }
}

/// A key whose destructor is called, for threads that have armed it, when they end: once for each turn of
/// destructors, of which the last is meant. None if there is none that a handler could arm.
pub fn new_key(at_end: extern "C" fn(*mut c_void)) -> Option<usize> {
    // Of keys beyond, libc allocates the values when they are first set.
    const WITHOUT_MEMORY: usize = 32;
    let _errno = sys::Errno::keep();
    let mut key = 0;
    let at_end: unsafe extern "C" fn(*mut c_void) = at_end;
    // SAFETY: the function stays, as the library does.
    let error = unsafe { libc::pthread_key_create(&raw mut key, Some(at_end)) };
    let key = key as usize;
    if error == 0 && key >= WITHOUT_MEMORY {
        // SAFETY: just made, and used by nobody.
        unsafe { libc::pthread_key_delete(key as libc::pthread_key_t) };
    }
    (error == 0 && key < WITHOUT_MEMORY).then_some(key)
}

/// Has the key's destructor called at the end of the calling thread.
pub fn arm_key(key: usize) {
    let key = key as libc::pthread_key_t;
    // SAFETY: a key that was made. Its values count the turns.
    unsafe {
        if libc::pthread_getspecific(key).is_null() {
            libc::pthread_setspecific(key, ptr::without_provenance(1));
        }
    }
}

/// Of a destructor: whether there is no other turn. If there is, it is armed for that.
pub fn is_last_turn(key: usize, turn: *mut c_void) -> bool {
    /// What POSIX has at least.
    const TURNS: usize = 4;
    let turn = turn.addr();
    if turn < TURNS {
        // SAFETY: a key that was made.
        unsafe {
            libc::pthread_setspecific(
                key as libc::pthread_key_t,
                ptr::without_provenance(turn + 1),
            );
        }
    }
    turn >= TURNS
}

/// The calling thread's stack: where, and how large.
pub fn stack() -> Option<(usize, usize)> {
    let _errno = sys::Errno::keep();
    let mut attributes = MaybeUninit::uninit();
    let (mut start, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the attributes are initialised by the first call, and by no other used after the last.
    unsafe {
        let attributes = attributes.as_mut_ptr();
        if libc::pthread_getattr_np(libc::pthread_self(), attributes) != 0 {
            return None;
        }
        libc::pthread_attr_getstack(attributes, &raw mut start, &raw mut size);
        libc::pthread_attr_destroy(attributes);
    }
    Some((start.addr(), size))
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
