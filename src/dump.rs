// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who holds what, for people: of a process that runs, also out of its signal handlers. What stands behind
//! a lock that is taken is left out, and said to be.

use crate::control::{Control, Mode, control, retired};
use crate::held::NOTHING;
use crate::holder::Holder;
use crate::line::{CURRENT, Line, SHARED};
use crate::place::{self, Place};
use crate::{sys, text};
use core::ffi::{c_int, c_void};
use core::{fmt, ptr};

/// See [`crate::abi::hazptr_dump`].
pub fn dump(fd: c_int) -> c_int {
    write(fd, control()).err().unwrap_or(0)
}

fn write(fd: c_int, control: &Control) -> Result<(), c_int> {
    let mode = control.word.mode();
    let pid = sys::process();
    let line = |text: fmt::Arguments<'_>| text::write(fd, text);
    line(format_args!(
        "hazptr {}: process {pid}, mode {}, generation {}",
        env!("CARGO_PKG_VERSION"),
        mode.name(),
        control.generation()
    ))?;
    if mode == Mode::Uninit {
        return Ok(());
    }

    let mark = control.registry.mark();
    let (mut current, mut shared, mut parked) = (0, 0, 0);
    for (number, line) in (0..).zip(control.registry.lines(mark)) {
        match line.state() {
            CURRENT => current += 1,
            SHARED => shared += 1,
            _ => parked += 1,
        }
        write_line(fd, control, number, line)?;
    }
    line(format_args!("lines: {mark}; {current} current, {shared} shared, {parked} parked"))?;

    // Not under the lock: who reads what we write may take its time.
    let mut some = [(ptr::null(), ptr::null_mut()); 32];
    let mut held = 0;
    loop {
        let Some(count) = control.backup.try_copy(held, &mut some) else {
            line(format_args!("contexts' own slots: somebody has the lock"))?;
            break;
        };
        for &(slot, addr) in &some[..count] {
            let (place, holder) =
                (Place::of(control, slot), Holder::of(control, slot).in_numbers());
            line(format_args!("held: {} {place}{holder}", Held(addr)))?;
        }
        held += count;
        if count < some.len() {
            line(format_args!("contexts' own slots: {held} held"))?;
            break;
        }
    }

    let retired = retired();
    let waiting = retired.waiting();
    match retired.ledger.try_with(|books| (books.taken(), books.kept().0)) {
        Some((taken, kept)) => line(format_args!(
            "retired: {} pending; {waiting} in lists, {} being reclaimed, {kept} protected; the worker is {}",
            waiting + taken,
            taken - kept,
            retired.worker.describe()
        )),
        None => line(format_args!("retired: {waiting} in lists; somebody has the ledger's lock")),
    }
}

/// An address that is held, or that it is none.
struct Held(*mut c_void);

impl fmt::Display for Held {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == NOTHING { to.write_str("nothing") } else { write!(to, "{:p}", self.0) }
    }
}

fn write_line(fd: c_int, control: &Control, number: u32, line: &Line) -> Result<(), c_int> {
    for (slot, hazard) in line.slots.iter().enumerate() {
        let addr = hazard.held();
        if addr.is_null() {
            continue;
        }
        let (what, place) = (Held(addr), Place::Line { line: number, slot });
        let holder = Holder::of(control, hazard).in_numbers();
        let write = |is: fmt::Arguments<'_>| {
            text::write(fd, format_args!("held: {what} {place}, which is {is}{holder}"))
        };
        match (line.state(), place::cpu_of(control, line)) {
            (SHARED, _) => write(format_args!("shared"))?,
            (_, Some(cpu)) => write(format_args!("CPU {cpu}'s"))?,
            _ => write(format_args!("parked"))?,
        }
    }
    Ok(())
}

/// Has a signal write a dump to standard error, unless the program wants it for something else.
pub fn on_signal(signal: Option<c_int>) {
    extern "C" fn handler(_: c_int) {
        dump(2);
    }
    let Some(signal) = signal else { return };
    if let Err(reason) = sys::handle_signal(signal, handler) {
        text::report(format_args!("HAZPTR_DUMP_SIGNAL={signal}: {reason}; no dumps"));
    }
}
