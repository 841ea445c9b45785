// SPDX-License-Identifier: MIT OR Apache-2.0
//! include/hazptr.h, by hand.

#![allow(non_camel_case_types)]

use core::ffi::{c_char, c_int, c_uint, c_void};
use core::mem::offset_of;
use core::ptr;

/// hazptr_set_debug_handler(): a second release.
pub const HAZPTR_DEBUG_NOT_HELD: c_uint = 1;
/// Release, in a child, of what its parent held.
pub const HAZPTR_DEBUG_FORKED: c_uint = 7;
/// A wait for what another thread is to release, and did not acquire.
pub const HAZPTR_DEBUG_SELF_WAIT: c_uint = 8;
pub const HAZPTR_MODE_RSEQ: c_uint = 1;
pub const HAZPTR_MODE_MEMBARRIER: c_uint = 2;
pub const HAZPTR_MODE_FENCE: c_uint = 3;

#[repr(C)]
pub struct hazptr_slot {
    addr: *mut c_void,
}

#[repr(C)]
pub struct hazptr_backup_slot {
    slot: hazptr_slot,
    next: *mut hazptr_backup_slot,
    pprev: *mut *mut hazptr_backup_slot,
}

#[repr(C)]
pub struct hazptr_ctx {
    slot: *mut hazptr_slot,
    backup_slot: hazptr_backup_slot,
    generation: u32,
    flags: u32,
    reserved: [*mut c_void; 3],
}

impl hazptr_ctx {
    /// HAZPTR_CTX_INIT.
    pub const INIT: Self = Self {
        slot: ptr::null_mut(),
        backup_slot: hazptr_backup_slot {
            slot: hazptr_slot { addr: ptr::null_mut() },
            next: ptr::null_mut(),
            pprev: ptr::null_mut(),
        },
        generation: 0,
        flags: 0,
        reserved: [ptr::null_mut(); 3],
    };

    /// For [`crate::breakage`], which has to know what the library knows.
    pub fn holds(&self) -> bool {
        !self.slot.is_null()
    }
}

/// The members are not all read here, but all are there.
#[repr(C)]
#[derive(Default)]
pub struct hazptr_statistics {
    pub acquire: [u64; 4],
    pub held: u64,
    pub held_backup: u64,
    pub lines: u64,
    pub lines_parked: u64,
    pub parks: [u64; 2],
    pub barriers: [u64; 4],
    pub sleeps: u64,
    pub wakes: u64,
}

// As ffi-tests/layout.c has it from the header.
const _: () = {
    assert!(size_of::<hazptr_slot>() == 8);
    assert!(size_of::<hazptr_backup_slot>() == 24);
    assert!(size_of::<hazptr_ctx>() == 64 && align_of::<hazptr_ctx>() == 8);
    assert!(offset_of!(hazptr_ctx, backup_slot) == 8);
    assert!(offset_of!(hazptr_ctx, generation) == 32);
    assert!(size_of::<hazptr_statistics>() == 128);
    assert!(offset_of!(hazptr_statistics, held) == 32);
    assert!(offset_of!(hazptr_statistics, lines) == 48);
    assert!(offset_of!(hazptr_statistics, sleeps) == 112);
};

unsafe extern "C" {
    pub fn hazptr_acquire(ctx: *mut hazptr_ctx, addr_p: *const *mut c_void) -> *mut c_void;
    pub fn hazptr_release(ctx: *mut hazptr_ctx, addr: *const c_void);
    pub fn hazptr_detach(ctx: *mut hazptr_ctx);
    pub fn hazptr_note_context_switch();
    pub fn hazptr_synchronize(addr: *const c_void);
    pub fn hazptr_init() -> c_int;
    pub fn hazptr_version() -> c_uint;
    pub fn hazptr_mode() -> c_uint;
    pub fn hazptr_set_debug_handler(
        handler: Option<unsafe extern "C" fn(kind: c_uint, report: *const c_char)>,
    );
    pub fn hazptr_stats(stats: *mut hazptr_statistics, size: usize) -> c_int;
}
