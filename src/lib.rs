// SPDX-License-Identifier: MIT OR Apache-2.0
//! hazptr: hazard pointers for user space.
//!
//! # The way of the data
//!
//! A C program calls [`abi`]; a reader then goes through [`acquire`] to [`rseq`] (the fast path)
//! and back through [`release`], a waiter through [`synchronize`] to [`barrier`] and [`wait`]. Who
//! retires goes through [`retire`] to [`shard`]; from there [`reclaim`] takes it, and calls back.
//!
//! | module | one idea |
//! |---|---|
//! | [`abi`] | exported functions and types; becomes include/hazptr.h |
//! | [`control`] | the state in one block, its layout, the modes |
//! | [`init`] | how the mode is chosen, and how it goes down |
//! | [`rseq`] | the restartable sequences, in assembly |
//! | [`acquire`] | which way an acquire takes; swapping lines |
//! | [`portable`] | acquire by compare-and-swap; validation by re-load |
//! | [`backup`] | hazards in the caller's context |
//! | [`release`] | the store of NULL, and the look for sleepers |
//! | [`held`] | slots that a context keeps, and writes itself |
//! | [`line`] | fifteen slots and a state |
//! | [`registry`] | all lines, and the mark |
//! | [`synchronize`] | barrier, scan, wait |
//! | [`barrier`] | membarrier, shared between waiters |
//! | [`wait`] | sleeping and waking |
//! | [`retire`] | on this CPU's list; whom to tell |
//! | [`shard`], [`wide`] | that list; its word of sixteen bytes |
//! | [`reclaim`] | take, barrier, look, call back; waiting for that |
//! | [`protected`], [`filter`] | which of many objects are protected; a set of addresses |
//! | [`ledger`] | what is where; the phases of barriers |
//! | [`batch`] | what a thread reclaims, and what others may take of it |
//! | [`list`] | retired objects and chains of them |
//! | [`cohort`] | counts of what belongs together |
//! | [`worker`] | the thread that reclaims |
//! | [`policy`] | when, and by whom |
//! | [`fence`] | which fences pair |
//! | [`lock`] | a mutex that handlers may meet |
//! | [`sweep`] | a barrier for when membarrier is withdrawn |
//! | [`stats`] | counters |
//! | [`dump`], [`place`] | who holds what, for people; where that is |
//! | [`stall`] | waits that last too long |
//! | [`debug`], [`holder`], [`pending`] | debug mode: of contexts, of what is held, of what is retired |
//! | [`records`], [`stamp`], [`report`] | what it puts down; who did it, where; how that is told |
//! | [`symbol`] | names for addresses |
//! | [`text`], [`trace`] | lines of text; tracepoints |
//! | [`wishes`] | what the environment asks for |
//! | [`delay`] | where builds for the tests lose time |
//! | [`sys`], [`thread`] | system calls and libc |
//! | [`sync`] | the atomics |
//! | `safe` | the Rust interface, if it is asked for |
//!
//! # Invariants
//!
//! - **I1** From acquire to release a hazard stays in one slot. Nothing copies it elsewhere. (Who holds
//!   a context may rewrite its own slot; that is never NULL while it is held. A backup slot may be
//!   handed to another context, under the lock that a scan holds.)
//! - **I2** Lines are type-stable: once mapped they stay lines for the life of the process.
//! - **I3** A non-NULL address is written into an *empty* slot only by an acquire, in a line that is
//!   CURRENT for the CPU it runs on and inside a restartable sequence; or by CAS in a SHARED line.
//!   SHARED lines never become CURRENT, and a line is current for one CPU at most.
//! - **I4** No slot of a PARKED line is filled that is empty: it only drains. A drained line may be taken
//!   again.
//! - **I5** A sequence that loaded the old pointer has committed before the waiter's barrier
//!   returns, or never commits.
//! - **I6** A scan that begins after that barrier reads every slot of every line below the mark,
//!   whatever the line's state, and the whole backup list; by I1 their order does not matter.
//! - **I7** Every store that removes an address that a waiter may have seen is followed by the look
//!   for sleepers, keyed by the slot.
//! - **I8** A callback is called once, for an object that was retired before a barrier (I5) of the
//!   batch that took it, and not found in any slot by a look (I6) that came after. What was found
//!   there is kept, and needs another look, but no other barrier.
//! - **I9** A retired object is in one place: on a shard, in one batch, or kept; what is taken off a
//!   shard is counted in a phase, under the same lock, until its callback has returned.
//!
//! docs/algorithm.md is the proof.
//!
//! # Who may change what
//!
//! | state | changed by | how |
//! |---|---|---|
//! | an empty slot of a CURRENT line | any thread on that CPU | sequence ([`rseq`]) |
//! | an empty slot of a SHARED line | any thread | CAS ([`portable`]) |
//! | a slot in use | whoever holds the context | plain store ([`release`], [`portable`], [`held`]) |
//! | an entry of `current` | a thread on that CPU | sequence ([`rseq::swap_line`]); cleared by [`init`] |
//! | a line's state | who owns it; PARKED: by CAS | [`line`] |
//! | the mark | any thread, upwards by one | CAS ([`registry`]) |
//! | the mode | who holds the init lock, downwards | [`init`] |
//! | the backup list | who holds its lock | [`backup`] |
//! | a shard's list | any thread: push one or more, or take all | CAS of 16 bytes ([`shard`]) |
//! | kept objects, phases, who reclaims | who holds the ledger's lock | [`ledger`] |
//! | what a batch has on offer | its thread; a cohort's waiter | try-lock ([`batch`]) |
//! | a cohort's count | raised before the push, lowered after the callback | RMW ([`cohort`]) |
//! | the worker's state | who starts, wakes or kicks it; itself | CAS ([`worker`]) |
//!
//! # Fork
//!
//! All of this state is in one block that the kernel wipes in the child ([`control`]). The child's
//! first call initialises it anew, with fresh lines; the parent's lines stay mapped in it, neither
//! scanned nor used again, so that releasing an inherited context stores NULL where nobody looks.
//! A handler may fork in the middle of any call here. In the child that call goes on with what it
//! had read, so each one that could then damage the fresh state compares the generation first.

#![cfg_attr(all(panic = "abort", not(feature = "rust")), no_std)]

#[cfg(feature = "rust")]
extern crate alloc;

#[cfg(not(all(target_arch = "x86_64", target_os = "linux", target_pointer_width = "64")))]
compile_error!("libhazptr runs on 64-bit x86 Linux only, so far");

pub mod abi;
mod acquire;
mod backup;
mod barrier;
mod batch;
mod cohort;
mod control;
mod debug;
mod delay;
mod dump;
mod fence;
mod filter;
mod held;
mod holder;
mod init;
mod ledger;
mod line;
mod list;
mod lock;
mod pending;
mod place;
mod policy;
mod portable;
mod protected;
mod reclaim;
mod records;
mod registry;
mod release;
mod report;
mod retire;
mod rseq;
#[cfg(feature = "rust")]
pub mod safe;
mod shard;
mod stall;
mod stamp;
mod stats;
mod sweep;
mod symbol;
mod sync;
mod synchronize;
mod sys;
mod text;
mod thread;
mod trace;
mod wait;
mod wide;
mod wishes;
mod worker;

#[cfg(feature = "rust")]
pub use safe::{Atomic, Guard, HazardPointer, Protected, Unlinked};

/// There is nothing here that panics on purpose, and nobody to unwind to.
#[cfg(all(panic = "abort", not(feature = "rust")))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    sys::die([b"internal error; ", b"please report it"])
}
