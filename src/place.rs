// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where a hazard stands, for people.

use crate::abi::hazptr_ctx;
use crate::control::{Control, current};
use crate::line::{Line, Slot};
use crate::sync::Ordering;
use core::fmt;
use core::mem::offset_of;
use core::ptr;

/// See the module's comment.
#[derive(Clone, Copy)]
pub enum Place {
    /// A line's number, and a slot's in it.
    Line {
        /// From zero.
        line: u32,
        /// From zero.
        slot: usize,
    },
    /// The context whose own slot it is.
    Backup(*const hazptr_ctx),
}

impl Place {
    /// Of a slot, which is not looked at.
    pub fn of(control: &Control, slot: *const Slot) -> Self {
        let lines = control.registry.lines(control.registry.mark());
        for (number, line) in (0..).zip(lines) {
            if line.slots.as_ptr_range().contains(&slot) {
                let slot = (slot.addr() - line.slots.as_ptr().addr()) / size_of::<Slot>();
                return Self::Line { line: number, slot };
            }
        }
        Self::Backup(slot.wrapping_byte_sub(offset_of!(hazptr_ctx, backup_slot)).cast())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { line, slot } => write!(to, "in slot {slot} of line {line}"),
            Self::Backup(ctx) => write!(to, "by the context at {:p}, in its own slot", *ctx),
        }
    }
}

/// The CPU whose line this is, if it is anybody's.
pub fn cpu_of(control: &Control, line: &Line) -> Option<usize> {
    // Relaxed, here and below: as of about now.
    let cpus = control.nr_cpus.load(Ordering::Relaxed) as usize;
    current().iter().take(cpus).position(|entry| ptr::eq(entry.load(Ordering::Relaxed), line))
}
