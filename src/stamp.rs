// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who did something, where in the program and when: what debug mode notes, and reports.

use crate::sync::unseen::{AtomicUsize, Ordering};
use crate::{symbol, sys, thread};
use core::ffi::{c_int, c_void};
use core::{fmt, ptr};

/// Frames that are kept: enough to get past a program's own wrappers.
const FRAMES: usize = 6;
/// Frames that are looked at: those of the library come first, and are left out.
const DEPTH: usize = 12;

/// See the module's comment. All zero: nobody, nowhere.
#[derive(Clone, Copy)]
pub struct Stamp {
    frames: [usize; FRAMES],
    time: u64,
    thread: i32,
    cpu: u32,
    name: [u8; 16],
}

unsafe extern "C" {
    // Not in the libc crate for this target.
    fn backtrace(frames: *mut *mut c_void, size: c_int) -> c_int;
}

/// Where the library's text lies, if it has a file to itself; in a program that contains it, it is not told
/// apart. Written once, by who initialises.
static TEXT: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

static PRIMED: AtomicUsize = AtomicUsize::new(0);

/// Has libc load what it needs for a backtrace, which is not for later: it allocates. Once: in a child that was
/// forked, the loader's locks may be held by threads that it does not have.
pub fn prime() {
    // Relaxed: a second time does no harm where nobody has forked.
    if PRIMED.swap(1, Ordering::Relaxed) != 0 {
        return;
    }
    let _errno = sys::Errno::keep();
    let mut frame = ptr::null_mut();
    // SAFETY: room for one; dl_iterate_phdr() calls back before it returns.
    unsafe {
        backtrace(&raw mut frame, 1);
        libc::dl_iterate_phdr(Some(note_text), ptr::null_mut());
    }
}

unsafe extern "C" fn note_text(
    module: *mut libc::dl_phdr_info,
    _size: usize,
    _data: *mut c_void,
) -> c_int {
    let here = prime as fn() as usize;
    // SAFETY: libc's description of a module that is loaded.
    let (base, name, headers) = unsafe {
        let module = &*module;
        let headers = core::slice::from_raw_parts(module.dlpi_phdr, module.dlpi_phnum.into());
        (module.dlpi_addr as usize, module.dlpi_name, headers)
    };
    let text = headers
        .iter()
        .filter(|header| header.p_type == libc::PT_LOAD)
        .map(|header| (base + header.p_vaddr as usize, header.p_memsz as usize))
        .find(|&(start, size)| here.wrapping_sub(start) < size);
    let Some((start, size)) = text else { return 0 };
    // SAFETY: a C string, empty for the program itself.
    if !name.is_null() && unsafe { *name } != 0 {
        // Relaxed: only by these two is the library told apart, and only in reports.
        TEXT[0].store(start, Ordering::Relaxed);
        TEXT[1].store(size, Ordering::Relaxed);
    }
    1
}

fn is_ours(frame: usize) -> bool {
    // Relaxed: see note_text().
    frame.wrapping_sub(TEXT[0].load(Ordering::Relaxed)) < TEXT[1].load(Ordering::Relaxed)
}

impl Stamp {
    /// Nobody.
    pub const NONE: Self = Self { frames: [0; FRAMES], time: 0, thread: 0, cpu: 0, name: [0; 16] };

    /// The caller, here and now.
    #[inline(never)]
    pub fn now() -> Self {
        let _errno = sys::Errno::keep();
        let mut all = [ptr::null_mut(); DEPTH];
        // SAFETY: room for as many.
        let depth = unsafe { backtrace(all.as_mut_ptr(), DEPTH as c_int) };
        let depth = usize::try_from(depth).unwrap_or(0).min(DEPTH);
        let mut stamp = Self {
            time: sys::now_ns(),
            thread: thread::id(),
            cpu: sys::current_cpu() as u32,
            name: thread::name(),
            ..Self::NONE
        };
        // The first is this function's own.
        let caller = all[..depth].iter().map(|frame| frame.addr()).skip(1);
        for (kept, frame) in stamp.frames.iter_mut().zip(caller.skip_while(|&f| is_ours(f))) {
            // The call, not what it returns to: that may be another function's first instruction.
            *kept = frame - 1;
        }
        stamp
    }

    /// Whether the calling thread made it.
    pub fn is_mine(&self) -> bool {
        self.thread == thread::id()
    }

    /// Which of two came first.
    pub fn is_before(&self, other: &Self) -> bool {
        self.time < other.time
    }

    /// Which thread that was.
    pub fn thread(&self) -> i32 {
        self.thread
    }

    /// The same as text, without symbols: for who may not ask the loader.
    pub fn in_numbers(&self) -> InNumbers<'_> {
        InNumbers(self)
    }

    fn write_who(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "thread {} (", self.thread)?;
        let name = self.name.split(|&byte| byte == 0).next().unwrap_or_default();
        for &byte in name {
            let shown = if byte.is_ascii_graphic() || byte == b' ' { byte } else { b'?' };
            fmt::Write::write_char(to, shown.into())?;
        }
        to.write_str(")")
    }

    fn frames(&self) -> impl Iterator<Item = usize> {
        self.frames.into_iter().take_while(|&frame| frame != 0)
    }
}

/// `thread 12 (name) on CPU 0, 0.000123 s ago, at f+0x12 (program+0x1234) < g+0x5 (program+0x1300)`
impl fmt::Display for Stamp {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_who(to)?;
        let us = sys::now_ns().saturating_sub(self.time) / 1000;
        write!(to, " on CPU {}, {}.{:06} s ago", self.cpu, us / 1_000_000, us % 1_000_000)?;
        for (number, frame) in self.frames().enumerate() {
            to.write_str(if number == 0 { ", at " } else { " < " })?;
            write!(to, "{}", symbol::Place(frame))?;
        }
        Ok(())
    }
}

/// See [`Stamp::in_numbers`].
pub struct InNumbers<'a>(&'a Stamp);

impl fmt::Display for InNumbers<'_> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write_who(to)?;
        for (number, frame) in self.0.frames().enumerate() {
            write!(to, "{}{frame:#x}", if number == 0 { " at " } else { " < " })?;
        }
        Ok(())
    }
}
