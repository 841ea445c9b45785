// SPDX-License-Identifier: MIT OR Apache-2.0
//! A set of addresses, of fixed size, that may take one for another: what it has not is not in the set.

use core::ffi::c_void;

/// 2 KiB of the caller's stack. A thousand addresses make one in sixteen seem to be there that is not.
const BITS: u32 = if cfg!(test) { 6 } else { 14 };
const WORDS: usize = (1usize << BITS).div_ceil(64);

/// See the module's comment.
pub struct Filter([u64; WORDS]);

/// So many bits that tell an address from others.
pub fn hash(addr: *const c_void, bits: u32) -> usize {
    ((addr.addr() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (u64::BITS - bits)) as usize
}

impl Filter {
    /// The empty set.
    pub const fn new() -> Self {
        Self([0; WORDS])
    }

    /// Adds an address.
    pub fn add(&mut self, addr: *const c_void) {
        let bit = hash(addr, BITS);
        self.0[bit / 64] |= 1 << (bit % 64);
    }

    /// Whether an address may be in the set.
    pub fn may_have(&self, addr: *const c_void) -> bool {
        let bit = hash(addr, BITS);
        self.0[bit / 64] >> (bit % 64) & 1 != 0
    }
}
