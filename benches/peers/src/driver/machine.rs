// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine, and what else runs on it.

use std::ffi::CStr;
use std::fs;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::thread::available_parallelism;

use crate::record::Machine;

pub fn describe() -> Machine {
    Machine {
        cpu: cpu_model(),
        cpus: available_parallelism().map_or(1, usize::from),
        kernel: kernel(),
        libc: libc_version(),
        load_average: load_average(),
    }
}

fn cpu_model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));

    line.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, name)| name).to_string()
}

fn kernel() -> String {
    // SAFETY: plain arrays of characters, which the call fills and ends with NUL.
    unsafe {
        let mut name: libc::utsname = zeroed();
        libc::uname(&mut name);
        let text = |field: *const libc::c_char| CStr::from_ptr(field).to_string_lossy().to_string();
        let words = [name.sysname.as_ptr(), name.release.as_ptr(), name.machine.as_ptr()];
        words.map(text).join(" ")
    }
}

fn libc_version() -> String {
    // SAFETY: glibc returns a constant string.
    let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) };

    format!("glibc {}", version.to_string_lossy())
}

pub fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();

    text.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0)
}

/// The time now, in UTC.
pub fn date() -> String {
    let mut text = [0; 32];

    // SAFETY: the buffer is as long as is said, and zeroed beyond what is written.
    unsafe {
        let now = libc::time(null_mut());
        let mut parts: libc::tm = zeroed();
        libc::gmtime_r(&now, &mut parts);
        libc::strftime(text.as_mut_ptr(), text.len(), c"%Y-%m-%d %H:%M UTC".as_ptr(), &parts);
        CStr::from_ptr(text.as_ptr()).to_string_lossy().to_string()
    }
}

/// CPU time in seconds, since the machine was started.
#[derive(Clone, Copy)]
pub struct Usage {
    all: f64,
    busy: f64,
    stolen: f64,
    own: f64,
}

/// What others had of a time, as shares of all CPUs.
pub struct Strangers {
    pub others: f64,
    pub stolen: f64,
}

impl Usage {
    pub fn now() -> Usage {
        let text = fs::read_to_string("/proc/stat").unwrap_or_default();
        let words = text.lines().next().unwrap_or("").split_whitespace().skip(1);
        let ticks: Vec<f64> = words.map(|word| word.parse().unwrap_or(0.0)).collect();
        // SAFETY: asks for a number.
        let hertz = unsafe { libc::sysconf(libc::_SC_CLK_TCK) } as f64;
        // user nice system idle iowait irq softirq steal; guests are in user.
        let part = |which: usize| ticks.get(which).copied().unwrap_or(0.0) / hertz;

        Usage {
            all: (0..8).map(part).sum(),
            busy: (0..3).map(part).sum(),
            stolen: part(7),
            own: cpu_time(libc::RUSAGE_SELF) + cpu_time(libc::RUSAGE_CHILDREN),
        }
    }

    pub fn strangers_since(&self, before: Usage) -> Strangers {
        let all = (self.all - before.all).max(0.01);
        let others = (self.busy - before.busy) - (self.own - before.own);

        Strangers {
            others: round(others.max(0.0) / all),
            stolen: round((self.stolen - before.stolen) / all),
        }
    }
}

/// To a tenth of a percent.
fn round(share: f64) -> f64 {
    (share * 1000.0).round() / 1000.0
}

fn cpu_time(who: libc::c_int) -> f64 {
    // SAFETY: plain numbers, which the call fills.
    let usage = unsafe {
        let mut usage: libc::rusage = zeroed();
        libc::getrusage(who, &mut usage);
        usage
    };
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 * 1e-6;

    seconds(usage.ru_utime) + seconds(usage.ru_stime)
}
