// SPDX-License-Identifier: MIT OR Apache-2.0
//! Synchronize: barrier, mark, scan, wait for each match.
//!
//! By I5 no hazard on the address appears after the barrier, by I1 none moves, so one pass is
//! enough: what has been passed stays passed.

use crate::control::Control;
use crate::delay::{self, Point};
use crate::sync::Ordering;
use crate::{barrier, fence, init, wait};
use core::ffi::c_void;
use core::ptr;

/// See [`crate::abi::hazptr_synchronize`].
pub fn synchronize(addr: *const c_void) {
    let control = init::ensure();
    if addr.is_null() {
        fence::full();
        return;
    }
    loop {
        let generation = control.generation();
        barrier::heavy(control);
        delay::point(Point::BeforeScan);
        wait_for_lines(control, generation, addr);
        wait_for_backup(control, generation, addr);
        if control.generation() == generation {
            return;
        }
        // A handler forked in the middle, and this is the child. Begin anew, in its own terms.
        init::ensure();
    }
}

/// Every slot of every line below the mark, whatever the line's state (I6).
fn wait_for_lines(control: &Control, generation: u32, addr: *const c_void) {
    // After the barrier: a line that holds a committed hazard was counted before.
    let mark = control.registry.mark();
    for line in control.registry.lines(mark).filter(|line| line.holds(addr)) {
        for slot in &line.slots {
            if ptr::eq(slot.held(), addr) {
                let held = || ptr::eq(slot.held(), addr);
                wait::until_gone(control, generation, slot, held);
            }
        }
    }
}

fn wait_for_backup(control: &Control, generation: u32, addr: *const c_void) {
    // One after the other. A holder that comes only now re-loads its pointer, and lets go.
    while let Some(slot) = control.backup.holder(addr) {
        wait::until_gone(control, generation, slot, || control.backup.is_held(slot, addr));
        if control.generation() != generation {
            return;
        }
    }
}

/// Hazards held in lines at this moment: exact only if nothing else runs.
pub fn held_in_lines(control: &Control) -> usize {
    let lines = control.registry.lines(control.registry.mark());
    // Relaxed: a snapshot for statistics.
    lines
        .flat_map(|line| &line.slots)
        .filter(|slot| !slot.0.load(Ordering::Relaxed).is_null())
        .count()
}
