// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of text for people, made without the program's memory, locks or streams: so also in a handler.

use crate::sys;
use core::ffi::{c_char, c_int};
use core::fmt::{self, Write};

/// As long as one line may be.
const LINE: usize = 400;

/// Some text, of which what is longer than so many bytes, less one, is cut off.
pub struct Text<const LONGEST: usize> {
    bytes: [u8; LONGEST],
    used: usize,
}

impl<const LONGEST: usize> Write for Text<LONGEST> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (place, byte) in self.bytes[self.used..LONGEST - 1].iter_mut().zip(text.bytes()) {
            *place = byte;
            self.used += 1;
        }
        Ok(())
    }
}

impl<const LONGEST: usize> Text<LONGEST> {
    /// None yet.
    pub const fn new() -> Self {
        Self { bytes: [0; LONGEST], used: 0 }
    }

    /// For C, while it is not written to.
    pub fn as_c_string(&mut self) -> *const c_char {
        self.bytes[self.used] = 0;
        self.bytes.as_ptr().cast()
    }

    /// Writes it, and the end of its line, to a file descriptor, at one stroke as far as the kernel goes along.
    /// The error if it does not.
    pub fn write_to(&mut self, fd: c_int) -> Result<(), c_int> {
        self.bytes[self.used] = b'\n';
        let mut left = &self.bytes[..=self.used];
        while !left.is_empty() {
            match sys::write_in_silence(fd, left) {
                Ok(0) => return Err(libc::EIO),
                Ok(written) => left = &left[written.min(left.len())..],
                Err(libc::EINTR) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Writes one line to a file descriptor. The error if that cannot be done.
pub fn write(fd: c_int, text: fmt::Arguments<'_>) -> Result<(), c_int> {
    let mut line = Text::<LINE>::new();
    // It never fails.
    let _ = line.write_fmt(text);
    line.write_to(fd)
}

/// Writes one line to standard error. There is nobody to tell of a failure.
pub fn report(text: fmt::Arguments<'_>) {
    let _ = write(2, format_args!("hazptr: {text}"));
}
