// SPDX-License-Identifier: MIT OR Apache-2.0
//! The Rust interface: what is read is not dropped, what is taken out is dropped once.

use hazptr::{Atomic, Guard, HazardPointer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

/// Counts its end, and is not to be found after it.
struct Counted {
    ended: Arc<AtomicUsize>,
    content: u64,
}

const CONTENT: u64 = 0x600d_600d_600d_600d;

impl Counted {
    fn new(ended: &Arc<AtomicUsize>) -> Self {
        Self { ended: ended.clone(), content: CONTENT }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.content = 0xdead_beef;
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

fn counter() -> Arc<AtomicUsize> {
    Arc::new(AtomicUsize::new(0))
}

#[test]
fn what_a_guard_protects_is_dropped_after_it() {
    let ended = counter();
    let cell = Atomic::new(Counted::new(&ended));
    let guard = cell.load().expect("there");
    cell.store(Counted::new(&ended));
    // What is retired later is dropped, so the worker has had its turn.
    let later = counter();
    drop(Atomic::new(Counted::new(&later)).take());
    while later.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    assert_eq!((guard.content, ended.load(Ordering::SeqCst)), (CONTENT, 0));
    drop(guard);
    while ended.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    drop(cell);
    assert_eq!(ended.load(Ordering::SeqCst), 2);
}

#[test]
fn what_was_waited_for_is_the_callers_alone() {
    let ended = counter();
    let cell = Atomic::new(Counted::new(&ended));
    let taken = cell.take().expect("there");
    assert!(cell.load().is_none() && cell.take().is_none());
    let mut own: Box<Counted> = taken.wait();
    own.content += 1;
    drop(own);
    assert_eq!(ended.load(Ordering::SeqCst), 1);
}

#[test]
fn an_exchange_succeeds_for_what_the_guard_protects_only() {
    let cell = Atomic::new(1);
    let first = cell.load().expect("there");
    let old = cell.compare_exchange(Some(&first), Box::new(2)).expect("it is").expect("there");
    assert_eq!(*old, 1);
    let refused = cell.compare_exchange(Some(&first), Box::new(3)).map(drop).unwrap_err();
    assert_eq!(refused.as_deref(), Some(&3), "given back");
    assert_eq!(
        cell.compare_exchange(None, Box::new(4)).map(drop).unwrap_err().as_deref(),
        Some(&4)
    );
    assert!(cell.load().is_some_and(|now| *now == 2));
    cell.take();
    assert!(cell.compare_exchange(None, Box::new(5)).expect("null").is_none());
    assert_eq!(cell.into_inner().as_deref(), Some(&5));
}

#[test]
fn a_guard_may_end_in_another_thread() {
    let cell = Atomic::new(vec![1, 2, 3]);
    thread::scope(|scope| {
        let guard: Guard<'_, Vec<i32>> = cell.load().expect("there");
        scope.spawn(move || assert_eq!(*guard, [1, 2, 3]));
    });
    assert_eq!(cell.take().expect("there").wait().len(), 3);
}

#[test]
fn many_guards_are_held_at_once_and_moved_about() {
    let cells: Vec<_> = (0..1000).map(Atomic::new).collect();
    let mut guards: Vec<_> = cells.iter().map(|cell| cell.load().expect("there")).collect();
    guards.reverse();
    for (i, guard) in guards.iter().rev().enumerate() {
        assert_eq!(**guard, i);
    }
}

#[test]
fn a_hazard_pointer_protects_one_after_the_other() {
    let ended = counter();
    let cells: Vec<_> = (0..10).map(|_| Atomic::new(Counted::new(&ended))).collect();
    let null = Atomic::<Counted>::null();
    let mut hazard = HazardPointer::new();
    for cell in &cells {
        let seen = hazard.protect(cell).expect("there");
        cell.take();
        assert_eq!(seen.content, CONTENT);
    }
    assert!(hazard.protect(&null).is_none());
    while ended.load(Ordering::SeqCst) != 10 {
        thread::yield_now();
    }
}

#[test]
fn readers_never_see_what_was_dropped() {
    let ended = counter();
    let cell = Atomic::new(Counted::new(&ended));
    let stop = AtomicBool::new(false);
    const UPDATES: usize = 20_000;
    thread::scope(|scope| {
        for i in 0..4 {
            let (cell, stop) = (&cell, &stop);
            scope.spawn(move || {
                let mut hazard = HazardPointer::new();
                while !stop.load(Ordering::Relaxed) {
                    let content = if i % 2 == 0 {
                        cell.load().expect("there").content
                    } else {
                        hazard.protect(cell).expect("there").content
                    };
                    assert_eq!(content, CONTENT);
                }
            });
        }
        for i in 0..UPDATES {
            let old = cell.swap(Box::new(Counted::new(&ended))).expect("there");
            if i % 16 == 0 { drop(old.wait()) } else { old.retire() }
        }
        stop.store(true, Ordering::Relaxed);
    });
    drop(cell);
    assert!(hazptr::safe::barrier());
    assert_eq!(ended.load(Ordering::SeqCst), UPDATES + 1);
}
