// SPDX-License-Identifier: MIT OR Apache-2.0
//! The machine as loom has it: atomics, fences, the kernel's futexes and membarrier, threads.
//!
//! The engine keeps its state in static memory and in the program's, where loom's own atomics cannot
//! stand: they are made anew in each execution. So an atomic is here what it is in the engine, plain
//! memory, and loom's, which knows of all values that a load may still see, stands beside it, found by
//! the address. The memory holds the latest value, as a thread finds it that reads it without an atomic,
//! under a lock. If it is not what was last written there, then it has been initialised since, and a new
//! atomic takes over.
//!
//! - The light fence is a read-modify-write of a cell that the thread has to itself, membarrier one of
//!   all cells: so it orders whatever a light fence has come before or after. A light one has no effect
//!   on another light one.
//! - A futex looks at the word and goes to sleep in one step; what is woken sees what the waker did. A
//!   sleep of 100 ms has no end here, so that a lost wake-up is a deadlock; a shorter one ends at once.
//! - Of two full fences loom tells the later one all that the first one knew, which is more than the language
//!   promises, and does not try them the other way round: so each is an access to what they have in common,
//!   which makes it try that.
//! - Loom remembers of each atomic who accessed it last, and no other: where one thread has loaded it, and
//!   then another has loaded and stored it, it does not try the two in the other order. So a test has the
//!   thread first that does both.
//! - Fresh memory is written by who has mapped it: who comes there without having been told of it races.

use core::ffi::{c_int, c_long, c_void};
use core::ptr;
use core::sync::atomic as core_atomic;
use loom::cell;
use loom::sync::atomic::AtomicU64 as LoomAtomic;
use loom::thread::Thread;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Mutex;
use std::vec::Vec;

pub use core::sync::atomic::Ordering;

/// In the language it is none.
pub const RMW_IS_FENCE: bool = false;

/// Threads of a test, with the one that starts them.
pub const THREADS: usize = 5;

/// What is beside the memory, in one execution.
struct World {
    /// Made before there was a second thread, so that none races with it; used one after the other.
    atomics: Vec<Rc<LoomAtomic>>,
    atomics_used: usize,
    cells: Vec<Rc<cell::UnsafeCell<()>>>,
    cells_used: usize,
    beside: HashMap<usize, Beside>,
    cell_of: HashMap<usize, Rc<cell::UnsafeCell<()>>>,
    mapped: Vec<(usize, usize, Rc<cell::UnsafeCell<()>>)>,
    fences: [Rc<LoomAtomic>; THREADS],
    /// What full fences have in common.
    full: Rc<LoomAtomic>,
    queues: HashMap<usize, Rc<LoomAtomic>>,
    sleepers: Vec<Sleeper>,
    /// The engine's own threads.
    created: Vec<loom::thread::JoinHandle<()>>,
    wide: Vec<[u64; 2]>,
    /// The CPU that the last one who asked for one has gone to.
    cpu: usize,
    /// Whether membarrier has been withdrawn.
    refused: bool,
    /// Whether no sleep ends by itself.
    patient: bool,
    /// Whether all threads push to one list.
    crowded: bool,
}

// SAFETY: loom's threads are all on one.
unsafe impl Send for World {}

/// Loom's atomic of an address. It began with zero, which stands for `began`.
#[derive(Clone)]
struct Beside {
    atomic: Rc<LoomAtomic>,
    began: u64,
    latest: u64,
}

struct Sleeper {
    word: usize,
    thread: Thread,
    number: usize,
}

const PAGE: usize = 4096;

/// What is mapped, at the same addresses in each execution, as the hash of an address decides some things.
#[repr(align(4096))]
struct Arena(core::cell::UnsafeCell<[u8; 16 * PAGE]>);

// SAFETY: who is given a piece has it.
unsafe impl Sync for Arena {}

static ARENA: Arena = Arena(core::cell::UnsafeCell::new([0; 16 * PAGE]));

/// Loom's threads take turns on one thread, so nobody ever waits for this.
static WORLD: Mutex<Option<World>> = Mutex::new(None);
/// How many the executions so far have needed.
static NEEDED: Mutex<(usize, usize)> = Mutex::new(FIRST_NEED);
/// What nobody knows the first one to need.
const FIRST_NEED: (usize, usize) = (600, 60);

fn with<T>(act: impl FnOnce(&mut World) -> T) -> T {
    act(WORLD.lock().expect("one thread").as_mut().expect("in a model"))
}

loom::thread_local! {
    static NUMBER: core::cell::Cell<usize> = core::cell::Cell::new(0);
}

fn number() -> usize {
    NUMBER.with(|number| number.get())
}

/// Starts an execution, in its first thread.
pub fn begin() {
    let (atomics, cells) = *NEEDED.lock().expect("one thread");
    let atomic = || Rc::new(LoomAtomic::new(0));
    *WORLD.lock().expect("one thread") = Some(World {
        atomics: (0..atomics + 64).map(|_| atomic()).collect(),
        atomics_used: 0,
        cells: (0..cells + 16).map(|_| Rc::new(cell::UnsafeCell::new(()))).collect(),
        cells_used: 0,
        beside: HashMap::new(),
        cell_of: HashMap::new(),
        mapped: Vec::new(),
        fences: core::array::from_fn(|_| atomic()),
        full: atomic(),
        queues: HashMap::new(),
        sleepers: Vec::new(),
        created: Vec::new(),
        wide: std::vec![[0; 2]],
        cpu: 0,
        refused: false,
        patient: false,
        crowded: false,
    });
}

/// Ends it: all threads of the test have ended, the engine's own have been told to.
pub fn end() {
    while let Some(thread) = with(|world| world.created.pop()) {
        thread.join().expect("no panic");
    }
    let world = WORLD.lock().expect("one thread").take().expect("in a model");
    let mut needed = NEEDED.lock().expect("one thread");
    // The first execution has shown it.
    let known = if *needed == FIRST_NEED { (0, 0) } else { *needed };
    *needed = (known.0.max(world.atomics_used), known.1.max(world.cells_used));
}

/// Forgets an execution that has failed, and what it needed.
pub fn forget() {
    let mut world = WORLD.lock().unwrap_or_else(|failed| failed.into_inner());
    // What is in there belongs to loom's execution, which is over.
    core::mem::forget(world.take());
    WORLD.clear_poison();
    NEEDED.clear_poison();
    *NEEDED.lock().expect("just cleared") = FIRST_NEED;
}

impl World {
    fn atomic(&mut self) -> Rc<LoomAtomic> {
        self.atomics_used += 1;
        let found = self.atomics.get(self.atomics_used - 1);
        found.expect("more atomics in use than an execution before has shown").clone()
    }

    fn cell(&mut self) -> Rc<cell::UnsafeCell<()>> {
        self.cells_used += 1;
        let found = self.cells.get(self.cells_used - 1);
        found.expect("more cells in use than an execution before has shown").clone()
    }

    /// The atomic for an address, where the memory holds `now`.
    fn beside(&mut self, addr: usize, now: u64) -> Beside {
        if let Some(beside) = self.beside.get(&addr)
            && beside.latest == now
        {
            return beside.clone();
        }
        let beside = Beside { atomic: self.atomic(), began: now, latest: now };
        self.beside.insert(addr, beside.clone());
        beside
    }

    fn wrote(&mut self, addr: usize, value: u64) {
        self.beside.get_mut(&addr).expect("just used").latest = value;
    }

    fn mapping(&self, addr: usize) -> Option<Rc<cell::UnsafeCell<()>>> {
        let inside =
            |&&(from, to, _): &&(usize, usize, Rc<cell::UnsafeCell<()>>)| from <= addr && addr < to;
        self.mapped.iter().find(inside).map(|(_, _, cell)| cell.clone())
    }

    fn map(&mut self, bytes: usize) -> (usize, Rc<cell::UnsafeCell<()>>) {
        let end = self.mapped.last().map_or(0, |&(_, end, _)| end - ARENA.0.get().addr());
        let memory = ARENA.0.get().addr() + end.next_multiple_of(PAGE);
        assert!(memory + bytes <= ARENA.0.get().addr() + size_of::<Arena>(), "a larger arena");
        // SAFETY: inside of it, and nobody else's.
        unsafe { ptr::write_bytes(memory as *mut u8, 0, bytes) };
        let cell = self.cell();
        self.mapped.push((memory, memory + bytes, cell.clone()));
        (memory, cell)
    }

    /// What the threads that come to a futex meet in.
    fn queue(&mut self, word: usize) -> Rc<LoomAtomic> {
        if !self.queues.contains_key(&word) {
            let queue = self.atomic();
            self.queues.insert(word, queue);
        }
        self.queues[&word].clone()
    }

    fn wake(&mut self, word: usize, count: usize) -> Vec<Thread> {
        let mut woken = Vec::new();
        self.sleepers.retain(|sleeper| {
            let wake = sleeper.word == word && woken.len() < count;
            if wake {
                woken.push(sleeper.thread.clone());
            }
            !wake
        });
        woken
    }

    fn wide_number(&mut self, value: [u64; 2]) -> u64 {
        let found = self.wide.iter().position(|&known| known == value);
        found.unwrap_or_else(|| {
            self.wide.push(value);
            self.wide.len() - 1
        }) as u64
    }
}

/// What a value of an atomic type is in 64 bits.
trait Bits: Copy {
    fn bits(self) -> u64;
    fn of(bits: u64) -> Self;
}

macro_rules! bits {
    ($($integer:ty)*) => {
        $(impl Bits for $integer {
            fn bits(self) -> u64 {
                self as u64
            }
            fn of(bits: u64) -> Self {
                bits as Self
            }
        })*
    };
}

bits!(u32 u64 usize i64 isize);

impl<T> Bits for *mut T {
    fn bits(self) -> u64 {
        self.expose_provenance() as u64
    }
    fn of(bits: u64) -> Self {
        ptr::with_exposed_provenance_mut(bits as usize)
    }
}

/// Finds the atomic beside some memory, and acts on it in one step of loom's.
fn beside(addr: usize, now: impl Fn() -> u64) -> Beside {
    let (beside, mapping) = with(|world| (world.beside(addr, now()), world.mapping(addr)));
    if let Some(mapping) = mapping {
        // SAFETY: nothing is accessed; loom checks that the mapping came before this.
        mapping.with(|_| ());
    }
    beside
}

/// A value as loom's atomic has it, and back.
fn coded(beside: &Beside, bits: u64) -> u64 {
    bits ^ beside.began
}

macro_rules! atomic {
    ($name:ident $(<$t:ident>)?, $value:ty, $core:ty) => {
        #[repr(transparent)]
        pub struct $name$(<$t>)?($core);

        #[allow(dead_code)]
        impl$(<$t>)? $name$(<$t>)? {
            pub const fn new(value: $value) -> Self {
                Self(<$core>::new(value))
            }

            pub unsafe fn from_ptr<'a>(memory: *mut $value) -> &'a Self {
                // SAFETY: the caller's duty; transparent.
                unsafe { &*memory.cast::<Self>() }
            }

            pub fn get_mut(&mut self) -> &mut $value {
                self.0.get_mut()
            }

            pub fn as_ptr(&self) -> *mut $value {
                self.0.as_ptr()
            }

            fn addr(&self) -> usize {
                ptr::from_ref(self).addr()
            }

            fn now(&self) -> u64 {
                self.0.load(Ordering::Relaxed).bits()
            }

            /// The memory follows.
            fn wrote(&self, value: $value) {
                self.0.store(value, Ordering::Relaxed);
                with(|world| world.wrote(self.addr(), value.bits()));
            }

            #[track_caller]
            pub fn load(&self, order: Ordering) -> $value {
                let beside = beside(self.addr(), || self.now());
                Bits::of(coded(&beside, beside.atomic.load(order)))
            }

            #[track_caller]
            pub fn store(&self, value: $value, order: Ordering) {
                let beside = beside(self.addr(), || self.now());
                beside.atomic.store(coded(&beside, value.bits()), order);
                self.wrote(value);
            }

            #[track_caller]
            pub fn compare_exchange(
                &self,
                old: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                let beside = beside(self.addr(), || self.now());
                let (from, to) = (coded(&beside, old.bits()), coded(&beside, new.bits()));
                match beside.atomic.compare_exchange(from, to, success, failure) {
                    Ok(_) => {
                        self.wrote(new);
                        Ok(old)
                    }
                    Err(found) => Err(Bits::of(coded(&beside, found))),
                }
            }

            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                old: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(old, new, success, failure)
            }

            #[track_caller]
            pub fn fetch_update(
                &self,
                success: Ordering,
                failure: Ordering,
                mut update: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                let mut seen = self.load(failure);
                while let Some(new) = update(seen) {
                    match self.compare_exchange(seen, new, success, failure) {
                        Ok(old) => return Ok(old),
                        Err(found) => seen = found,
                    }
                }
                Err(seen)
            }

            /// A read-modify-write. That a guess fails only says that others had their turn in between.
            #[track_caller]
            fn modify(&self, order: Ordering, update: impl Fn($value) -> $value) -> $value {
                let mut guess = self.0.load(Ordering::Relaxed);
                loop {
                    match self.compare_exchange(guess, update(guess), order, Ordering::Relaxed) {
                        Ok(old) => return old,
                        Err(found) => guess = found,
                    }
                }
            }

            #[track_caller]
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                self.modify(order, |_| value)
            }
        }
    };
}

macro_rules! arithmetic {
    ($($name:ident $value:ty),*) => {
        $(#[allow(dead_code)]
        impl $name {
            #[track_caller]
            pub fn fetch_add(&self, more: $value, order: Ordering) -> $value {
                self.modify(order, |now| now.wrapping_add(more))
            }

            #[track_caller]
            pub fn fetch_sub(&self, less: $value, order: Ordering) -> $value {
                self.modify(order, |now| now.wrapping_sub(less))
            }

            #[track_caller]
            pub fn fetch_and(&self, bits: $value, order: Ordering) -> $value {
                self.modify(order, |now| now & bits)
            }

            #[track_caller]
            pub fn fetch_or(&self, bits: $value, order: Ordering) -> $value {
                self.modify(order, |now| now | bits)
            }

            #[track_caller]
            pub fn fetch_max(&self, value: $value, order: Ordering) -> $value {
                self.modify(order, |now| now.max(value))
            }
        })*
    };
}

atomic!(AtomicU32, u32, core_atomic::AtomicU32);
atomic!(AtomicU64, u64, core_atomic::AtomicU64);
atomic!(AtomicUsize, usize, core_atomic::AtomicUsize);
atomic!(AtomicI64, i64, core_atomic::AtomicI64);
atomic!(AtomicIsize, isize, core_atomic::AtomicIsize);
atomic!(AtomicPtr<T>, *mut T, core_atomic::AtomicPtr<T>);
arithmetic!(AtomicU32 u32, AtomicU64 u64, AtomicUsize usize, AtomicI64 i64, AtomicIsize isize);

/// A full fence; see the module's comment.
pub fn fence(order: Ordering) {
    with(|world| world.full.clone()).fetch_add(0, Ordering::Relaxed);
    loom::sync::atomic::fence(order);
}

/// The light fence; see the module's comment.
pub fn compiler_fence(_: Ordering) {
    let mine = with(|world| world.fences[number()].clone());
    mine.fetch_add(0, Ordering::AcqRel);
}

/// What membarrier does to every thread.
fn fence_everybody() {
    fence(Ordering::SeqCst);
    let all = with(|world| world.fences.clone());
    for cell in all {
        cell.fetch_add(0, Ordering::AcqRel);
    }
    fence(Ordering::SeqCst);
}

/// Sixteen bytes that change at once: loom's atomic holds the number of the value.
#[repr(C, align(16))]
pub struct Wide(core::cell::UnsafeCell<[u64; 2]>);

// SAFETY: the memory is never accessed.
unsafe impl Sync for Wide {}

impl Wide {
    pub const fn new() -> Self {
        Self(core::cell::UnsafeCell::new([0; 2]))
    }

    fn beside(&self) -> Beside {
        beside(self.0.get().addr(), || 0)
    }

    #[track_caller]
    pub fn guess(&self) -> [u64; 2] {
        let atomic = self.beside().atomic;
        let low = atomic.load(Ordering::Relaxed);
        let high = atomic.load(Ordering::Relaxed);
        with(|world| [world.wide[low as usize][0], world.wide[high as usize][1]])
    }

    #[track_caller]
    pub unsafe fn compare_exchange(&self, old: [u64; 2], new: [u64; 2]) -> Result<(), [u64; 2]> {
        let atomic = self.beside().atomic;
        let (from, to) = with(|world| (world.wide_number(old), world.wide_number(new)));
        fence(Ordering::SeqCst);
        let swapped = atomic.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire);
        fence(Ordering::SeqCst);
        swapped.map(drop).map_err(|found| with(|world| world.wide[found as usize]))
    }
}

/// Memory that a lock guards: who reaches it without having been told by the last one races.
#[repr(transparent)]
pub struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    pub const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    fn beside(&self) -> Rc<cell::UnsafeCell<()>> {
        let addr = self.0.get().addr();
        with(|world| {
            if !world.cell_of.contains_key(&addr) {
                let cell = world.cell();
                world.cell_of.insert(addr, cell);
            }
            world.cell_of[&addr].clone()
        })
    }

    /// For writing: the engine does not say when it but reads.
    #[track_caller]
    pub fn get(&self) -> *mut T {
        self.beside().with_mut(|_| ());
        self.0.get()
    }

    /// Without a word to loom.
    pub fn get_untold(&self) -> *mut T {
        self.0.get()
    }

    /// For reading, beside others.
    #[track_caller]
    pub fn get_shared(&self) -> *const T {
        self.beside().with(|_| ());
        self.0.get()
    }

    #[allow(dead_code)]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

/// One try, and then no more patience.
pub struct Backoff(core::cell::Cell<bool>);

impl Backoff {
    pub fn new() -> Self {
        Self(core::cell::Cell::new(false))
    }

    pub fn is_completed(&self) -> bool {
        self.0.get()
    }

    pub fn snooze(&self) {
        self.0.set(true);
        loom::thread::yield_now();
    }

    /// Does not give way, so that who spins goes to sleep without being preempted.
    pub fn spin(&self) {}
}

/// What tells the calling thread from others: a page apart, as stacks are, or so far apart that what is
/// found by it comes round to the same.
pub fn me() -> usize {
    (number() + 1) << if with(|world| world.crowded) { 32 } else { 12 }
}

/// Lets others have their turn.
pub fn yield_now() {
    loom::thread::yield_now();
}

/// Where the caller is: all that ask have just gone there.
pub fn current_cpu() -> usize {
    with(|world| world.cpu)
}

/// From now on membarrier is refused. Then wake-ups may be lost, so that no sleep is without an end.
pub fn refuse_membarrier() {
    with(|world| world.refused = true);
}

/// From now on no sleep has an end, however short: what relies on being told is told.
pub fn be_patient() {
    with(|world| world.patient = true);
}

/// From now on all threads push to one list.
pub fn be_crowded() {
    with(|world| world.crowded = true);
}

/// Starts a thread of a test, `number` from one upwards.
pub fn spawn<T: Send + 'static>(
    number: usize,
    act: impl FnOnce() -> T + Send + 'static,
) -> loom::thread::JoinHandle<T> {
    assert!(number < THREADS);
    let main = move || {
        NUMBER.with(|mine| mine.set(number));
        act()
    };
    // In words.
    loom::thread::Builder::new().stack_size(0x8000).spawn(main).expect("a coroutine")
}

/// Starts a thread of the engine's own, as the last one that there may be.
pub unsafe fn create_thread(
    _: *const libc::pthread_attr_t,
    main: extern "C" fn(*mut c_void) -> *mut c_void,
) -> c_int {
    let thread = spawn(THREADS - 1, move || _ = main(ptr::null_mut()));
    with(|world| world.created.push(thread));
    0
}

/// The kernel, as far as there is one.
pub unsafe fn system_call(number: c_long, args: [usize; 6]) -> Result<usize, c_int> {
    match number {
        libc::SYS_futex => futex(args),
        libc::SYS_membarrier => {
            if with(|world| world.refused) {
                return Err(libc::EPERM);
            }
            if args[0] & (1 << 3 | 1 << 7) != 0 {
                fence_everybody();
            }
            Ok(0)
        }
        libc::SYS_mmap => {
            let (memory, cell) = with(|world| world.map(args[1]));
            cell.with_mut(|_| ());
            Ok(memory)
        }
        // What is used after that races with it.
        libc::SYS_munmap => {
            let cell = with(|world| world.mapping(args[0])).expect("mapped");
            cell.with_mut(|_| ());
            Ok(0)
        }
        libc::SYS_sched_yield => {
            loom::thread::yield_now();
            Ok(0)
        }
        libc::SYS_write => {
            // SAFETY: as the caller says.
            let text = unsafe { core::slice::from_raw_parts(args[1] as *const u8, args[2]) };
            panic!("the engine says: {}", std::string::String::from_utf8_lossy(text));
        }
        // Two CPUs, in masks of one byte, so that there are few entries for lines.
        libc::SYS_sched_getaffinity => {
            // SAFETY: as the caller says.
            unsafe { *(args[2] as *mut u64) = 3 };
            Ok(1)
        }
        libc::SYS_sched_setaffinity => {
            // SAFETY: as the caller says.
            let mask = unsafe { *(args[2] as *const u64) };
            with(|world| world.cpu = mask.trailing_zeros() as usize);
            // Whoever was there is switched out.
            fence_everybody();
            Ok(0)
        }
        libc::SYS_openat => Err(libc::EMFILE),
        libc::SYS_setpriority | libc::SYS_rt_sigprocmask | libc::SYS_madvise => Ok(0),
        _ => panic!("system call {number}: not in the model"),
    }
}

fn futex([word, op, value, timeout, ..]: [usize; 6]) -> Result<usize, c_int> {
    const SHORTEST_WITHOUT_END: i64 = 100_000_000;
    let queue = with(|world| world.queue(word));
    if op & !libc::FUTEX_PRIVATE_FLAG as usize == libc::FUTEX_WAKE as usize {
        fence(Ordering::SeqCst);
        queue.fetch_add(0, Ordering::Relaxed);
        let woken = with(|world| world.wake(word, value));
        woken.iter().for_each(Thread::unpark);
        return Ok(woken.len());
    }
    // First in the queue, then a look at the word, as in the kernel.
    let number = number();
    let thread = loom::thread::current();
    with(|world| world.sleepers.push(Sleeper { word, thread, number }));
    queue.fetch_add(0, Ordering::Relaxed);
    fence(Ordering::SeqCst);
    // The half that comes first, if the word is part of a wider one.
    let beside = with(|world| world.beside[&word].clone());
    let now = coded(&beside, beside.atomic.load(Ordering::Relaxed)) as u32;
    // SAFETY: the caller's, if there is one.
    let limit = unsafe { (timeout as *const libc::timespec).as_ref() };
    let soon = limit.is_some_and(|limit| {
        let short = limit.tv_sec == 0 && limit.tv_nsec < SHORTEST_WITHOUT_END;
        with(|world| short && !world.patient || world.refused)
    });
    let sleeps = || with(|world| world.sleepers.iter().any(|sleeper| sleeper.number == number));
    if now as usize != value || soon {
        with(|world| world.sleepers.retain(|sleeper| sleeper.number != number));
        // So that a caller who looks again, with a Relaxed load, sees something new in the end.
        loom::thread::yield_now();
        return Err(if soon { libc::ETIMEDOUT } else { libc::EAGAIN });
    }
    while sleeps() {
        loom::thread::park();
    }
    Ok(0)
}
