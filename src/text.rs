// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines of text for people, made without the program's memory, locks or streams: so also in a handler.

use crate::sys;
use core::ffi::c_int;
use core::fmt::{self, Write};

/// What is longer is cut off.
const LONGEST: usize = 400;

struct Line {
    bytes: [u8; LONGEST + 1],
    used: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (place, byte) in self.bytes[self.used..LONGEST].iter_mut().zip(text.bytes()) {
            *place = byte;
            self.used += 1;
        }
        Ok(())
    }
}

/// Writes one line to a file descriptor, at one stroke as far as the kernel goes along. The error if it
/// does not.
pub fn write(fd: c_int, text: fmt::Arguments<'_>) -> Result<(), c_int> {
    let mut line = Line { bytes: [0; LONGEST + 1], used: 0 };
    // It never fails.
    let _ = line.write_fmt(text);
    line.bytes[line.used] = b'\n';
    let mut left = &line.bytes[..=line.used];
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

/// Writes one line to standard error. There is nobody to tell of a failure.
pub fn report(text: fmt::Arguments<'_>) {
    let _ = write(2, format_args!("hazptr: {text}"));
}
