// SPDX-License-Identifier: MIT OR Apache-2.0
//! Retire: put an object on the list of this CPU, and see to it that somebody reclaims it.
//!
//! Every CREDIT-th push to a list, the first one included, counts that many at once in `untaken`;
//! only these look further, at the bound and the worker. So `untaken` is never less than what is in
//! the lists, but for pushes under way, and the bound holds; and who pushes to an empty list always
//! looks whether the worker sleeps.

use crate::abi::{HAZPTR_RETIRE_NOHELP, hazptr_cohort, hazptr_head};
use crate::control::{Control, control, lasting, retired};
use crate::delay::{self, Point};
use crate::ledger::Ledger;
use crate::list::{self, List};
use crate::policy::CREDIT;
use crate::reclaim::{self, What, Who};
use crate::shard::Shard;
use crate::sync::{AtomicI64, AtomicU64, Ordering};
use crate::worker::Worker;
use crate::{cohort, init, pending, rseq, sync, sys, wide, worker};
use core::ffi::{c_int, c_uint, c_void};
use core::{array, ptr};
use crossbeam_utils::CachePadded;

/// Lists there are. CPUs whose numbers agree modulo this share one.
const SHARDS: usize = 256;

type Callback = Option<unsafe extern "C" fn(*mut hazptr_head)>;

/// All that is retired in this process, and who sees to it. All zero is nothing, and nobody.
#[repr(C, align(128))]
pub struct Retired {
    shards: [CachePadded<Shard>; SHARDS],
    /// Bit n: something may have been pushed to shard n. Set before it is opened, so that whoever
    /// pushes there, first or not, finds it set for those who take.
    used: [AtomicU64; SHARDS / 64],
    /// What the lists are counted to hold. For moments less than zero: a push is counted after it is
    /// made, and may be taken before.
    untaken: CachePadded<AtomicI64>,
    /// What was taken.
    pub ledger: CachePadded<Ledger>,
    /// The thread that reclaims.
    pub worker: CachePadded<Worker>,
    /// Who waits for that.
    pub listeners: CachePadded<reclaim::Listeners>,
}

impl Retired {
    /// Nothing, and nobody.
    pub const fn new() -> Self {
        Self {
            shards: [const { CachePadded::new(Shard::new()) }; SHARDS],
            used: [const { AtomicU64::new(0) }; SHARDS / 64],
            untaken: CachePadded::new(AtomicI64::new(0)),
            ledger: CachePadded::new(Ledger::new()),
            worker: CachePadded::new(Worker::new()),
            listeners: CachePadded::new(reclaim::Listeners::new()),
        }
    }

    fn used(&self) -> impl Iterator<Item = &Shard> {
        // Relaxed: whoever relies on a push is ordered after it, and it after the opening.
        let words: [u64; SHARDS / 64] = array::from_fn(|i| self.used[i].load(Ordering::Relaxed));
        let set = move |i: &usize| words[i / 64] >> (i % 64) & 1 != 0;
        (0..SHARDS).filter(set).map(|i| &*self.shards[i])
    }

    /// How many objects are in the lists.
    pub fn waiting(&self) -> u64 {
        self.used().map(|shard| u64::from(shard.len())).sum()
    }

    /// Empties all lists. The chains, each with its length, come into `chains`; how many objects these
    /// are.
    pub fn take(&self, chains: &mut Chains) -> u64 {
        let mut taken = 0;
        for shard in self.used() {
            // SAFETY: what was opened was opened on a processor that can do it.
            let (head, length) = unsafe { shard.take() };
            if length != 0 {
                chains.0[chains.1] = (head, length);
                chains.1 += 1;
                taken += u64::from(length);
                let counted = length.div_ceil(CREDIT) * CREDIT;
                // Relaxed: a count.
                self.untaken.fetch_sub(i64::from(counted), Ordering::Relaxed);
            }
        }
        taken
    }

    fn open(&self, index: usize) {
        if !wide::is_possible() {
            sys::die([
                b"hazptr_retire: this processor lacks cmpxchg16b; ",
                b"use hazptr_synchronize",
            ]);
        }
        let generation = init::ensure().generation();
        // Relaxed: a locked instruction, before another one; see used().
        self.used[index / 64].fetch_or(1 << (index % 64), Ordering::Relaxed);
        // SAFETY: just looked whether the processor can.
        unsafe { self.shards[index].open(generation) };
    }
}

/// What [`Retired::take`] took, and how many lists that are.
pub struct Chains([(*mut hazptr_head, u32); SHARDS], usize);

impl Chains {
    /// None.
    pub const fn new() -> Self {
        Self([(ptr::null_mut(), 0); SHARDS], 0)
    }

    /// All as one list.
    ///
    /// # Safety
    /// They are the caller's, as they were taken.
    pub unsafe fn join(&self) -> List {
        let mut list = List::new();
        for &(head, length) in &self.0[..self.1] {
            // SAFETY: the caller's duty; an empty list is not among them.
            unsafe { list.prepend(head, length) };
        }
        list
    }
}

/// Puts a chain of nodes, their last words written, on this CPU's list.
///
/// # Safety
/// The nodes are the caller's, and `cohort` is theirs, or NULL.
#[inline(always)]
unsafe fn submit(
    cohort: *mut hazptr_cohort,
    first: *mut hazptr_head,
    last: *mut hazptr_head,
    count: u32,
    may_help: bool,
) {
    let control = control();
    let index = this_shard(control);
    let shard = &retired().shards[index];
    let generation = control.generation();
    if !cohort.is_null() {
        // SAFETY: the caller's duty. Before the push, after which it may be lowered.
        unsafe { cohort::raise(cohort, generation, u64::from(count)) };
    }
    // SAFETY: the caller's nodes; where a list is of this generation, open() has looked at the
    // processor. Zero, before initialisation, is no list's.
    let before = match unsafe { shard.push(first, last, count, generation) } {
        Some(before) => before,
        // SAFETY: the caller's duty.
        None => unsafe { submit_anew(cohort, (first, last, count), index, generation) },
    };
    let credits = if count == 1 {
        u32::from(before % CREDIT == 0)
    } else {
        (before + count).div_ceil(CREDIT) - before.div_ceil(CREDIT)
    };
    if credits != 0 {
        credited(control, credits * CREDIT, may_help);
    }
}

/// The same, where the list was not open for the generation that the caller has read, and for which it
/// has raised the cohort's count: because this is the first push to it, or because a handler has forked
/// since. How long the list was.
///
/// # Safety
/// As there.
#[cold]
#[inline(never)]
unsafe fn submit_anew(
    cohort: *mut hazptr_cohort,
    (first, last, count): (*mut hazptr_head, *mut hazptr_head, u32),
    index: usize,
    mut raised: u32,
) -> u32 {
    let retired = retired();
    loop {
        retired.open(index);
        let generation = control().generation();
        if !cohort.is_null() && raised != generation {
            // SAFETY: the caller's duty.
            unsafe { cohort::raise(cohort, generation, u64::from(count)) };
            raised = generation;
        }
        // SAFETY: as in submit().
        if let Some(before) = unsafe { retired.shards[index].push(first, last, count, generation) }
        {
            return before;
        }
    }
}

/// The list for the CPU that the caller is on. Any other serves as well; so where the kernel does not
/// say, threads are told apart by where their stacks are.
#[inline(always)]
fn this_shard(control: &Control) -> usize {
    let cpu = rseq::cpu_id(control);
    let here = if cpu != u32::MAX { cpu as usize } else { sync::me() >> 12 };
    here % SHARDS
}

/// A push was the first of so many.
#[cold]
#[inline(never)]
fn credited(control: &'static Control, credit: u32, may_help: bool) {
    delay::point(Point::Pushed);
    let credit = i64::from(credit);
    let retired = retired();
    let policy = &lasting().policy;
    // Relaxed: a count.
    let untaken = retired.untaken.fetch_add(credit, Ordering::Relaxed) + credit;
    let full = untaken >= i64::from(policy.bound());
    let helps = full && may_help && !reclaim::is_running_here();
    // Also if this thread helps: what it finds protected will be the worker's.
    worker::note(!helps && untaken >= i64::from(policy.batch()));
    if helps {
        reclaim::pass(control, What::All, Who::Helper);
        worker::try_again();
    }
}

/// See [`crate::abi::hazptr_retire`].
///
/// # Safety
/// As there.
#[inline(always)]
pub unsafe fn retire(head: *mut hazptr_head, addr: *mut c_void, func: Callback) {
    if func.is_none() {
        sys::die([b"hazptr_retire: ", b"the callback is NULL"]);
    }
    if !pending::before_retire(head, addr) {
        return;
    }
    // SAFETY: the caller's duty.
    unsafe {
        (*head).func = func;
        (*head).addr = addr;
        list::set_owner(head, ptr::null_mut(), 0);
        submit(ptr::null_mut(), head, head, 1, true);
    }
}

/// Whether callers may help, if there are no flags that we do not know.
fn parse(flags: c_uint) -> Option<bool> {
    (flags & !HAZPTR_RETIRE_NOHELP == 0).then_some(flags & HAZPTR_RETIRE_NOHELP == 0)
}

/// See [`crate::abi::hazptr_retire_in`].
///
/// # Safety
/// As there.
pub unsafe fn retire_in(
    cohort: *mut hazptr_cohort,
    head: *mut hazptr_head,
    addr: *mut c_void,
    func: Callback,
    flags: c_uint,
) -> c_int {
    let Some(may_help) = parse(flags) else { return libc::EINVAL };
    if head.is_null() || func.is_none() {
        return libc::EINVAL;
    }
    if !pending::before_retire(head, addr) {
        return 0;
    }
    // SAFETY: the caller's duty.
    unsafe {
        (*head).func = func;
        (*head).addr = addr;
        list::set_owner(head, cohort, 0);
        submit(cohort, head, head, 1, may_help);
    }
    0
}

/// See [`crate::abi::hazptr_retire_ptr_in`].
///
/// # Safety
/// As there.
pub unsafe fn retire_ptr(
    cohort: *mut hazptr_cohort,
    addr: *mut c_void,
    func: Option<unsafe extern "C" fn(*mut c_void)>,
    flags: c_uint,
) -> c_int {
    let (Some(may_help), Some(func)) = (parse(flags), func) else { return libc::EINVAL };
    if addr.is_null() {
        return 0;
    }
    let Some(head) = list::new_of_ptr(addr, func) else { return libc::ENOMEM };
    if !pending::before_retire_ptr(addr, func) {
        // SAFETY: as it was made.
        unsafe { sys::free(head.cast()) };
        return 0;
    }
    // SAFETY: a new node; the rest is the caller's duty.
    unsafe {
        list::set_owner(head, cohort, list::OF_PTR);
        submit(cohort, head, head, 1, may_help);
    }
    0
}

/// See [`crate::abi::hazptr_retire_list`].
///
/// # Safety
/// As there.
pub unsafe fn retire_list(
    cohort: *mut hazptr_cohort,
    first: *mut hazptr_head,
    flags: c_uint,
) -> c_int {
    let Some(may_help) = parse(flags) else { return libc::EINVAL };
    // SAFETY: the caller's duty.
    if !unsafe { pending::before_retire_list(first) } {
        return 0;
    }
    let (mut last, mut count) = (first, 0u32);
    let mut node = first;
    // SAFETY: the caller's duty.
    while let Some(this) = unsafe { node.as_mut() } {
        if this.func.is_none() {
            return libc::EINVAL;
        }
        (last, count, node) = (node, count + 1, this.next);
        // SAFETY: the caller's node.
        unsafe { list::set_owner(last, cohort, 0) };
    }
    if count != 0 {
        // SAFETY: the caller's duty.
        unsafe { submit(cohort, first, last, count, may_help) };
    }
    0
}
