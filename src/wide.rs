// SPDX-License-Identifier: MIT OR Apache-2.0
//! A word of sixteen bytes, changed by compare-and-swap.
//!
//! In assembly, for the language has no such type. ThreadSanitizer does not see that, so builds for it
//! have a lock instead.

use core::arch::x86_64;
use core::cell::UnsafeCell;

/// See the module's comment.
#[repr(C, align(16))]
pub struct Wide(UnsafeCell<Halves>);

// SAFETY: the word is read and written by the instructions below only.
unsafe impl Sync for Wide {}

/// Whether this processor has what it takes: all x86-64 since 2006 or so.
pub fn is_possible() -> bool {
    const CX16: u32 = 1 << 13;
    #[allow(unused_unsafe)] // Newer compilers know.
    // SAFETY: every x86-64 has the instruction.
    let features = unsafe { x86_64::__cpuid(1) };
    features.ecx & CX16 != 0
}

impl Wide {
    /// Zero.
    pub const fn new() -> Self {
        Self(UnsafeCell::new([0; 2]))
    }
}

/// Its two halves, low and high.
pub type Halves = [u64; 2];

#[cfg(not(hazptr_no_assembly))]
impl Wide {
    /// Both halves, though not of one instant: a guess for [`Self::compare_exchange`].
    #[inline(always)]
    pub fn guess(&self) -> Halves {
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
        [low, high]
    }

    /// Puts `new` in the place of `old`, or says what is there instead. A full fence.
    ///
    /// # Safety
    /// [`is_possible`].
    #[inline(always)]
    pub unsafe fn compare_exchange(&self, old: Halves, new: Halves) -> Result<(), Halves> {
        let [mut low, mut high] = old;
        let mut done = new[1];
        // SAFETY: the word is aligned, and ours to change. The compiler keeps rbx for itself, so it is
        // put back.
        unsafe {
            core::arch::asm!(
                "xchgq %rbx, %rsi",
                "lock cmpxchg16b (%rdi)",
                "sete %cl",
                "movq %rsi, %rbx",
                in("rdi") self.0.get(),
                inout("rsi") new[0] => _,
                inout("rcx") done,
                inout("rax") low,
                inout("rdx") high,
                options(att_syntax, nostack),
            );
        }
        // The rest of the register is still of `new`.
        if done as u8 != 0 { Ok(()) } else { Err([low, high]) }
    }
}

#[cfg(hazptr_no_assembly)]
impl Wide {
    pub fn guess(&self) -> Halves {
        self.locked(|word| *word)
    }

    pub unsafe fn compare_exchange(&self, old: Halves, new: Halves) -> Result<(), Halves> {
        self.locked(|word| {
            if *word != old {
                return Err(*word);
            }
            *word = new;
            Ok(())
        })
    }

    fn locked<T>(&self, act: impl FnOnce(&mut Halves) -> T) -> T {
        static LOCK: crate::lock::Lock = crate::lock::Lock::new();
        let _held = LOCK.lock();
        // SAFETY: with the lock held, nobody else is here.
        act(unsafe { &mut *self.0.get() })
    }
}
