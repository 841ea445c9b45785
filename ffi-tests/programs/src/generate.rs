// SPDX-License-Identifier: MIT OR Apache-2.0
//! Random programs. In each choice what is simpler comes first: shrinking goes that way.

use crate::program::{CELLS, CONTEXTS, Call, OBJECTS, Op, Pointer, Program, Step, THREADS};
use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::prelude::*;

const STEPS: usize = 60;
const STEPS_IN_CHILD: usize = 8;

fn cell() -> impl Strategy<Value = u8> {
    0..CELLS as u8
}

fn pointer() -> impl Strategy<Value = Pointer> {
    prop_oneof![7 => (0..OBJECTS as u8).prop_map(Some), 1 => Just(None)]
}

/// Mostly a few that are used again and again.
fn context() -> impl Strategy<Value = u8> {
    prop_oneof![5 => 0..6u8, 1 => 0..CONTEXTS as u8]
}

/// The first and how many: mostly one.
fn contexts(many: impl Strategy<Value = u8>) -> impl Strategy<Value = (u8, u8)> {
    let count = prop_oneof![24 => Just(1u8), 1 => many];
    (context(), count).prop_map(|(first, count)| (first, count.min(CONTEXTS as u8 - first)))
}

/// Now and then with more than fit into two lines.
fn acquire() -> impl Strategy<Value = Call> {
    (contexts(1..=36u8), cell()).prop_map(|((first, count), cell)| Call::Acquire {
        first,
        count,
        cell,
    })
}

fn release() -> impl Strategy<Value = Call> {
    (contexts(1..=8u8), any::<bool>()).prop_map(|((first, count), with_addr)| Call::Release {
        first,
        count,
        with_addr,
    })
}

fn synchronize() -> impl Strategy<Value = Op> {
    prop_oneof![15 => (0..OBJECTS as u8).prop_map(Some), 1 => Just(None)]
        .prop_map(|addr| Op::Call(Call::Synchronize { addr }))
}

fn stats() -> impl Strategy<Value = Call> {
    // Smaller, as it is, larger; and sizes that are refused.
    prop_oneof![4 => Just(128u8), 2 => (0..=31u8).prop_map(|words| words * 8), 1 => 0..=255u8]
        .prop_map(|size| Call::Stats { size })
}

/// All but acquire, release and synchronize.
fn other_call() -> impl Strategy<Value = Call> {
    prop_oneof![
        4 => stats(),
        3 => Just(Call::NoteContextSwitch),
        2 => context().prop_map(|ctx| Call::Detach { ctx: Some(ctx) }),
        1 => Just(Call::Detach { ctx: None }),
        1 => Just(Call::Init),
        1 => Just(Call::Mode),
        1 => Just(Call::Version),
    ]
}

fn store() -> impl Strategy<Value = Op> {
    (cell(), pointer()).prop_map(|(cell, addr)| Op::Store { cell, addr })
}

/// What may stand in a handler does now and then.
fn call() -> impl Strategy<Value = Op> {
    let call = prop_oneof![12 => acquire(), 9 => release(), 5 => other_call()];
    (call, weighted(0.15)).prop_map(
        |(call, in_handler)| {
            if in_handler { Op::InHandler(call) } else { Op::Call(call) }
        },
    )
}

fn op_of_child() -> impl Strategy<Value = Op> {
    prop_oneof![
        3 => store(),
        12 => call(),
        3 => synchronize(),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        30 => store(),
        150 => call(),
        45 => synchronize(),
        14 => Just(Op::UntilAsleep),
        6 => prop_oneof![Just(None), (0..4u8).prop_map(Some)].prop_map(Op::RunOn),
        2 => Just(Op::EndThread),
        1 => vec(op_of_child(), 0..=STEPS_IN_CHILD).prop_map(Op::Fork),
    ]
}

/// Programs of two to four threads.
pub fn program() -> impl Strategy<Value = Program> {
    let step = (0..THREADS as u8, op()).prop_map(|(thread, op)| Step { thread, op });
    (2..=THREADS as u8, vec(step, 1..=STEPS)).prop_map(|(threads, mut steps)| {
        steps.iter_mut().for_each(|step| step.thread %= threads);
        Program(steps)
    })
}
