// SPDX-License-Identifier: MIT OR Apache-2.0
//! What must hold in every execution. Each test says which rules it is about.

use super::machine;
use crate::abi::hazptr_ctx;
use crate::control::{self, Mode, control};
use crate::line::Line;
use crate::sync::{AtomicPtr, Ordering, UnsafeCell};
use crate::{acquire, barrier, init, registry, release, synchronize};
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;
use std::sync::{Mutex, MutexGuard};

mod held;
mod lines;
mod locks;
mod modes;
mod protection;
mod retirement;
mod safe;

/// All models use the one control block.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What readers look at and writers free.
pub struct Object(UnsafeCell<bool>);

// SAFETY: that no two threads are there at once is what the models look into.
unsafe impl Sync for Object {}

impl Object {
    pub const fn new() -> Self {
        Self(UnsafeCell::new(false))
    }

    pub fn addr(&self) -> *mut c_void {
        ptr::from_ref(self).cast_mut().cast()
    }

    /// What a reader does that protects it.
    pub fn look(&self) {
        // SAFETY: see above.
        assert!(!unsafe { *self.0.get_shared() }, "use after free");
    }

    /// What a writer does that may.
    pub fn free(&self) {
        // SAFETY: see above.
        assert!(!unsafe { self.0.get().replace(true) }, "freed twice");
    }

    /// Whether it was, as who was told so sees it.
    pub fn is_freed(&self) -> bool {
        // SAFETY: see above.
        unsafe { *self.0.get_shared() }
    }

    /// The same for who was not told.
    pub fn was_freed(&self) -> bool {
        // SAFETY: no thread is in the middle of a store.
        unsafe { *self.0.get_untold() }
    }

    /// As it was made, before there was a second thread.
    pub fn renew(&self) {
        // SAFETY: see above.
        unsafe { *self.0.get() = false };
    }
}

pub static OBJECTS: [Object; 3] = [const { Object::new() }; 3];
/// Which of them is in use.
pub static POINTER: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
/// Another such pointer.
pub static ANOTHER: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

pub const MODES: [Mode; 3] = [Mode::Rseq, Mode::Membarrier, Mode::Fence];

pub fn join<const N: usize>(threads: [loom::thread::JoinHandle<()>; N]) {
    for thread in threads {
        thread.join().expect("no panic");
    }
}

/// Contexts, at the same addresses in each execution.
pub struct Contexts([UnsafeCell<MaybeUninit<hazptr_ctx>>; 4]);

// SAFETY: each belongs to one thread.
unsafe impl Sync for Contexts {}

pub static CONTEXTS: Contexts = Contexts([const { UnsafeCell::new(MaybeUninit::uninit()) }; 4]);

pub fn ctx(number: usize) -> *mut hazptr_ctx {
    CONTEXTS.0[number].get_untold().cast()
}

/// Acquires, looks and releases.
pub fn read_from(number: usize, pointer: &AtomicPtr<c_void>) {
    // SAFETY: static memory, this thread's.
    unsafe {
        let addr = acquire::acquire(ctx(number), pointer.as_ptr());
        if let Some(object) = addr.cast::<Object>().as_ref() {
            object.look();
        }
        release::release(ctx(number), core::ptr::null());
    }
}

pub fn read(number: usize) {
    read_from(number, &POINTER);
}

/// The same with a context that holds: protects, looks, lets go.
pub fn protect(number: usize) {
    // SAFETY: this thread's, and it holds.
    unsafe {
        let addr = crate::held::protect(ctx(number), POINTER.as_ptr(), !0);
        if let Some(object) = addr.cast::<Object>().as_ref() {
            object.look();
        }
        crate::held::reset(ctx(number));
    }
}

/// Puts an object in the place of another, waits for the readers of that and frees it.
pub fn replace(old: usize, new: *mut c_void) {
    // A new object is written before it is published: Release is the program's part.
    // SAFETY: an object, or NULL.
    if let Some(object) = unsafe { new.cast::<Object>().as_ref() } {
        object.renew();
    }
    POINTER.store(new, Ordering::Release);
    synchronize::synchronize(OBJECTS[old].addr());
    OBJECTS[old].free();
}

/// A model: the mode it runs in, how many lines there may be, and how many preemptions of a thread are
/// tried in one execution (HAZPTR_PREEMPTIONS says otherwise; "all": without a bound).
pub struct Model {
    mode: Mode,
    lines: u32,
    preemptions: usize,
}

impl Model {
    pub fn new(mode: Mode) -> Self {
        Self { mode, lines: 1, preemptions: 2 }
    }

    pub fn lines(self, lines: u32) -> Self {
        Self { lines, ..self }
    }

    pub fn preemptions(self, preemptions: usize) -> Self {
        Self { preemptions, ..self }
    }

    /// Runs `test` in every execution, on an engine that has just been initialised.
    pub fn check(self, test: impl Fn() + Send + Sync + 'static) {
        self.check_uninitialised(move || {
            init::ensure();
            // In mode rseq these are threads without an area: sequences are not for loom.
            control().rseq_offset.store(0, Ordering::Relaxed);
            OBJECTS.iter().for_each(Object::renew);
            POINTER.store(OBJECTS[0].addr(), Ordering::Relaxed);
            ANOTHER.store(OBJECTS[1].addr(), Ordering::Relaxed);
            test();
            assert_eq!(synchronize::held_in_lines(control()) + control().backup.len(), 0);
        });
    }

    /// The same, on an engine that has not been called yet.
    pub fn check_uninitialised(self, test: impl Fn() + Send + Sync + 'static) {
        let _one: MutexGuard<'_, ()> =
            ONE_AT_A_TIME.lock().unwrap_or_else(|failed| failed.into_inner());
        machine::forget();
        let mut builder = loom::model::Builder::new();
        builder.max_branches = 100_000;
        builder.preemption_bound = match std::env::var("HAZPTR_PREEMPTIONS") {
            Ok(all) if all == "all" => None,
            Ok(number) => Some(number.parse().expect("HAZPTR_PREEMPTIONS: a number, or all")),
            Err(_) => Some(self.preemptions),
        };
        let executions = std::sync::Arc::new(core::sync::atomic::AtomicUsize::new(0));
        let counted = executions.clone();
        let begun = std::time::Instant::now();
        builder.check(move || {
            counted.fetch_add(1, core::sync::atomic::Ordering::Relaxed);
            reset(self.mode, self.lines);
            machine::begin();
            test();
            machine::end();
        });
        std::println!(
            "{} executions, {:?}",
            executions.load(core::sync::atomic::Ordering::Relaxed),
            begun.elapsed()
        );
    }
}

/// As a process that has never called the library.
fn reset(mode: Mode, lines: u32) {
    let (block, bytes) = control::wiped();
    // SAFETY: no other thread is here.
    unsafe {
        ptr::write_bytes(block.cast::<u8>().cast_mut(), 0, bytes);
        let lasting = ptr::from_ref(control::lasting()).cast_mut();
        ptr::write_bytes(lasting, 0, 1);
        let first = registry::static_chunk();
        for line in 0..registry::FIRST {
            first.add(line).write(Line::new());
        }
    }
    let name = match mode {
        Mode::Rseq => "rseq",
        Mode::Membarrier => "membarrier",
        _ => "fence",
    };
    // SAFETY: no other thread is here.
    unsafe {
        std::env::set_var("HAZPTR_MODE", name);
        std::env::set_var("HAZPTR_MAX_LINES", std::format!("{lines}"));
    }
}
