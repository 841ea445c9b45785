// SPDX-License-Identifier: MIT OR Apache-2.0
//! The threads beside the measured one.

use std::mem::{size_of, zeroed};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The CPUs that this process may use.
pub fn cpus() -> Vec<usize> {
    // SAFETY: a set of bits, for which zero is valid; the call fills it.
    let set = unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set);
        set
    };

    // SAFETY: within the set's size.
    (0..libc::CPU_SETSIZE as usize).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect()
}

/// Whether two threads can run at the same time, or why not.
pub fn need_two_cpus() -> Result<(), String> {
    match cpus().len() {
        2.. => Ok(()),
        _ => Err("this measure needs two CPUs".to_string()),
    }
}

/// Keeps the calling thread on one CPU.
pub fn pin(cpu: usize) {
    // SAFETY: as in `cpus`. A refusal is of no harm.
    unsafe {
        let mut set: libc::cpu_set_t = zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
}

/// Runs `measured` while another thread runs `piece` again and again.
pub fn beside<R>(piece: impl Fn() + Sync, measured: impl FnOnce() -> R) -> R {
    let cpus = cpus();
    let stop = AtomicBool::new(false);
    let arrived = Barrier::new(2);

    thread::scope(|scope| {
        scope.spawn(|| {
            pin(cpus[1]);
            piece();
            arrived.wait();
            while !stop.load(Ordering::Relaxed) {
                piece();
            }
        });
        pin(cpus[0]);
        arrived.wait();
        let result = measured();
        stop.store(true, Ordering::Relaxed);
        result
    })
}

/// Runs `measured` while other threads sleep, each after its `arrival`.
pub fn asleep<R>(count: usize, arrival: impl Fn() + Sync, measured: impl FnOnce() -> R) -> R {
    let arrived = Barrier::new(count + 1);
    let leave = Barrier::new(count + 1);

    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| {
                arrival();
                arrived.wait();
                leave.wait();
            });
        }
        arrived.wait();
        let result = measured();
        leave.wait();
        result
    })
}

/// Threads that all do `piece(state)`, which stands for so many operations, for a while; returns
/// nanoseconds of wall clock an operation of all together. Each is kept on a CPU, round and round.
pub fn together<S>(
    threads: usize,
    span: Duration,
    start: impl Fn() -> S + Sync,
    piece: impl Fn(&mut S) -> u64 + Sync,
) -> f64 {
    let stop = AtomicBool::new(false);
    let arrived = Barrier::new(threads + 1);

    let cpus = cpus();
    let run = |index: usize| {
        pin(cpus[index % cpus.len()]);
        let mut state = start();
        let mut operations = 0;

        piece(&mut state);
        arrived.wait();
        while !stop.load(Ordering::Relaxed) {
            operations += piece(&mut state);
        }
        operations
    };
    let run = &run;

    thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|index| scope.spawn(move || run(index))).collect();

        arrived.wait();
        let begin = Instant::now();
        thread::sleep(span);
        stop.store(true, Ordering::Relaxed);
        let operations: u64 = all.into_iter().map(|thread| thread.join().unwrap()).sum();
        begin.elapsed().as_nanos() as f64 / operations as f64
    })
}
