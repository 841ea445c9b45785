// SPDX-License-Identifier: MIT OR Apache-2.0
//! What debug mode knows of every context that holds something and of every object that is retired. It is
//! not in the contexts: they need no initialisation, so nothing in them can be believed.
//!
//! A table of chains, by address. What is over stays for a while, for who does it again: two such records
//! a chain, and then the oldest is used anew. So memory is bounded by what there is at one time.
//!
//! A forked child has the parent's records as they were, and a new table.

use crate::control::{Control, lasting};
use crate::line::Slot;
use crate::lock::Lock;
use crate::stamp::Stamp;
use crate::sync::UnsafeCell;
use crate::sync::unseen::{AtomicPtr, Ordering};
use crate::sys;
use core::ffi::c_void;
use core::ptr;

const CHAINS: usize = 1 << 14;
/// Records of what is over, in a chain.
const OVER: usize = 2;
const CHUNK_BYTES: usize = 256 << 10;

/// What a record's address is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A context.
    Context,
    /// A node of the program's, which it has retired.
    Node,
    /// An object that was retired without one.
    Object,
}

/// What became of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// There is nothing to tell.
    Unused,
    /// A hazard that is held, or an object that is pending.
    Now,
    /// Somebody is in the middle of its release.
    Releasing,
    /// It was released.
    Over,
    /// A hazard that is held, but by whom is not known any more: the context was used for another one, or
    /// its memory is gone.
    Lost,
}

/// See the module's comment. All zero is unused.
#[derive(Clone, Copy)]
pub struct Record {
    next: *mut Record,
    /// What a context says that it holds when it holds nothing any more: a slot that is nobody's. So whoever has
    /// the context then, or a copy of it, writes here.
    pub grave: *mut c_void,
    /// Where it is.
    pub at: usize,
    /// What that is.
    pub kind: Kind,
    /// What became of it.
    pub state: State,
    /// Another thread may release it.
    pub detached: bool,
    /// The context keeps its slot, for one address after the other.
    pub keeps_slot: bool,
    /// The slot that holds the hazard: not the context's own, as it has it.
    pub slot: *const Slot,
    /// What is protected, before tags were taken off.
    pub addr: usize,
    /// The bits of it that count.
    pub keep: usize,
    /// How it began.
    pub begun: Stamp,
    /// And ended.
    pub ended: Stamp,
}

impl Record {
    const UNUSED: Self = Self {
        next: ptr::null_mut(),
        grave: ptr::null_mut(),
        at: 0,
        kind: Kind::Context,
        state: State::Unused,
        detached: false,
        keeps_slot: false,
        slot: ptr::null(),
        addr: 0,
        keep: 0,
        begun: Stamp::NONE,
        ended: Stamp::NONE,
    };

    /// A hazard, of which all else is still to be said.
    pub fn hazard(addr: usize, keep: usize, begun: Stamp) -> Self {
        Self { state: State::Now, addr, keep, begun, ..Self::UNUSED }
    }

    /// All but where it is.
    pub fn fill(&mut self, other: Self) {
        *self = Self { next: self.next, at: self.at, kind: self.kind, state: State::Now, ..other };
    }

    /// Whether it is a hazard.
    pub fn is_held(&self) -> bool {
        self.kind == Kind::Context && matches!(self.state, State::Now | State::Lost)
    }
}

const RECORDS: usize = (CHUNK_BYTES - 2 * size_of::<usize>()) / size_of::<Record>();

struct Chunk {
    older: *mut Chunk,
    used: usize,
    records: [Record; RECORDS],
}

/// One process's records.
pub struct Table {
    chains: [*mut Record; CHAINS],
    chunks: *mut Chunk,
    /// The table of the process that has forked this one.
    parent: *const Table,
}

/// Where the table is, and its lock. All zero is that there is none.
pub struct Records {
    lock: Lock,
    table: UnsafeCell<*mut Table>,
}

// SAFETY: the table is only reached with the lock held.
unsafe impl Sync for Records {}

/// What a forked child finds of its parent's.
pub struct Inherited(AtomicPtr<Table>);

impl Inherited {
    /// Nothing.
    pub const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }
}

impl Records {
    /// None.
    pub const fn new() -> Self {
        Self { lock: Lock::new(), table: UnsafeCell::new(ptr::null_mut()) }
    }

    /// An empty table for this process. False if memory is refused. The caller holds the init lock.
    pub fn open(&self) -> bool {
        let Some(memory) = sys::map_zeroed(size_of::<Table>()) else { return false };
        let table = memory.cast::<Table>().as_ptr();
        let inherited = &lasting().inherited.0;
        // Relaxed: under the init lock, and read by the child's own threads after it.
        // SAFETY: fresh memory, of which all zero is an empty table.
        unsafe { (*table).parent = inherited.load(Ordering::Relaxed) };
        inherited.store(table, Ordering::Relaxed);
        let _held = self.lock.lock();
        // SAFETY: the lock is held.
        unsafe { *self.table.get() = table };
        true
    }

    /// Opens the table. None if there is none: debug mode is off, or this is a child of a moment ago.
    pub fn with<T>(&self, act: impl FnOnce(&mut Table) -> T) -> Option<T> {
        let _held = self.lock.lock();
        // SAFETY: the lock is held, and signals are blocked: nobody else is here.
        unsafe { (*self.table.get()).as_mut() }.map(act)
    }

    /// The same, unless somebody has the lock.
    pub fn try_with<T>(&self, act: impl FnOnce(&mut Table) -> T) -> Option<T> {
        let _held = self.lock.try_lock()?;
        // SAFETY: as above.
        unsafe { (*self.table.get()).as_mut() }.map(act)
    }
}

impl Table {
    fn chain(&mut self, at: usize) -> &mut *mut Record {
        let hash = (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &mut self.chains[(hash >> 40) as usize % CHAINS]
    }

    /// The record of what is there, in one of the states.
    pub fn find(&mut self, kind: Kind, at: usize, states: &[State]) -> Option<&mut Record> {
        let mut next = *self.chain(at);
        // SAFETY: records are for ever, and ours while the lock is held.
        while let Some(record) = unsafe { next.as_mut() } {
            if record.at == at && record.kind == kind && states.contains(&record.state) {
                return Some(record);
            }
            next = record.next;
        }
        None
    }

    /// It is not so any more, and there is nothing to tell.
    pub fn forget(&mut self, kind: Kind, at: usize) {
        if let Some(record) = self.find(kind, at, &[State::Now]) {
            record.state = State::Unused;
        }
    }

    /// A record to be filled. None if memory is refused.
    pub fn add(&mut self, kind: Kind, at: usize) -> Option<&mut Record> {
        let (mut over, mut oldest): (usize, *mut Record) = (0, ptr::null_mut());
        let mut chosen = ptr::null_mut();
        let first = *self.chain(at);
        let mut next = first;
        // SAFETY: as in find().
        while let Some(record) = unsafe { next.as_mut() } {
            next = record.next;
            let same = record.at == at && record.kind == kind;
            match record.state {
                State::Unused => chosen = record,
                State::Over if same => {
                    chosen = record;
                    break;
                }
                State::Over => {
                    over += 1;
                    // SAFETY: as in find().
                    let before = unsafe { oldest.as_ref() };
                    if before.is_none_or(|oldest| record.ended.is_before(&oldest.ended)) {
                        oldest = record;
                    }
                }
                _ => {}
            }
        }
        if chosen.is_null() && over >= OVER {
            chosen = oldest;
        }
        if chosen.is_null() {
            chosen = self.fresh()?;
            // SAFETY: fresh memory, and ours.
            unsafe { (*chosen).next = first };
            *self.chain(at) = chosen;
        }
        // SAFETY: a record of the table's.
        let record = unsafe { &mut *chosen };
        (record.at, record.kind) = (at, kind);
        record.fill(Record::UNUSED);
        Some(record)
    }

    fn fresh(&mut self) -> Option<*mut Record> {
        // SAFETY: chunks are for ever, and ours while the lock is held.
        let full = unsafe { self.chunks.as_ref() }.is_none_or(|chunk| chunk.used == RECORDS);
        if full {
            let chunk = sys::map_zeroed(size_of::<Chunk>())?.cast::<Chunk>().as_ptr();
            // SAFETY: fresh memory, of which all zero is a chunk with nothing in it.
            unsafe { (*chunk).older = self.chunks };
            self.chunks = chunk;
        }
        // SAFETY: as above; there is room.
        unsafe {
            let chunk = self.chunks;
            (*chunk).used += 1;
            Some(&raw mut (*chunk).records[(*chunk).used - 1])
        }
    }

    /// Whether this process was forked by one that had such a table.
    pub fn is_childs(&self) -> bool {
        !self.parent.is_null()
    }

    /// The record whose grave that is.
    pub fn of_grave(&mut self, slot: *const Slot) -> Option<&mut Record> {
        let mut chunk = self.chunks;
        // SAFETY: as in fresh().
        unsafe {
            while let Some(this) = chunk.as_mut() {
                let at = slot.addr().wrapping_sub(this.records.as_ptr().addr());
                if at < size_of_val(&this.records) {
                    return this.records.get_mut(at / size_of::<Record>());
                }
                chunk = this.older;
            }
        }
        None
    }

    /// All of them.
    pub fn all(&mut self) -> impl Iterator<Item = &mut Record> {
        let (mut chunk, mut number) = (self.chunks, 0);
        core::iter::from_fn(move || {
            // SAFETY: as in fresh(). Each record comes once.
            unsafe {
                while number == chunk.as_ref()?.used {
                    (chunk, number) = ((*chunk).older, 0);
                }
                number += 1;
                Some(&mut (*chunk).records[number - 1])
            }
        })
    }

    /// What the processes before this one held by a context when they forked: as it was found, and not waited
    /// for.
    pub fn inherited(&self, at: usize) -> Option<Record> {
        let mut table = self.parent;
        // SAFETY: a copy of the parent's memory that nobody changes. What another thread was in the middle of
        // changing is wrong in it, but no pointer: those are stored in one piece, last.
        while let Some(parent) = unsafe { table.as_ref() } {
            let (mut chunk, mut is_known) = (parent.chunks, false);
            // SAFETY: likewise.
            while let Some(this) = unsafe { chunk.as_ref() } {
                for record in &this.records[..this.used.min(RECORDS)] {
                    if record.at == at && record.kind == Kind::Context {
                        is_known |= record.state != State::Unused;
                        if record.is_held() {
                            return Some(Record { next: ptr::null_mut(), ..*record });
                        }
                    }
                }
                chunk = this.older;
            }
            if is_known {
                return None; // Released there.
            }
            table = parent.parent;
        }
        None
    }
}

/// The records of this process.
pub fn records(control: &Control) -> &Records {
    &control.records
}
