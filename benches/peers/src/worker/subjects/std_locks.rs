// SPDX-License-Identifier: MIT OR Apache-2.0
//! The locks of std, each around the shared pointers that it protects.

use std::array;
use std::mem::swap;
use std::sync::{Mutex, RwLock};

use crate::object::{Apart, OBJECTS, Object, READ, consume};
use crate::subject::{About, Subject};

const NOTE: &str = "wait: the lock, taken for writing to replace the object";

struct Objects {
    shared: [Apart<Box<Object>>; OBJECTS],
    /// What will be published next.
    spare: Box<Object>,
}

impl Objects {
    fn new() -> Objects {
        let object = || Box::new(Object::new());

        Objects { shared: array::from_fn(|_| Apart(object())), spare: object() }
    }

    #[inline(always)]
    fn read(&self) {
        consume(self.shared[READ].0.field);
    }

    #[inline(always)]
    fn read_all(&self) {
        for object in &self.shared {
            consume(object.0.field);
        }
    }

    fn replace(&mut self) {
        swap(&mut self.shared[READ].0, &mut self.spare);
    }
}

pub struct StdRwLock(Apart<RwLock<Objects>>);

impl Subject for StdRwLock {
    type Kept = ();

    fn about() -> About {
        let mut about = About::new("std-rwlock", "std::sync::RwLock", "lock");

        about.note = NOTE.to_string();
        about
    }

    fn new() -> StdRwLock {
        StdRwLock(Apart(RwLock::new(Objects::new())))
    }

    fn keep(&self) {}

    #[inline(always)]
    fn read_made(&self) {
        self.0.0.read().unwrap().read();
    }

    fn hold(&self, during: impl FnOnce()) {
        let _guard = self.0.0.read().unwrap();

        during();
    }

    #[inline(always)]
    fn hold_all(&self, during: impl FnOnce()) {
        let guard = self.0.0.read().unwrap();

        guard.read_all();
        during();
    }

    fn replace(&self) {
        self.0.0.write().unwrap().replace();
    }
}

pub struct StdMutex(Apart<Mutex<Objects>>);

impl Subject for StdMutex {
    type Kept = ();

    fn about() -> About {
        let mut about = About::new("std-mutex", "std::sync::Mutex", "lock");

        about.note = NOTE.to_string();
        about
    }

    fn new() -> StdMutex {
        StdMutex(Apart(Mutex::new(Objects::new())))
    }

    fn keep(&self) {}

    #[inline(always)]
    fn read_made(&self) {
        self.0.0.lock().unwrap().read();
    }

    fn hold(&self, during: impl FnOnce()) {
        let _guard = self.0.0.lock().unwrap();

        during();
    }

    #[inline(always)]
    fn hold_all(&self, during: impl FnOnce()) {
        let guard = self.0.0.lock().unwrap();

        guard.read_all();
        during();
    }

    fn replace(&self) {
        self.0.0.lock().unwrap().replace();
    }
}
