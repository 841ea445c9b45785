// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Rust interface (feature `rust`): the same engine, by types that cannot be misused.
//!
//! An [`Atomic`] owns an object that others read and replace at the same time. [`Atomic::load`] lends it
//! to a reader, as a [`Guard`], or as a reference to whoever has a [`HazardPointer`] to protect it by.
//! What is taken out comes as [`Unlinked`]: no new reader finds it, but some may be reading it still; so
//! it is dropped when the last of them is through, now or later.
//!
//! ```
//! use hazptr::Atomic;
//!
//! let config = Atomic::new(String::from("first"));
//! std::thread::scope(|scope| {
//!     scope.spawn(|| {
//!         let guard = config.load().expect("never taken out");
//!         assert!(["first", "next"].contains(&guard.as_str()));
//!     });
//!     config.store(String::from("next"));
//! });
//! assert_eq!(*config.load().unwrap(), "next");
//! ```
//!
//! What is retired is dropped in the library's thread, or in one that retires: hence `Send` and
//! `'static`. **Do not retire while you hold a lock that such a drop takes**: to store, to take and to drop an
//! [`Unlinked`] may drop others' objects. A panic in such a drop ends the process.

use crate::abi::{hazptr_ctx, hazptr_slot};
use crate::sync::{AtomicPtr, Ordering};
use crate::{acquire, debug, held, reclaim, release, retire, synchronize};
use alloc::boxed::Box;
use core::ffi::c_void;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{ManuallyDrop, MaybeUninit};
use core::ops::Deref;
use core::ptr::{self, NonNull};

/// A pointer to an object that it owns, or null, which many threads read and replace at the same time.
///
/// It is `Send` and `Sync` if the object is both: readers in other threads have references to it, and it
/// is dropped in another thread than it was made in.
///
/// ```compile_fail
/// # use hazptr::Atomic;
/// let not_sync = Atomic::new(std::cell::Cell::new(1));
/// std::thread::scope(|scope| { scope.spawn(|| not_sync.load()); });
/// ```
///
/// An object without size has no address of its own to protect:
///
/// ```compile_fail
/// hazptr::Atomic::new(());
/// ```
pub struct Atomic<T> {
    object: AtomicPtr<T>,
    owns: PhantomData<T>,
}

// SAFETY: see the type: who has the cell gives and takes objects, and references to them, to and from
// other threads.
unsafe impl<T: Send + Sync> Send for Atomic<T> {}
// SAFETY: likewise.
unsafe impl<T: Send + Sync> Sync for Atomic<T> {}

impl<T> Atomic<T> {
    /// Owns `value`.
    pub fn new(value: T) -> Self {
        Self::from(Some(Box::new(value)))
    }

    /// Null.
    pub const fn null() -> Self {
        Self { object: AtomicPtr::new(ptr::null_mut()), owns: PhantomData }
    }

    /// What it owns. Nobody reads it: they would have borrowed the cell.
    pub fn into_inner(self) -> Option<Box<T>> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: owned, and forgotten here.
        unsafe { boxed(*this.object.get_mut()) }
    }

    /// What it owns, to be changed in place.
    pub fn get_mut(&mut self) -> Option<&mut T> {
        // SAFETY: owned, and borrowed by nobody else.
        unsafe { self.object.get_mut().as_mut() }
    }

    /// Lends the object to a reader: it is not dropped while the guard lives. None if it is null.
    ///
    /// Costs about a nanosecond, of which half is the guard's end.
    #[inline]
    pub fn load(&self) -> Option<Guard<'_, T>> {
        Guard::acquire(self)
    }
}

impl<T: Send + 'static> Atomic<T> {
    /// Puts `new` in the object's place.
    pub fn swap(&self, new: impl Into<Option<Box<T>>>) -> Option<Unlinked<T>> {
        // AcqRel: what is put in is seen by its readers, and what is taken out by us.
        let old = self.object.swap(raw(new.into()), Ordering::AcqRel);
        NonNull::new(old).map(|object| Unlinked { object, owns: PhantomData })
    }

    /// Puts `value` in the object's place, and retires that.
    pub fn store(&self, value: T) {
        drop(self.swap(Box::new(value)));
    }

    /// Takes the object out; then it is null.
    pub fn take(&self) -> Option<Unlinked<T>> {
        self.swap(None)
    }

    /// Puts `new` in the object's place if that is the one that the guard protects, or null if `current`
    /// is None. It cannot be another one at the same address, for that is protected. Else gives `new`
    /// back.
    pub fn compare_exchange(
        &self,
        current: Option<&Guard<'_, T>>,
        new: impl Into<Option<Box<T>>>,
    ) -> Result<Option<Unlinked<T>>, Option<Box<T>>> {
        let old = current.map_or(ptr::null_mut(), |guard| guard.object.as_ptr());
        let new = raw(new.into());
        // Release: what is put in is seen by its readers. What is taken out the guard has acquired.
        match self.object.compare_exchange(old, new, Ordering::Release, Ordering::Relaxed) {
            Ok(old) => Ok(NonNull::new(old).map(|object| Unlinked { object, owns: PhantomData })),
            // SAFETY: it was a box, and nobody else has seen it.
            Err(_) => Err(unsafe { boxed(new) }),
        }
    }
}

impl<T> Default for Atomic<T> {
    fn default() -> Self {
        Self::null()
    }
}

impl<T> From<Option<Box<T>>> for Atomic<T> {
    fn from(object: Option<Box<T>>) -> Self {
        Self { object: AtomicPtr::new(raw(object)), owns: PhantomData }
    }
}

impl<T> Drop for Atomic<T> {
    fn drop(&mut self) {
        // SAFETY: owned. Readers have borrowed the cell, so there are none.
        drop(unsafe { boxed(*self.object.get_mut()) });
    }
}

impl<T: fmt::Debug> fmt::Debug for Atomic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Atomic").field(&self.load().as_deref()).finish()
    }
}

fn raw<T>(object: Option<Box<T>>) -> *mut T {
    // Two of these are at one address, which tells nothing, and may be any.
    const { assert!(size_of::<T>() != 0, "an object without size has no address of its own") };
    object.map_or(ptr::null_mut(), Box::into_raw)
}

/// # Safety
/// From [`raw`], and once.
unsafe fn boxed<T>(object: *mut T) -> Option<Box<T>> {
    // SAFETY: the caller's duty.
    (!object.is_null()).then(|| unsafe { Box::from_raw(object) })
}

/// A context that others reach by its address, and so not a box, which would say that nobody does.
fn in_place() -> NonNull<hazptr_ctx> {
    let ctx: Box<MaybeUninit<hazptr_ctx>> = Box::new_uninit();
    NonNull::from(Box::leak(ctx)).cast()
}

/// # Safety
/// From [`in_place`], and not used again.
unsafe fn free(ctx: NonNull<hazptr_ctx>) {
    // SAFETY: the caller's duty.
    drop(unsafe { Box::from_raw(ctx.as_ptr().cast::<MaybeUninit<hazptr_ctx>>()) });
}

/// What a context holds, such that it can be moved: only a backup slot is tied to its place.
struct Hazard {
    slot: *mut hazptr_slot,
    /// Whose backup slot that is, if it is one.
    own: Option<NonNull<hazptr_ctx>>,
}

impl Hazard {
    /// # Safety
    /// The context holds something. It holds nothing afterwards.
    #[inline]
    unsafe fn take(ctx: *mut hazptr_ctx) -> Self {
        // SAFETY: the caller's duty.
        unsafe {
            let slot = (*ctx).slot;
            if !ptr::eq(slot, &raw const (*ctx).backup_slot.slot) {
                return Self { slot, own: None };
            }
            let own = in_place();
            held::hand_over(own.as_ptr(), ctx);
            // A guard may be sent to another thread, and be dropped there.
            debug::detach(own.as_ptr());
            Self { slot: (*own.as_ptr()).slot, own: Some(own) }
        }
    }
}

impl Drop for Hazard {
    #[inline]
    fn drop(&mut self) {
        match self.own {
            // SAFETY: held since take(). The slot is a line's, of which there is nothing to free.
            None => release::clear(unsafe { &*self.slot.cast() }),
            // SAFETY: held since take(), and in its place.
            Some(own) => unsafe {
                release::release(own.as_ptr(), ptr::null());
                free(own);
            },
        }
    }
}

/// An object that is protected while this lives: `hazptr_acquire()` to `hazptr_release()`.
///
/// May be sent to another thread, and be dropped there, if the object may be shared with it.
pub struct Guard<'a, T> {
    object: NonNull<T>,
    _hazard: Hazard,
    cell: PhantomData<&'a T>,
}

// SAFETY: a reference to the object, and a hazard, which any thread may release.
unsafe impl<T: Sync> Send for Guard<'_, T> {}
// SAFETY: likewise; only its end touches the hazard.
unsafe impl<T: Sync> Sync for Guard<'_, T> {}

impl<'a, T> Guard<'a, T> {
    #[inline]
    fn acquire(cell: &'a Atomic<T>) -> Option<Self> {
        let mut ctx = MaybeUninit::uninit();
        let ctx = ctx.as_mut_ptr();
        // SAFETY: a context of our own, and a pointer in place; what it holds is taken out of it.
        unsafe {
            let object = acquire::acquire(ctx, cell.object.as_ptr().cast());
            let object = NonNull::new(object.cast())?;
            Some(Self { object, _hazard: Hazard::take(ctx), cell: PhantomData })
        }
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: protected, and not dropped while it is.
        unsafe { self.object.as_ref() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A hazard that is kept, to protect one object after the other: `hazptr_hold()`.
///
/// ```
/// use hazptr::{Atomic, HazardPointer};
///
/// let (a, b) = (Atomic::new(1), Atomic::new(2));
/// let mut hazard = HazardPointer::new();
/// let mut sum = 0;
/// for cell in [&a, &b] {
///     sum += *hazard.protect(cell).unwrap();
/// }
/// assert_eq!(sum, 3);
/// ```
///
/// What it protects is borrowed from it; so it protects one object at a time:
///
/// ```compile_fail
/// # use hazptr::{Atomic, HazardPointer};
/// # let (a, b) = (Atomic::new(1), Atomic::new(2));
/// # let mut hazard = HazardPointer::new();
/// let first = hazard.protect(&a).unwrap();
/// let second = hazard.protect(&b).unwrap();
/// assert_eq!(*first + *second, 3);
/// ```
pub struct HazardPointer {
    ctx: NonNull<hazptr_ctx>,
}

// SAFETY: any thread may use a context, one at a time.
unsafe impl Send for HazardPointer {}
// SAFETY: what a shared reference lets one do is nothing.
unsafe impl Sync for HazardPointer {}

impl HazardPointer {
    /// Protects nothing yet.
    pub fn new() -> Self {
        let ctx = in_place();
        // SAFETY: a context of our own.
        unsafe { held::hold(ctx.as_ptr()) };
        Self { ctx }
    }

    /// Lends the object to a reader. None if it is null.
    #[inline]
    pub fn protect<'h, T>(&'h mut self, cell: &'h Atomic<T>) -> Option<Protected<'h, T>> {
        let ctx = self.ctx.as_ptr();
        // SAFETY: held since new(). While the result lives, nobody else uses it.
        let object = unsafe { held::protect(ctx, cell.object.as_ptr().cast(), !0) };
        NonNull::new(object.cast()).map(|object| Protected { object, ctx, owner: PhantomData })
    }
}

impl Default for HazardPointer {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for HazardPointer {
    fn drop(&mut self) {
        // SAFETY: held since new().
        unsafe {
            release::release(self.ctx.as_ptr(), ptr::null());
            free(self.ctx);
        }
    }
}

/// An object that a [`HazardPointer`] protects while this lives: `hazptr_protect()` to `hazptr_reset()`.
pub struct Protected<'h, T> {
    object: NonNull<T>,
    ctx: *mut hazptr_ctx,
    owner: PhantomData<(&'h mut HazardPointer, &'h T)>,
}

// SAFETY: a reference to the object, and a hazard, which any thread may reset.
unsafe impl<T: Sync> Send for Protected<'_, T> {}
// SAFETY: likewise; only its end touches the hazard.
unsafe impl<T: Sync> Sync for Protected<'_, T> {}

impl<T> Deref for Protected<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: protected, and not dropped while it is.
        unsafe { self.object.as_ref() }
    }
}

impl<T> Drop for Protected<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: its owner has been held since new(), and is borrowed.
        unsafe { held::reset(self.ctx) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Protected<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl fmt::Debug for HazardPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HazardPointer")
    }
}

/// An object that no new reader finds. It is retired when this is dropped.
pub struct Unlinked<T: Send + 'static> {
    object: NonNull<T>,
    owns: PhantomData<T>,
}

// SAFETY: it owns the object, which others may have references to still.
unsafe impl<T: Send + Sync> Send for Unlinked<T> {}
// SAFETY: likewise.
unsafe impl<T: Send + Sync> Sync for Unlinked<T> {}

impl<T: Send + 'static> Unlinked<T> {
    /// Waits until nobody reads it: `hazptr_synchronize()`. Never returns if the caller does, by a guard of
    /// its own.
    pub fn wait(self) -> Box<T> {
        let this = ManuallyDrop::new(self);
        synchronize::synchronize(this.object.as_ptr().cast());
        // SAFETY: a box before it was unlinked; all who had it are gone.
        unsafe { Box::from_raw(this.object.as_ptr()) }
    }

    /// Has it dropped when nobody reads it any more: what dropping this does.
    pub fn retire(self) {}
}

impl<T: Send + 'static> Deref for Unlinked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: owned.
        unsafe { self.object.as_ref() }
    }
}

impl<T: Send + 'static> Drop for Unlinked<T> {
    fn drop(&mut self) {
        unsafe extern "C" fn drop_boxed<T>(object: *mut c_void) {
            // SAFETY: a box before it was unlinked; nobody protects it.
            drop(unsafe { Box::from_raw(object.cast::<T>()) });
        }
        let object = self.object.as_ptr().cast();
        // SAFETY: unlinked, and retired once.
        if unsafe { retire::retire_ptr(ptr::null_mut(), object, Some(drop_boxed::<T>), 0) } != 0 {
            // No memory to note it in.
            synchronize::synchronize(object);
            // SAFETY: as above, and nobody has it.
            unsafe { drop_boxed::<T>(object) };
        }
    }
}

/// Waits until all that is retired, by anybody, is dropped. False, at once, in a drop that the library
/// has called. Never returns if the caller protects such an object.
pub fn barrier() -> bool {
    reclaim::barrier() == 0
}
