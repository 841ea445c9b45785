// SPDX-License-Identifier: MIT OR Apache-2.0
//! haphazard: hazard pointers after Folly's. A `HazardPointer` can be kept, which its documentation
//! recommends over making one for each read; `reset_protection` ends its protection.

use std::array;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic;
use std::sync::atomic::Ordering;

use haphazard::raw::Pointer;
use haphazard::{AtomicPtr, Domain, HazardPointer};

use crate::object::{Apart, OBJECTS, OTHER, Object, READ, consume};
use crate::reclaimed;
use crate::subject::{About, Subject};

/// An object whose owner does not free it, but counts: it is published again.
struct Returned(NonNull<Object>);

impl Deref for Returned {
    type Target = Object;

    fn deref(&self) -> &Object {
        // SAFETY: objects are never freed.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Returned {
    fn drop(&mut self) {
        reclaimed::count();
    }
}

// SAFETY: the pointer goes in and out as it is, and its object is never freed.
unsafe impl Pointer<Object> for Returned {
    fn into_raw(self) -> *mut Object {
        self.0.as_ptr()
    }

    unsafe fn from_raw(object: *mut Object) -> Returned {
        // SAFETY: comes from a box, so it is not null.
        Returned(unsafe { NonNull::new_unchecked(object) })
    }
}

pub struct Haphazard {
    shared: [Apart<AtomicPtr<Object>>; OBJECTS],
    /// The waiter's: what will be published next.
    spare: atomic::AtomicPtr<Object>,
}

impl Haphazard {
    #[inline(always)]
    fn read(&self, which: usize, hazard: &mut HazardPointer<'static>) {
        let object = self.shared[which].0.safe_load(hazard).expect("never null");

        consume(object.field);
    }
}

impl Subject for Haphazard {
    type Kept = HazardPointer<'static>;

    fn about() -> About {
        let mut about = About::new("haphazard", "haphazard", "one");

        about.measures = vec!["read-made", "read-held", "wait", "oversubscribed"];
        about.note = "wait: retire_ptr, then eager_reclaim until it was reclaimed".to_string();
        about
    }

    fn new() -> Haphazard {
        let object = || Box::new(Object::new());

        Haphazard {
            shared: array::from_fn(|_| Apart(AtomicPtr::from(object()))),
            spare: atomic::AtomicPtr::new(Box::into_raw(object())),
        }
    }

    fn keep(&self) -> HazardPointer<'static> {
        HazardPointer::new()
    }

    #[inline(always)]
    fn read_made(&self) {
        self.read(READ, &mut HazardPointer::new());
    }

    #[inline(always)]
    fn read_held(&self, hazard: &mut HazardPointer<'static>) {
        self.read(READ, hazard);
        hazard.reset_protection();
    }

    fn hold(&self, during: impl FnOnce()) {
        let mut hazard = HazardPointer::new();

        self.read(OTHER, &mut hazard);
        during();
    }

    #[inline(always)]
    fn hold_all(&self, during: impl FnOnce()) {
        let mut hazards = HazardPointer::many::<OBJECTS>();

        for (which, hazard) in hazards.as_refs().into_iter().enumerate() {
            self.read(which, hazard);
        }
        during();
    }

    fn replace(&self) {
        let domain = Domain::global();
        let new = self.spare.load(Ordering::Relaxed);
        // SAFETY: an object; what it replaces is retired in the readers' domain.
        let old = unsafe { self.shared[READ].0.as_std() }.swap(new, Ordering::AcqRel);

        reclaimed::retire_and_wait(
            // SAFETY: unpublished, and retired once until it is published again.
            || unsafe {
                domain.retire_ptr::<Object, Returned>(old);
            },
            || {
                domain.eager_reclaim();
            },
        );
        self.spare.store(old, Ordering::Relaxed);
    }
}
