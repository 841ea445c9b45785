// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every system call and every libc declaration that the engine relies on, but for threads.
//!
//! All wrappers preserve `errno`, are no cancellation points and are safe in signal handlers.

use crate::sync::{AtomicU32, system_call};
use core::ffi::{c_char, c_int, c_long, c_void};
use core::fmt;
use core::ptr::{self, NonNull};

/// Cap of every sleep on a futex, in milliseconds. A wake-up can be lost when a handler leaves a
/// release by `longjmp`, or in a mode switch; this bounds what that costs.
pub const SLEEP_CAP_MS: u64 = 100;

/// A raw system call: the result, or the error number.
///
/// # Safety
/// As the system call itself.
pub unsafe fn call_kernel(nr: c_long, args: [usize; 6]) -> Result<usize, c_int> {
    // SAFETY: errno's address is valid for the calling thread; the call is the caller's duty.
    unsafe {
        let errno = libc::__errno_location();
        let saved = *errno;
        let [a, b, c, d, e, f] = args;
        let result = libc::syscall(nr, a, b, c, d, e, f);
        if result == -1 {
            let error = *errno;
            *errno = saved;
            Err(error)
        } else {
            Ok(result as usize)
        }
    }
}

/// Anonymous zeroed memory, page-aligned, never given back. `None` if the system has none.
pub fn map_zeroed(bytes: usize) -> Option<NonNull<c_void>> {
    let prot = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
    // SAFETY: a fresh private mapping at an address of the kernel's choice touches nothing else.
    let mapped = unsafe { system_call(libc::SYS_mmap, [0, bytes, prot, flags, usize::MAX, 0]) };
    mapped.ok().and_then(|p| NonNull::new(p as *mut c_void))
}

/// Gives a mapping back that nobody else has seen.
///
/// # Safety
/// `p` came from [`map_zeroed`] with the same size, and no other reference to it exists.
pub unsafe fn unmap(p: NonNull<c_void>, bytes: usize) {
    // SAFETY: the caller's duty. A failure leaks the mapping, which is all that can be done.
    let _ = unsafe { system_call(libc::SYS_munmap, [p.as_ptr() as usize, bytes, 0, 0, 0, 0]) };
}

/// Asks that children of fork see these pages as zeroes. Since Linux 4.14.
pub fn wipe_on_fork<T>((pages, bytes): (*const T, usize)) -> bool {
    let args = [pages as usize, bytes, libc::MADV_WIPEONFORK as usize, 0, 0, 0];
    // SAFETY: changes nothing in this process, and the pages belong to `pages` alone.
    unsafe { system_call(libc::SYS_madvise, args) }.is_ok()
}

/// While it lives, errno is kept for the caller.
pub struct Errno(c_int);

impl Errno {
    /// As it is now.
    pub fn keep() -> Self {
        // SAFETY: errno's address is valid for the calling thread. Volatile, here and below, for the
        // compiler knows of some functions that they leave errno alone, which is not so.
        Self(unsafe { libc::__errno_location().read_volatile() })
    }
}

impl Drop for Errno {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { libc::__errno_location().write_volatile(self.0) };
    }
}

/// Memory of the program's own allocator, or None.
pub fn allocate(bytes: usize) -> Option<NonNull<c_void>> {
    let _errno = Errno::keep();
    // SAFETY: malloc may be called with any size.
    NonNull::new(unsafe { libc::malloc(bytes) })
}

/// Gives it back.
///
/// # Safety
/// `memory` came from [`allocate`].
pub unsafe fn free(memory: *mut c_void) {
    let _errno = Errno::keep();
    // SAFETY: the caller's duty.
    unsafe { libc::free(memory) };
}

/// A command of membarrier(2), as its number in the kernel's interface.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Membarrier {
    /// Fence every running thread of this process.
    PrivateExpedited = 1 << 3,
    /// Announce the use of the above.
    RegisterPrivateExpedited = 1 << 4,
    /// Fence, and restart the rseq sequence of, every running thread of this process.
    PrivateExpeditedRseq = 1 << 7,
    /// Announce the use of the above.
    RegisterPrivateExpeditedRseq = 1 << 8,
}

/// membarrier(2). The error is ENOSYS, EPERM, EINVAL, ENOMEM, or what a seccomp filter says.
pub fn membarrier(command: Membarrier) -> Result<(), c_int> {
    // SAFETY: membarrier touches no memory of the caller.
    unsafe { system_call(libc::SYS_membarrier, [command as usize, 0, 0, 0, 0, 0]) }.map(drop)
}

/// Sleeps while `*word == expected`, at most `ms` milliseconds. May return early.
pub fn futex_wait(word: *const u32, expected: u32, ms: u64) {
    futex_wait_ns(word, expected, Some(ms * 1_000_000));
}

/// Sleeps while `*word == expected`, at most so many nanoseconds, or without a limit. May return
/// early.
pub fn futex_wait_ns(word: *const u32, expected: u32, ns: Option<u64>) {
    let timeout = ns.map(|ns| libc::timespec {
        tv_sec: (ns / 1_000_000_000) as libc::time_t,
        tv_nsec: (ns % 1_000_000_000) as _,
    });
    let op = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize;
    let timeout = timeout.as_ref().map_or(0, |timeout| ptr::from_ref(timeout) as usize);
    let args = [word as usize, op, expected as usize, timeout, 0, 0];
    // SAFETY: the kernel only reads the word and the timeout. Every failure is an early return.
    let _ = unsafe { system_call(libc::SYS_futex, args) };
}

/// Wakes up to `count` sleepers of `word`.
pub fn futex_wake(word: *const u32, count: u32) {
    let op = (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as usize;
    // SAFETY: the word is only a key here.
    let _ = unsafe { system_call(libc::SYS_futex, [word as usize, op, count as usize, 0, 0, 0]) };
}

/// The futex word inside an atomic.
pub fn futex_word(word: &AtomicU32) -> *const u32 {
    word.as_ptr()
}

/// The kernel's signal set: one bit a signal.
#[derive(Clone, Copy)]
pub struct SignalMask(u64);

fn change_signal_mask(how: c_int, new: u64) -> SignalMask {
    let mut old = 0u64;
    let args =
        [how as usize, &raw const new as usize, &raw mut old as usize, size_of::<u64>(), 0, 0];
    // SAFETY: both sets outlive the call. With these arguments it cannot fail.
    let _ = unsafe { system_call(libc::SYS_rt_sigprocmask, args) };
    SignalMask(old)
}

/// Signals that come of what the thread itself does. Blocked, they would kill a process that means
/// to handle them: a filter that asks it about a system call, memory that it tracks by faults.
const SYNCHRONOUS: [c_int; 6] =
    [libc::SIGSEGV, libc::SIGBUS, libc::SIGSYS, libc::SIGTRAP, libc::SIGILL, libc::SIGFPE];

/// Those by which glibc cancels a thread, and has all threads change their user. No program's
/// handler ever runs for them.
const OF_LIBC: [c_int; 2] = [32, 33];

const fn all_but(signals: &[c_int]) -> u64 {
    let mut mask = !0;
    let mut i = 0;
    while i < signals.len() {
        mask &= !(1 << (signals[i] - 1));
        i += 1;
    }
    mask
}

/// Blocks every signal of this thread that is not its own doing, those that libc keeps for itself
/// included.
pub fn block_signals() -> SignalMask {
    change_signal_mask(libc::SIG_BLOCK, all_but(&SYNCHRONOUS))
}

/// As [`block_signals`], where it will never be undone: libc must then be able to reach the thread.
pub fn block_signals_for_good() {
    change_signal_mask(libc::SIG_SETMASK, all_but(&SYNCHRONOUS) & all_but(&OF_LIBC));
}

/// Restores what [`block_signals`] returned.
pub fn restore_signals(mask: SignalMask) {
    change_signal_mask(libc::SIG_SETMASK, mask.0);
}

/// A kernel CPU mask: bit n is CPU n.
pub type CpuMask = [u64; crate::control::CPUS / 64];

/// The CPUs that a thread may run on (0: the caller), and the size of the kernel's masks in bytes,
/// which bounds every CPU number that this kernel will ever give out.
pub fn affinity(tid: i32, mask: &mut CpuMask) -> Result<usize, c_int> {
    let args = [tid as usize, size_of::<CpuMask>(), mask.as_mut_ptr() as usize, 0, 0, 0];
    // SAFETY: the kernel writes at most as many bytes as it is told the mask has.
    unsafe { system_call(libc::SYS_sched_getaffinity, args) }
}

/// Restricts a thread (0: the caller) to some CPUs. On return it runs on one of them.
pub fn set_affinity(tid: i32, mask: &CpuMask) -> Result<(), c_int> {
    let args = [tid as usize, size_of::<CpuMask>(), mask.as_ptr() as usize, 0, 0, 0];
    // SAFETY: the kernel only reads the mask.
    unsafe { system_call(libc::SYS_sched_setaffinity, args) }.map(drop)
}

/// Sets a thread's nice value. The error is EACCES or EPERM.
pub fn set_priority(tid: i32, nice: i32) -> Result<(), c_int> {
    let args = [libc::PRIO_PROCESS as usize, tid as usize, nice as usize, 0, 0, 0];
    // SAFETY: no memory is involved.
    unsafe { system_call(libc::SYS_setpriority, args) }.map(drop)
}

/// Which file a descriptor is: device and number.
pub fn identity(fd: c_int) -> Option<[u64; 2]> {
    let _errno = Errno::keep();
    // SAFETY: plain numbers, which libc fills in.
    let mut status: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: a local variable.
    (unsafe { libc::fstat(fd, &raw mut status) } == 0).then_some([status.st_dev, status.st_ino])
}

/// Whether a write of a line would not have to wait.
pub fn is_writable(fd: c_int) -> bool {
    let mut poll = libc::pollfd { fd, events: libc::POLLOUT, revents: 0 };
    let args = [(&raw mut poll) as usize, 1, 0, 0, 0, 0];
    // SAFETY: one of them.
    let ready = unsafe { system_call(libc::SYS_poll, args) };
    ready == Ok(1) && poll.revents & libc::POLLOUT != 0
}

/// write(2), which is an error for a pipe that nobody reads, and no signal.
pub fn write_in_silence(fd: c_int, bytes: &[u8]) -> Result<usize, c_int> {
    const SIZE: usize = size_of::<u64>();
    let pipe: u64 = 1 << (libc::SIGPIPE - 1);
    // No other, for it may have to wait.
    let signals = change_signal_mask(libc::SIG_BLOCK, pipe);
    let mut pending = 0u64;
    let args = [(&raw mut pending) as usize, SIZE, 0, 0, 0, 0];
    // SAFETY: a mask, as the kernel has it.
    let _ = unsafe { system_call(libc::SYS_rt_sigpending, args) };
    let outcome = write(fd, bytes);
    if outcome == Err(libc::EPIPE) && pending & pipe == 0 {
        let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        let args = [(&raw const pipe) as usize, 0, (&raw const now) as usize, SIZE, 0, 0];
        // SAFETY: takes back what the write has sent to this thread.
        let _ = unsafe { system_call(libc::SYS_rt_sigtimedwait, args) };
    }
    restore_signals(signals);
    outcome
}

/// The process's number with the kernel.
pub fn process() -> c_int {
    // SAFETY: no arguments.
    unsafe { libc::getpid() }
}

/// Sets a signal's handler, if the signal has none. In words why not.
pub fn handle_signal(signal: c_int, handler: extern "C" fn(c_int)) -> Result<(), &'static str> {
    let _errno = Errno::keep();
    // SAFETY: an action is plain numbers.
    let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
    let mut before = action;
    action.sa_sigaction = handler as usize;
    // On the stack that the thread has set aside for handlers, if it has.
    action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
    if SYNCHRONOUS.contains(&signal) {
        return Err("a signal of the program's own faults");
    }
    // SAFETY: both are local variables; what the handler does, it may.
    unsafe {
        if libc::sigaction(signal, core::ptr::null(), &raw mut before) != 0 {
            return Err("not a signal");
        }
        if before.sa_sigaction != libc::SIG_DFL {
            return Err("the program handles it");
        }
        if libc::sigaction(signal, &raw const action, core::ptr::null_mut()) != 0 {
            return Err("not a signal that can be handled");
        }
    }
    Ok(())
}

/// Nanoseconds of a clock that only goes forward.
pub fn now_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: libc writes the time there; this clock cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The CPU that the caller is on: what the kernel last wrote for it to see, not a system call.
pub fn current_cpu() -> usize {
    // SAFETY: no arguments; cannot fail on this architecture.
    unsafe { libc::sched_getcpu() as usize }
}

/// Calls `each` with the id of every thread of this process. True if the kernel listed them at one
/// stroke; the error if /proc cannot be read.
pub fn for_each_thread(mut each: impl FnMut(i32)) -> Result<bool, c_int> {
    let path = c"/proc/self/task".as_ptr() as usize;
    let flags = (libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC) as usize;
    let args = [libc::AT_FDCWD as usize, path, flags, 0, 0, 0];
    // SAFETY: the path is a C string.
    let dir = unsafe { system_call(libc::SYS_openat, args) }?;
    let mut buffer = [0u64; 256];
    let mut pieces = 0;
    let outcome = loop {
        let args = [dir, buffer.as_mut_ptr() as usize, size_of_val(&buffer), 0, 0, 0];
        // SAFETY: the kernel writes at most the size it is told.
        match unsafe { system_call(libc::SYS_getdents64, args) } {
            Err(error) => break Err(error),
            Ok(0) => break Ok(pieces == 1),
            Ok(bytes) => {
                pieces += 1;
                let mut at = 0;
                while at < bytes {
                    // SAFETY: the kernel wrote whole records up to `bytes`; a record's length
                    // stands at offset 16 and its name, a C string, at offset 19.
                    let (length, tid) = unsafe {
                        let record = buffer.as_ptr().cast::<u8>().add(at);
                        let length = record.add(16).cast::<u16>().read_unaligned();
                        (length as usize, parse_decimal(record.add(19).cast()))
                    };
                    if let Some(tid) = tid {
                        each(tid as i32);
                    }
                    at += length;
                }
            }
        }
    };
    // SAFETY: the descriptor is ours.
    let _ = unsafe { system_call(libc::SYS_close, [dir, 0, 0, 0, 0, 0]) };
    outcome
}

/// The letter by which the kernel tells the state of a thread of this process. None if there is no such
/// thread, or /proc cannot be read.
pub fn thread_state(tid: i32) -> Option<u8> {
    let mut path = crate::text::Text::<48>::new();
    let _ = fmt::Write::write_fmt(&mut path, format_args!("/proc/self/task/{tid}/stat"));
    let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as usize;
    let args = [libc::AT_FDCWD as usize, path.as_c_string() as usize, flags, 0, 0, 0];
    // SAFETY: the path is a C string.
    let file = unsafe { system_call(libc::SYS_openat, args) }.ok()?;
    let mut line = [0u8; 128];
    let args = [file, line.as_mut_ptr() as usize, line.len(), 0, 0, 0];
    // SAFETY: the kernel writes at most as many bytes; the descriptor is ours.
    let length = unsafe {
        let length = system_call(libc::SYS_read, args);
        let _ = system_call(libc::SYS_close, [file, 0, 0, 0, 0, 0]);
        length.ok()?
    };
    // Behind the name, which may have any characters in it.
    let name_ends = line[..length].iter().rposition(|&byte| byte == b')')?;
    line.get(name_ends + 2).copied()
}

/// The number that a C string spells, if it spells one.
///
/// # Safety
/// `text` is a C string.
pub unsafe fn parse_decimal(text: *const c_char) -> Option<u64> {
    let mut value = 0u64;
    let mut at = text;
    loop {
        // SAFETY: `at` has not passed the terminating zero.
        let digit = unsafe { *at } as u8;
        match digit {
            0 if at == text => return None,
            0 => return Some(value),
            b'0'..=b'9' => {
                value = value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
            }
            _ => return None,
        }
        // SAFETY: the byte was not the terminating zero.
        at = unsafe { at.add(1) };
    }
}

unsafe extern "C" {
    // Not in the libc crate for this target.
    fn secure_getenv(name: *const c_char) -> *const c_char;
}

/// An environment variable, or NULL: also NULL in a set-uid program.
pub fn environment(name: &core::ffi::CStr) -> *const c_char {
    // SAFETY: the name is a C string. secure_getenv takes no lock.
    unsafe { secure_getenv(name.as_ptr()) }
}

/// Lets another thread run.
pub fn yield_now() {
    // SAFETY: no arguments.
    let _ = unsafe { system_call(libc::SYS_sched_yield, [0; 6]) };
}

/// One line on standard error, in one write as far as the kernel goes along. What is too long of a
/// part is cut off.
pub fn complain(parts: &[&[u8]]) {
    const LONGEST_PART: usize = 120;
    let mut line = [0u8; 4 * LONGEST_PART];
    let mut used = 0;
    let prefix: &[&[u8]] = &[b"hazptr: "];
    let text = prefix.iter().chain(parts).flat_map(|part| part.iter().take(LONGEST_PART));
    for (place, byte) in line.iter_mut().zip(text.chain(b"\n")) {
        *place = *byte;
        used += 1;
    }
    // There is nobody to tell of a failure.
    let _ = write(2, &line[..used]);
}

/// write(2).
pub fn write(fd: c_int, bytes: &[u8]) -> Result<usize, c_int> {
    // SAFETY: the kernel reads these bytes.
    unsafe {
        system_call(libc::SYS_write, [fd as usize, bytes.as_ptr() as usize, bytes.len(), 0, 0, 0])
    }
}

/// Ends the process, after a message: only where going on would be a use-after-free.
pub fn die(message: [&[u8]; 2]) -> ! {
    complain(&[b"fatal: ", message[0], message[1]]);
    // SAFETY: abort may be called anywhere.
    unsafe { libc::abort() }
}
