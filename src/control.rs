// SPDX-License-Identifier: MIT OR Apache-2.0
//! The control block: one page and the table of current lines, exported as `hazptr_control_1`, with
//! all the state which a forked child must not inherit. The kernel wipes it in the child, so that a
//! child starts as a process that has never called the library, whatever its parent's threads were
//! in the middle of.
//!
//! The first cache line and the table are the contract with inlined code; with the registry they
//! are the contract with debuggers (include/hazptr/control.h says the same in C). The rest is the
//! engine's own.
//!
//! Everyone reaches the block through the global offset table, in assembly: a reference that the
//! compiler knows of could become a copy relocation in a program that is not position-independent,
//! and then program and library would look at two blocks.

use crate::backup::BackupList;
use crate::barrier::Barrier;
use crate::debug::Wishes;
use crate::holder::Watch;
use crate::line::{self, Line};
use crate::lock::Lock;
use crate::policy::Policy;
use crate::portable::Starts;
use crate::records::{Inherited, Records};
use crate::registry::Registry;
use crate::report::Handler;
use crate::retire::Retired;
use crate::stats::Counters;
use crate::sync::{AtomicIsize, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use crate::wait::Waiters;
use core::arch::asm;
use core::mem::offset_of;
use core::ptr;
use crossbeam_utils::CachePadded;

/// "hazptr" and two bytes that are no text.
pub const MAGIC: u64 = u64::from_le_bytes(*b"hazptr\x00\x7f");
/// Changes with every change to the contract part of the block, and so does its exported name:
/// a program with inlined code for another layout is refused when it is linked or loaded.
pub const LAYOUT: u32 = 1;

/// The most CPUs that Linux supports on x86-64. One beyond uses the portable path.
pub const CPUS: usize = 8192;
/// Entries of the table of current lines: one for each value of sixteen bits (see rseq.rs). Pages
/// that hold nobody's entry are never touched.
pub const TABLE: usize = 1 << 16;

/// How readers and waiters meet. The order is the order of preference, best first, except that 0
/// is "not initialised".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u32)]
pub enum Mode {
    /// Nothing has been called yet, in this process or since it was forked.
    Uninit = 0,
    /// Readers use restartable sequences, waiters restart them.
    Rseq = 1,
    /// Readers fence for themselves; a waiter makes the kernel fence before it sleeps.
    Membarrier = 2,
    /// Readers and releases fence for themselves; no membarrier, no rseq.
    Fence = 3,
    /// On the way from Rseq to a lower mode: readers already fence, waiters still need a barrier,
    /// for a sequence that began before may yet commit.
    Trans = 4,
}

impl Mode {
    /// As the environment has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Uninit => "none",
            Self::Rseq => "rseq",
            Self::Membarrier => "membarrier",
            Self::Fence => "fence",
            Self::Trans => "in transition",
        }
    }
}

/// The control word: mode in the top byte; below it everything that sends a release out of line.
#[repr(transparent)]
pub struct Word(AtomicU32);

const MODE_SHIFT: u32 = 24;
/// A release goes out of line if any of these bits is set.
pub const RELEASE_SLOW: u32 = (1 << MODE_SHIFT) - 1;
/// Always out of line: releases fence for themselves. The bits below count the sleepers; Linux has
/// fewer threads than that.
const RELEASE_FENCED: u32 = 1 << 23;

/// Debug mode is on (debug.rs). The sign, so that one comparison tells this, and a block that is not
/// initialised, from all else.
const DEBUG: u32 = 1 << 31;
const MODE: u32 = 0x7f;

/// The word in mode rseq while nobody sleeps.
const QUIET: u32 = (Mode::Rseq as u32) << MODE_SHIFT;

impl Word {
    /// The mode in force.
    pub fn mode(&self) -> Mode {
        // Acquire: pairs with the Release in set_mode(): what was done before the switch is seen.
        match self.0.load(Ordering::Acquire) >> MODE_SHIFT & MODE {
            0 => Mode::Uninit,
            1 => Mode::Rseq,
            2 => Mode::Membarrier,
            3 => Mode::Fence,
            _ => Mode::Trans,
        }
    }

    /// Switches the mode; the caller holds the init lock. The count of waiters stays.
    pub fn set_mode(&self, mode: Mode) {
        let bias = if mode == Mode::Fence { RELEASE_FENCED } else { 0 };
        let keep = (RELEASE_FENCED - 1) | DEBUG;
        let update = |word| Some(word & keep | bias | (mode as u32) << MODE_SHIFT);
        // Release: pairs with the Acquire in mode(). The closure never declines.
        let _ = self.0.fetch_update(Ordering::Release, Ordering::Relaxed, update);
    }

    /// Turns debug mode on; the caller holds the init lock, and has yet to set the mode.
    pub fn set_debug(&self) {
        // Relaxed: the mode is set after it.
        self.0.fetch_or(DEBUG, Ordering::Relaxed);
    }

    /// Whether debug mode is on.
    #[inline(always)]
    pub fn is_debug(&self) -> bool {
        // Relaxed: what is behind it is behind a lock.
        self.0.load(Ordering::Relaxed) & DEBUG != 0
    }

    /// Whether the block is initialised, and nothing but the usual is to be done.
    #[inline(always)]
    pub fn is_usual(&self) -> bool {
        // Acquire: as in mode().
        self.0.load(Ordering::Acquire) as i32 >= 1 << MODE_SHIFT
    }

    /// Whether a release that has stored its NULL must go out of line. The caller has put a light
    /// fence between the two.
    #[inline(always)]
    pub fn release_is_slow(&self) -> bool {
        // Relaxed: ordered against the slot's store by the fences in fence.rs's table.
        self.0.load(Ordering::Relaxed) & RELEASE_SLOW != 0
    }

    /// Whether the mode is rseq, and nobody sleeps.
    #[inline(always)]
    fn is_quiet(&self) -> bool {
        // Relaxed: what matters is only that it is read behind the light fence (held.rs): if a sweep came
        // before that, so did what it was made for, else the sweep has seen the hazard.
        self.0.load(Ordering::Relaxed) == QUIET
    }

    /// Announces one more sleeper.
    pub fn raise(&self) {
        // Relaxed: ordered by the caller's barrier (wait.rs).
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes an announcement back. Never below zero: in a child that was forked by a handler in
    /// the middle of a wait, there is nothing to take back.
    pub fn lower(&self) {
        let update = |word| (word & (RELEASE_FENCED - 1) != 0).then(|| word - 1);
        // Relaxed: an early or late reader only goes out of line in vain.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
    }
}

/// See the module's comment. All zero means not initialised.
#[repr(C, align(4096))]
pub struct Control {
    /// [`MAGIC`] once initialised.
    pub magic: AtomicU64,
    /// [`LAYOUT`].
    pub layout: AtomicU32,
    /// Bytes in this block.
    pub size: AtomicU32,
    /// How many times the library has been initialised in this line of processes.
    pub generation: AtomicU32,
    /// Mode, waiters, flags.
    pub word: Word,
    /// Where a thread's rseq area lies, from its thread pointer; 0 while that is not known.
    pub rseq_offset: AtomicIsize,
    /// Entries of the table that may name lines. Zero before initialisation, and in every mode but
    /// rseq: then no line becomes current. Read inside the swap's sequence.
    pub nr_cpus: AtomicU32,
    /// [`line::SLOTS`], for debuggers.
    pub slots: AtomicU32,

    /// All lines.
    pub registry: CachePadded<Registry>,
    /// Hazards in contexts' own backup slots.
    pub backup: CachePadded<BackupList>,
    /// Where the portable path begins to look.
    pub starts: Starts,
    /// Serialises initialisation and mode switches.
    pub init: Lock,
    /// Shares membarriers between waiters.
    pub barrier: CachePadded<Barrier>,
    /// Who sleeps for which slots.
    pub waiters: CachePadded<Waiters>,
    /// Statistics.
    pub counters: Counters,
    /// What debug mode has put down.
    pub records: Records,
}

const _: () = {
    assert!(size_of::<Control>() == 4096);
    // include/hazptr/control.h says these in C; ffi-tests/layout.c compares.
    assert!(offset_of!(Control, generation) == 16 && offset_of!(Control, word) == 20);
    assert!(offset_of!(Control, slots) == 36);
    assert!(offset_of!(Control, registry) == 128);
    assert!(offset_of!(Control, backup) == 384);
    assert!(CURRENT == 4096 + 64);
    // What is wiped is whole pages.
    assert!(offset_of!(Exported, lasting) % 4096 == 0);
};

/// What forked children do inherit. Not wiped, and yet with the block: copies of the engine that
/// the loader has made to share one block must share this too, or two of them would give a process
/// and its child the same generation.
#[repr(align(4096))]
pub struct Lasting {
    /// Initialisations in this line of processes: tells a child's state from its parent's.
    pub generations: AtomicU32,
    /// The environment's wishes, read once; 0 before.
    pub wishes: AtomicU64,
    /// After so many nanoseconds a wait is reported; 0: never.
    pub stall_ns: AtomicU64,
    /// Which file standard error was at first: device and number.
    pub stderr: [AtomicU64; 2],
    /// What the program has said about reclamation.
    pub policy: Policy,
    /// What debug mode is to do, in children too.
    pub debug: Wishes,
    /// In debug mode: what is to be called with reports.
    pub handler: Handler,
    /// Who is told of threads' ends.
    pub watch: Watch,
    /// And what the parent has put down.
    pub inherited: Inherited,
}

/// The exported object.
#[repr(C)]
pub struct Exported {
    control: Control,
    /// So that a CPU's entry and the slots of its line, which an acquire reads and writes in one
    /// breath, are not as far apart as pages: hardware that compares addresses by their last twelve
    /// bits takes the one for the other and waits.
    shift: [AtomicU32; 16],
    /// The table of current lines, one entry a CPU; NULL where there is none yet, or sequences are
    /// not to be had. A fresh line is made current by the first acquire that finds that.
    current: [AtomicPtr<Line>; TABLE],
    /// What is retired, and who sees to it.
    retired: Retired,
    lasting: Lasting,
}

/// Where the table lies in the block.
pub const CURRENT: usize = offset_of!(Exported, current);

/// What the kernel wipes in a forked child: its address and its size.
pub fn wiped() -> (*const Exported, usize) {
    (exported(), offset_of!(Exported, lasting))
}

/// The block, and what lasts. Reached by [`control`], [`current`] and [`lasting`] only.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals)]
pub static hazptr_control_1: Exported = Exported {
    control: Control {
        magic: AtomicU64::new(0),
        layout: AtomicU32::new(0),
        size: AtomicU32::new(0),
        generation: AtomicU32::new(0),
        word: Word(AtomicU32::new(0)),
        rseq_offset: AtomicIsize::new(0),
        nr_cpus: AtomicU32::new(0),
        slots: AtomicU32::new(0),
        registry: CachePadded::new(Registry::new()),
        backup: CachePadded::new(BackupList::new()),
        starts: Starts::new(),
        init: Lock::new(),
        barrier: CachePadded::new(Barrier::new()),
        waiters: CachePadded::new(Waiters::new()),
        counters: Counters::new(),
        records: Records::new(),
    },
    shift: [const { AtomicU32::new(0) }; 16],
    current: [const { AtomicPtr::new(ptr::null_mut()) }; TABLE],
    retired: Retired::new(),
    lasting: Lasting {
        generations: AtomicU32::new(0),
        wishes: AtomicU64::new(0),
        stall_ns: AtomicU64::new(0),
        stderr: [const { AtomicU64::new(0) }; 2],
        policy: Policy::new(),
        debug: Wishes::new(),
        handler: Handler::new(),
        watch: Watch::new(),
        inherited: Inherited::new(),
    },
};

/// The control block, as this process sees it.
#[inline(always)]
pub fn control() -> &'static Control {
    &exported().control
}

/// The table of current lines.
pub fn current() -> &'static [AtomicPtr<Line>; TABLE] {
    &exported().current
}

/// What is retired.
pub fn retired() -> &'static Retired {
    &exported().retired
}

/// See [`Lasting`].
pub fn lasting() -> &'static Lasting {
    &exported().lasting
}

#[inline(always)]
fn exported() -> &'static Exported {
    let exported: *const Exported;
    // SAFETY: loads an address that the linker put into the global offset table; the object is
    // static, and all of it is atomic or guarded by a lock.
    unsafe {
        asm!(
            "movq {symbol}@GOTPCREL(%rip), {exported}",
            symbol = sym hazptr_control_1,
            exported = lateout(reg) exported,
            options(att_syntax, pure, nomem, nostack, preserves_flags),
        );
        &*exported
    }
}

impl Control {
    /// The generation, to be compared with a later one: a change means that this is a forked
    /// child, and all that was read before belongs to the parent.
    pub fn generation(&self) -> u32 {
        // Relaxed: only this thread's own past matters; see fork in lib.rs.
        self.generation.load(Ordering::Relaxed)
    }

    /// Whether a hazard that is held since `generation`, and has just been written behind a light fence,
    /// needs nothing more.
    #[inline(always)]
    pub fn is_quiet(&self, generation: u32) -> bool {
        self.word.is_quiet() && self.generation() == generation
    }

    /// The same as a number: what inlined code finds in the generation and the word, read as one.
    pub fn quiet(generation: u32) -> u64 {
        u64::from(QUIET) << 32 | u64::from(generation)
    }

    /// The first cache lines' constants, for those who only look.
    pub fn describe(&self) {
        // Relaxed: the word is stored after these, with Release.
        self.layout.store(LAYOUT, Ordering::Relaxed);
        self.size.store(offset_of!(Exported, lasting) as u32, Ordering::Relaxed);
        self.slots.store(line::SLOTS as u32, Ordering::Relaxed);
        self.magic.store(MAGIC, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleepers_stay_announced_when_the_mode_changes() {
        let word = Word(AtomicU32::new(0));
        word.set_mode(Mode::Rseq);
        word.raise();
        word.set_mode(Mode::Membarrier);
        assert!(word.release_is_slow() && word.mode() == Mode::Membarrier);
        word.lower();
        assert!(!word.release_is_slow() && word.mode() == Mode::Membarrier);
    }

    #[test]
    fn nobody_is_taken_back_who_is_not_announced() {
        let word = Word(AtomicU32::new(0));
        word.set_mode(Mode::Fence);
        word.lower();
        assert!(word.mode() == Mode::Fence && word.release_is_slow());
        word.raise();
        word.lower();
        assert_eq!(word.0.load(Ordering::Relaxed) & (RELEASE_FENCED - 1), 0);
    }
}
