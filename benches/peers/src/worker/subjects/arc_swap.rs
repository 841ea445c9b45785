// SPDX-License-Identifier: MIT OR Apache-2.0
//! arc-swap. `load` is the way that its documentation recommends for short use. Its `Cache` is
//! faster, but keeps the object until the next load: it never ends its protection.

use std::array;
use std::cell::Cell;
use std::sync::Arc;
use std::thread::yield_now;

use arc_swap::ArcSwap;

use crate::object::{Apart, OBJECTS, OTHER, Object, READ, consume};
use crate::subject::{About, Subject};

pub struct ArcSwapped {
    shared: [Apart<ArcSwap<Object>>; OBJECTS],
}

thread_local! {
    /// What will be published next.
    static SPARE: Cell<Option<Arc<Object>>> = const { Cell::new(None) };
}

impl Subject for ArcSwapped {
    type Kept = ();

    fn about() -> About {
        let mut about = About::new("arc-swap", "arc-swap", "one");

        about.note = "wait: swap, then until the old Arc is the only one".to_string();
        about
    }

    fn new() -> ArcSwapped {
        ArcSwapped { shared: array::from_fn(|_| Apart(ArcSwap::from_pointee(Object::new()))) }
    }

    fn keep(&self) {}

    #[inline(always)]
    fn read_made(&self) {
        consume(self.shared[READ].0.load().field);
    }

    fn hold(&self, during: impl FnOnce()) {
        let guard = self.shared[OTHER].0.load();

        consume(guard.field);
        during();
    }

    #[inline(always)]
    fn hold_all(&self, during: impl FnOnce()) {
        let guards: [_; OBJECTS] = array::from_fn(|which| self.shared[which].0.load());

        for guard in &guards {
            consume(guard.field);
        }
        during();
    }

    fn replace(&self) {
        let new = SPARE.take().unwrap_or_else(|| Arc::new(Object::new()));
        let mut old = self.shared[READ].0.swap(new);

        while Arc::get_mut(&mut old).is_none() {
            yield_now();
        }
        SPARE.set(Some(old));
    }
}
