// SPDX-License-Identifier: MIT OR Apache-2.0
//! A word of sixteen bytes, changed by compare-and-swap.
//!
//! In assembly, for the language has no such type. ThreadSanitizer does not see that, so builds for it
//! have a lock instead.

use core::arch::x86_64;
use core::cell::UnsafeCell;

/// See the module's comment.
#[repr(C, align(16))]
pub struct Wide(UnsafeCell<u128>);

// SAFETY: the word is read and written by the instructions below only.
unsafe impl Sync for Wide {}

/// Whether this processor has what it takes: all x86-64 since 2006 or so.
pub fn is_possible() -> bool {
    const CX16: u32 = 1 << 13;
    x86_64::__cpuid(1).ecx & CX16 != 0
}

impl Wide {
    /// Zero.
    pub const fn new() -> Self {
        Self(UnsafeCell::new(0))
    }
}

#[cfg(not(hazptr_no_assembly))]
impl Wide {
    /// Both halves, though not of one instant: a guess for [`Self::compare_exchange`].
    #[inline(always)]
    pub fn guess(&self) -> u128 {
        let (low, high): (u64, u64);
        // SAFETY: two loads of memory that is always there.
        unsafe {
            core::arch::asm!(
                "movq ({word}), {low}",
                "movq 8({word}), {high}",
                word = in(reg) self.0.get(),
                low = out(reg) low,
                high = lateout(reg) high,
                options(att_syntax, nostack, preserves_flags, readonly),
            );
        }
        u128::from(high) << 64 | u128::from(low)
    }

    /// Puts `new` in the place of `old`; the word as it was, which is `old` if that was done. A full
    /// fence.
    ///
    /// # Safety
    /// [`is_possible`].
    #[inline(always)]
    pub unsafe fn compare_exchange(&self, old: u128, new: u128) -> u128 {
        let (mut low, mut high) = (old as u64, (old >> 64) as u64);
        // SAFETY: the word is aligned, and ours to change. The compiler keeps rbx for itself, so it is
        // put back.
        unsafe {
            core::arch::asm!(
                "xchgq %rbx, %rsi",
                "lock cmpxchg16b (%rdi)",
                "movq %rsi, %rbx",
                in("rdi") self.0.get(),
                inout("rsi") new as u64 => _,
                in("rcx") (new >> 64) as u64,
                inout("rax") low,
                inout("rdx") high,
                options(att_syntax, nostack),
            );
        }
        u128::from(high) << 64 | u128::from(low)
    }
}

#[cfg(hazptr_no_assembly)]
impl Wide {
    pub fn guess(&self) -> u128 {
        self.locked(|word| *word)
    }

    pub unsafe fn compare_exchange(&self, old: u128, new: u128) -> u128 {
        self.locked(|word| {
            let found = *word;
            if found == old {
                *word = new;
            }
            found
        })
    }

    fn locked<T>(&self, act: impl FnOnce(&mut u128) -> T) -> T {
        static LOCK: crate::lock::Lock = crate::lock::Lock::new();
        let _held = LOCK.lock();
        // SAFETY: with the lock held, nobody else is here.
        act(unsafe { &mut *self.0.get() })
    }
}
