// SPDX-License-Identifier: MIT OR Apache-2.0
//! Initialisation, and the ways down from one mode to a lower one.
//!
//! ```text
//!         ensure()                  membarrier refused            membarrier refused
//! UNINIT ----------> RSEQ ----> TRANS ----------> MEMBARRIER ----------------------> FENCE
//!    |                            |                    ^                               ^
//!    |                            +--------------------|-------------------------------+
//!    +-------------------------------------------------+-------------------------------+
//!         ensure(), as HAZPTR_MODE and the machine allow
//! ```
//!
//! Only ever downwards, under one lock, with signals blocked. A forked child begins at UNINIT.

use crate::control::{CPUS, Control, Mode, control, current, lasting, wiped};
use crate::sync::Ordering;
use crate::wishes::{self, Wishes};
use crate::{debug, dump, fence, portable, registry, rseq, stamp, sweep, sys, text, trace};
use core::ptr;

/// The control block, initialised.
pub fn ensure() -> &'static Control {
    let control = control();
    if control.word.mode() == Mode::Uninit {
        initialise(control);
    }
    control
}

#[cold]
fn initialise(control: &'static Control) {
    // Before anything is written to the block, the lock included: whenever another thread forks,
    // its child finds either a block that is still zero or one that the kernel zeroes.
    let wiped = sys::wipe_on_fork(wiped());
    if wishes::asks_for_debug() {
        // Nor this under the lock: it loads a library, whose initialisation may come here.
        stamp::prime();
    }
    let _held = control.init.lock();
    if control.word.mode() != Mode::Uninit {
        return;
    }
    // Relaxed: under the lock, or alone in a child.
    let generation = lasting().generations.fetch_add(1, Ordering::Relaxed) + 1;
    let wishes = Wishes::read();
    if wishes.is_first_reading() {
        dump::on_signal(wishes::dump_signal());
    }
    if !wiped && generation == 1 {
        sys::complain(&[b"no MADV_WIPEONFORK (Linux 4.14): do not fork and go on"]);
    }
    // A child leaves the static chunk to the contexts it inherited.
    let chunk = if generation == 1 { registry::static_chunk() } else { ptr::null_mut() };
    control.registry.open(chunk, wishes.max_lines());
    control.barrier.open(generation);
    control.describe();
    // Relaxed: the mode is stored with Release at the end, and so is `nr_cpus`, after which swaps
    // compare it.
    control.generation.store(generation, Ordering::Relaxed);

    debug::open(control, wishes.debug());
    let wish = wishes.mode();
    let mode = choose(wish);
    if wishes.is_first_reading() && wish != Mode::Uninit && wish != mode {
        text::report(format_args!(
            "HAZPTR_MODE={}: not to be had on this machine, using {}",
            wish.name(),
            mode.name()
        ));
    }
    if mode == Mode::Rseq {
        open_sequences(control);
    } else {
        portable::prepare(control);
    }
    control.word.set_mode(mode);
}

/// Lets readers use sequences. The membarrier that restarts them is registered.
fn open_sequences(control: &'static Control) {
    let mut mask = [0; CPUS / 64];
    // The kernel's masks have room for every CPU number that it will ever give out.
    let bytes = sys::affinity(0, &mut mask).unwrap_or(size_of_val(&mask));
    let cpus = (bytes * 8).min(CPUS);
    // Relaxed: a reader that sees the offset arms its sequence, finds no line, and disarms. One
    // that sees `nr_cpus` and no offset takes another way, this once.
    control.rseq_offset.store(rseq::offset_from_libc().unwrap_or(0), Ordering::Relaxed);
    // Release: behind the generation. A swap's sequence loads the two in the other order.
    control.nr_cpus.store(cpus as u32, Ordering::Release);
}

/// The best mode that the machine has, not above `wish`.
fn choose(wish: Mode) -> Mode {
    use sys::Membarrier::{RegisterPrivateExpedited, RegisterPrivateExpeditedRseq};
    let below = wish as u32;
    if below <= Mode::Rseq as u32
        && rseq::offset_from_libc().is_some()
        && sys::membarrier(RegisterPrivateExpeditedRseq).is_ok()
    {
        return Mode::Rseq;
    }
    if below <= Mode::Membarrier as u32 && sys::membarrier(RegisterPrivateExpedited).is_ok() {
        return Mode::Membarrier;
    }
    Mode::Fence
}

/// Leaves mode rseq because membarrier was refused. When this returns, no sequence is under way
/// and none will begin, and everything that the last ones committed is visible to the caller.
#[cold]
pub fn leave_rseq(control: &Control) {
    let _held = control.init.lock();
    if control.word.mode() != Mode::Rseq {
        // Another waiter's sweep is over, or this is a forked child. After the sweep there are no
        // sequences, so it serves every waiter's scan, whenever it began. One that is about to
        // sleep may miss a wake-up by it, which the cap on sleeping makes up for.
        return;
    }
    // Scenario 9: readers that find a line may still commit until the second sweep is over, and
    // until then the mode tells other waiters that they need a barrier. That it is not RSEQ any more is for
    // those who hold hazards: from the sweep on they fence for themselves (held.rs).
    control.word.set_mode(Mode::Trans);
    // Relaxed, here and below: the fence comes before the sweep, which every sequence has to meet.
    let cpus = control.nr_cpus.swap(0, Ordering::Relaxed);
    sweep();
    // No swap is under way any more: nobody puts back what is taken out here.
    for entry in current().iter().take(cpus as usize) {
        entry.store(ptr::null_mut(), Ordering::Relaxed);
    }
    sweep();
    let mode = choose(Mode::Membarrier);
    portable::prepare(control);
    control.word.set_mode(mode);
    trace::mode(mode);
}

/// Ends every sequence that began before.
fn sweep() {
    // A thread that is moved to a CPU which is not visited, or born there, meets no sweep: it is to find
    // what was stored before.
    fence::full();
    if sweep::every_cpu().is_err() {
        sys::die([
            b"membarrier was refused after initialisation, and so was a sweep of the CPUs; ",
            b"under such a filter start with HAZPTR_MODE=fence",
        ]);
    }
}

/// Leaves mode membarrier because it was refused. A release that has looked at the control word
/// before may miss one wake-up, which the cap on sleeping makes up for.
#[cold]
pub fn leave_membarrier(control: &Control) {
    let _held = control.init.lock();
    if control.word.mode() == Mode::Membarrier {
        control.word.set_mode(Mode::Fence);
        trace::mode(Mode::Fence);
    }
}

/// Initialises when the library is loaded: while the process has one thread, the kernel registers
/// for membarrier at once; later it has to wait for a grace period of its own.
#[cfg(not(test))]
#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = {
    extern "C" fn at_load() {
        ensure();
    }
    at_load
};
