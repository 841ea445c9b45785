// SPDX-License-Identifier: MIT OR Apache-2.0
//! Synchronize: barrier, mark, scan, wait for each match.
//!
//! By I5 no hazard on the address appears after the barrier, by I1 none moves, so one pass is
//! enough: what has been passed stays passed.

use crate::control::Control;
use crate::delay::{self, Point};
use crate::filter::Filter;
use crate::held::NOTHING;
use crate::sync::Ordering;
use crate::wait::{self, Deadline, Limits};
use crate::{barrier, fence, holder, init};
use core::ffi::{c_int, c_void};
use core::ptr;

/// See [`crate::abi::hazptr_synchronize`].
pub fn synchronize(addr: *const c_void) {
    let _ = until_unprotected(addr, Deadline::NEVER);
}

/// See [`crate::abi::hazptr_synchronize_timeout`].
pub fn with_timeout(addr: *const c_void, timeout_ns: u64) -> c_int {
    until_unprotected(addr, Deadline::after(timeout_ns))
}

/// See [`crate::abi::hazptr_synchronize_range`].
pub fn range(start: *const c_void, len: usize) -> c_int {
    if is_nothing(start) || len == 0 || start.addr().checked_add(len - 1).is_none() {
        return libc::EINVAL;
    }
    wait_for_any(&|held| held.addr().wrapping_sub(start.addr()) < len)
}

/// See [`crate::abi::hazptr_synchronize_many`].
///
/// # Safety
/// As there.
pub unsafe fn many(addrs: *const *const c_void, count: usize) -> c_int {
    if count == 0 {
        return 0;
    }
    if addrs.is_null() {
        return libc::EINVAL;
    }
    // SAFETY: the caller's duty.
    let addrs = unsafe { core::slice::from_raw_parts(addrs, count) };
    let mut filter = Filter::new();
    addrs.iter().for_each(|&addr| filter.add(addr));
    wait_for_any(&|held| {
        filter.may_have(held) && !is_nothing(held) && addrs.iter().any(|&addr| ptr::eq(addr, held))
    })
}

/// One piece of code for both.
#[inline(never)]
fn wait_for_any(wanted: &dyn Fn(*const c_void) -> bool) -> c_int {
    wait(Deadline::NEVER, wanted)
}

/// See [`crate::abi::hazptr_is_protected`].
pub fn is_protected(addr: *const c_void) -> bool {
    let wanted = |held| ptr::eq(held, addr);
    !is_nothing(addr)
        && behind_barrier(|control, _| {
            let mut lines = control.registry.lines(control.registry.mark());
            lines.any(|line| line.holds(wanted)) || control.backup.holder(wanted).is_some()
        })
}

/// Whether an address is no object's: NULL, or what slots hold that protect nothing.
fn is_nothing(addr: *const c_void) -> bool {
    addr.addr() <= NOTHING.addr()
}

fn until_unprotected(addr: *const c_void, deadline: Deadline) -> c_int {
    if is_nothing(addr) {
        init::ensure();
        fence::full();
        return 0;
    }
    wait(deadline, |held| ptr::eq(held, addr))
}

/// Does something behind a barrier: anew in a child that a handler forks in the middle of it, in the
/// child's own terms.
fn behind_barrier<T>(mut act: impl FnMut(&'static Control, u32) -> T) -> T {
    loop {
        let control = init::ensure();
        let generation = control.generation();
        barrier::heavy(control);
        delay::point(Point::BeforeScan);
        let outcome = act(control, generation);
        if control.generation() == generation {
            return outcome;
        }
    }
}

/// Waits until no slot holds what is `wanted`, which is not NULL. 0 or ETIMEDOUT.
fn wait(deadline: Deadline, wanted: impl Fn(*const c_void) -> bool) -> c_int {
    let mut limits = Limits::until(deadline);
    if deadline == Deadline::NEVER {
        holder::before_wait(&wanted);
    }
    let is_over = behind_barrier(|control, generation| {
        wait_for_lines(control, generation, &mut limits, &wanted)
            && wait_for_backup(control, generation, &mut limits, &wanted)
    });
    if is_over { 0 } else { libc::ETIMEDOUT }
}

/// Every slot of every line below the mark, whatever the line's state (I6).
#[inline]
fn wait_for_lines(
    control: &Control,
    generation: u32,
    limits: &mut Limits,
    wanted: impl Fn(*const c_void) -> bool,
) -> bool {
    // After the barrier: a line that holds a committed hazard was counted before.
    let mark = control.registry.mark();
    for line in control.registry.lines(mark).filter(|line| line.holds(&wanted)) {
        for slot in &line.slots {
            let found = slot.held();
            // For this address: none that is wanted comes anew, as nothing leads to any of them.
            let held = || ptr::eq(slot.held(), found);
            if wanted(found) && !wait::until_gone(control, generation, (slot, found), limits, held)
            {
                return false;
            }
        }
    }
    true
}

fn wait_for_backup(
    control: &Control,
    generation: u32,
    limits: &mut Limits,
    wanted: impl Fn(*const c_void) -> bool,
) -> bool {
    // One after the other. A holder that comes only now re-loads its pointer, and lets go.
    while let Some((slot, found)) = control.backup.holder(&wanted) {
        let held = || control.backup.is_held(slot, found);
        if !wait::until_gone(control, generation, (slot, found), limits, held) {
            return false;
        }
        if control.generation() != generation {
            break;
        }
    }
    true
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
