// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a program is: steps, each of one thread.
//!
//! It begins with `cell[i] = &object[i]` and no context holding anything, and ends with everything
//! being released.
//!
//! Any list of steps is a program. Those that the interface does not allow where they stand are
//! skipped (model.rs), so that a shrunken program is a program too.

/// Threads that take steps.
pub const THREADS: usize = 4;
/// Shared pointers.
pub const CELLS: usize = 3;
/// What the pointers point to, unless they are NULL.
pub const OBJECTS: usize = 4;
/// Contexts; each may be acquired with and released by any thread. Enough to fill three lines.
pub const CONTEXTS: usize = 48;

/// An object's number, or NULL.
pub type Pointer = Option<u8>;

/// What a cell is when a program begins.
pub fn first_value(cell: u8) -> Pointer {
    Some(cell)
}

/// What may stand in a signal handler, too, `Synchronize` excepted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Call {
    /// Acquire with so many contexts, this one and those after it, up to the first that holds.
    Acquire {
        first: u8,
        count: u8,
        cell: u8,
    },
    /// Release so many, whether they hold or not, with their addresses or with NULL.
    Release {
        first: u8,
        count: u8,
        with_addr: bool,
    },
    /// `None` is NULL.
    Detach {
        ctx: Option<u8>,
    },
    Synchronize {
        addr: Pointer,
    },
    NoteContextSwitch,
    Init,
    Mode,
    Version,
    Stats {
        size: u8,
    },
}

/// What a step does.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Op {
    /// Publish an object, or NULL.
    Store {
        cell: u8,
        addr: Pointer,
    },
    Call(Call),
    /// The thread is interrupted by a signal, whether it waits or not, and the handler calls.
    InHandler(Call),
    /// Everybody who must be waiting is seen to sleep.
    UntilAsleep,
    /// Bind the thread to a CPU, or `None`: to all.
    RunOn(Option<u8>),
    /// The thread ends and another takes its place.
    EndThread,
    /// The child does these, alone.
    Fork(Vec<Op>),
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Step {
    pub thread: u8,
    pub op: Op,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Program(pub Vec<Step>);
