// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which CPUs a thread runs on.

use std::mem;
use std::sync::LazyLock;

/// Those that the process may use.
static ALLOWED: LazyLock<libc::cpu_set_t> = LazyLock::new(allowed_now);

fn allowed_now() -> libc::cpu_set_t {
    // SAFETY: an empty set is all zero.
    let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: the set is of the size that is said.
    let result = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) };
    assert_eq!(result, 0, "sched_getaffinity");
    set
}

/// Reads what is allowed, before any thread is bound.
pub fn remember() {
    LazyLock::force(&ALLOWED);
}

/// Before there are other threads: from now on one CPU is all.
pub fn forget_all_but_one() {
    let mut set = allowed_now();
    // SAFETY: CPU numbers below the set's size.
    unsafe {
        let cpu = (0..libc::CPU_SETSIZE as usize).find(|cpu| libc::CPU_ISSET(*cpu, &set));
        libc::CPU_ZERO(&mut set);
        libc::CPU_SET(cpu.expect("this one"), &mut set);
    }
    bind(&set).expect("one of those allowed");
}

fn nth(n: usize) -> libc::cpu_set_t {
    // SAFETY: CPU numbers below the set's size.
    let allowed = |cpu: &usize| unsafe { libc::CPU_ISSET(*cpu, &ALLOWED) };
    let cpus: Vec<usize> = (0..libc::CPU_SETSIZE as usize).filter(allowed).collect();
    // SAFETY: as above.
    unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(cpus[n % cpus.len()], &mut set);
        set
    }
}

/// Binds this thread to the nth of the CPUs allowed, counted round and round, or to all of them.
pub fn run_on(n: Option<u8>) -> Result<(), String> {
    bind(&n.map_or(*ALLOWED, |n| nth(usize::from(n))))
}

fn bind(set: &libc::cpu_set_t) -> Result<(), String> {
    // SAFETY: the set is of the size that is said.
    match unsafe { libc::sched_setaffinity(0, size_of_val(set), set) } {
        0 => Ok(()),
        _ => Err("sched_setaffinity was refused".into()),
    }
}

/// How many CPUs there may ever be.
pub fn configured() -> u64 {
    // SAFETY: always safe.
    let cpus = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_CONF) };
    u64::try_from(cpus).expect("known")
}
