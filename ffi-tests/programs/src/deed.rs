// SPDX-License-Identifier: MIT OR Apache-2.0
//! What threads are told to do, and what must come of it.

use crate::program::{Call, Op, Pointer, THREADS};

/// Whom the main thread is, among those who act.
pub const MAIN: usize = THREADS;

/// Threads, one bit each.
pub type Threads = u8;

/// What a call must do, apart from returning and leaving errno alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expect {
    Nothing,
    /// An acquire must return this.
    Loads(Pointer),
    /// Statistics must count so many hazards as held.
    Holding(u64),
}

/// Where a call is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    Here,
    /// In a handler, by a signal to oneself.
    OwnHandler,
    /// In a handler of a thread that waits.
    HandlerOf(usize),
}

#[derive(Debug)]
pub enum Deed {
    Store {
        cell: u8,
        addr: Pointer,
    },
    Call {
        call: Call,
        expect: Expect,
        place: Place,
    },
    /// A `hazptr_synchronize` of this object that must not return yet.
    Wait(u8),
    /// `alone`: the library must have counted a sleep since the last `Wait`.
    UntilAsleep {
        alone: bool,
    },
    RunOn(Option<u8>),
    EndThread,
    /// The main thread starts another in its place.
    Replace(usize),
    /// The child does these, all of them `Store` or `Call`.
    Fork(Vec<Deed>),
}

/// An operation as it was allowed.
pub fn restated(op: &Op, deed: &Deed) -> Op {
    match (op, deed) {
        (Op::Call(_), Deed::Call { call, .. }) => Op::Call(call.clone()),
        (Op::InHandler(_), Deed::Call { call, .. }) => Op::InHandler(call.clone()),
        _ => op.clone(),
    }
}
