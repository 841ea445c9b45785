// SPDX-License-Identifier: MIT OR Apache-2.0
//! The restartable sequences (rseq(2)), x86-64.
//!
//! A sequence runs from its start to its commit, the last store, on one CPU and without any other
//! thread, or handler of its own thread, in between; otherwise the kernel sends it to its abort
//! handler, which begins it again. So there are no atomic instructions in here, and what is read in
//! here is still true at the commit as far as this CPU's threads are concerned.
//!
//! `begin!` and `end!` are what all sequences share. Registers and constants stand as {names}, so
//! that the same text serves inlined code: include/hazptr/sequence.h is made of it, and a test
//! compares. Sections carry "?", "in the group of the code that names them", for there a linker
//! drops copies of an inline function. Labels: 90 descriptor, 91 arm, 92 first instruction of the
//! sequence, 93 behind the commit, 94 abort handler, 95 way out without a commit, 98 and 99 for
//! debuggers, 96 and 97 free.
//!
//! `rseq_cs` is cleared on every way out: the code may lie in a plug-in that is unloaded, and the
//! kernel reads the descriptor at the next preemption wherever the thread then is.

use crate::abi::{hazptr_ctx, hazptr_slot};
use crate::control::{CURRENT, Control};
use crate::delay::{self, Point};
use crate::line::{Line, SLOTS};
use crate::sync::{AtomicPtr, Ordering};
use core::arch::asm;
use core::ffi::c_void;
use core::mem::offset_of;
use core::ptr;

/// Offsets into the kernel's `struct rseq`, spelt out in the sequences.
const RSEQ_CPU_ID: usize = 4;

/// Describes the sequence to the kernel and arms it: `rseq_cs = &descriptor`.
///
/// Debuggers are told too, by the sections that librseq has made the custom: which sequences there
/// are, and where each may be left. Single steps never get through one, so a debugger has to go on
/// to its end or to a way out. (The empty relocations let linkers that drop what nobody refers to
/// keep these for as long as the descriptor.)
macro_rules! begin {
    ($scratch:literal) => {
        concat!(
            ".pushsection __rseq_cs, \"aw?\", @progbits\n",
            ".balign 32\n",
            "90:\n",
            ".long 0, 0\n",
            ".quad 92f, (93f - 92f), 94f\n",
            ".reloc 90b, R_X86_64_NONE, 98f\n",
            ".reloc 90b, R_X86_64_NONE, 99f\n",
            ".popsection\n",
            ".pushsection __rseq_cs_ptr_array, \"aw?\", @progbits\n",
            ".balign 8\n",
            "98:\n",
            ".quad 90b\n",
            ".popsection\n",
            ".pushsection __rseq_exit_point_array, \"aw?\", @progbits\n",
            ".balign 8\n",
            "99:\n",
            ".quad 92f, 95f\n",
            ".popsection\n",
            "91:\n",
            "leaq 90b(%rip), ",
            $scratch,
            "\n",
            "movq ",
            $scratch,
            ", %fs:8({rseq})\n",
            "92:\n",
        )
    };
}

/// Disarms, and holds the abort handler and the way out that leaves zero in the results.
macro_rules! end {
    ($($result32:literal),*) => {
        concat!(
            "93:\n",
            "movq $0, %fs:8({rseq})\n",
            ".pushsection .text.hazptr_abort, \"ax?\", @progbits\n",
            // The signature the kernel wants before an abort handler, dressed as an instruction.
            ".byte 0x0f, 0xb9, 0x3d\n",
            ".long 0x53053053\n",
            "94:\n",
            "jmp 91b\n",
            "95:\n",
            $("xorl ", $result32, ", ", $result32, "\n",)*
            "jmp 93b\n",
            ".popsection\n",
        )
    };
}

/// ```text
/// cpu = the low half of rseq->cpu_id
/// slot = control->current[cpu];  if that is NULL: out
/// ```
///
/// The table has an entry for whatever that half may be, also where rseq is not registered and the
/// field is negative: so there is no bound to look at. No CPU has those entries, they stay NULL.
macro_rules! this_line {
    () => {
        concat!(
            "movzwl %fs:4({rseq}), {addr:e}\n",
            "movq {current}({control}, {addr}, 8), {slot}\n",
            "testq {slot}, {slot}\n",
            "jz 95f\n",
        )
    };
}

/// `if one of the line's first four slots is NULL: slot = it, go on; else out`: the *near*
/// slots. More of them would make a full line slower to leave, fewer would make nesting slower.
macro_rules! near_slot {
    () => {
        concat!(
            "cmpq $0, ({slot})\n",
            "je 96f\n",
            "addq $8, {slot}\n",
            "cmpq $0, ({slot})\n",
            "je 96f\n",
            "addq $8, {slot}\n",
            "cmpq $0, ({slot})\n",
            "je 96f\n",
            "addq $8, {slot}\n",
            "cmpq $0, ({slot})\n",
            "jne 95f\n",
            "96:\n",
        )
    };
}

/// `if one of the line's slots is NULL: slot = it, go on; else out`
macro_rules! any_slot {
    () => {
        concat!(
            "leaq {end}({slot}), {addr}\n",
            "97:\n",
            "cmpq $0, ({slot})\n",
            "je 96f\n",
            "addq $8, {slot}\n",
            "cmpq {addr}, {slot}\n",
            "jb 97b\n",
            "jmp 95f\n",
            "96:\n",
        )
    };
}

/// What stands between the last load of a sequence and its commit: nothing. In an engine widened for
/// the tests some microseconds, so that barriers meet sequences just there.
#[cfg(not(feature = "test-widen"))]
macro_rules! window {
    () => {
        ""
    };
}

#[cfg(feature = "test-widen")]
macro_rules! window {
    () => {
        ".rept 256\npause\n.endr\n"
    };
}

/// ```text
/// addr = *addr_p        an acquire: every load is one on this architecture
/// *slot = addr          the commit; a release, likewise
/// ```
macro_rules! publish {
    () => {
        concat!("movq ({addr_p}), {addr}\n", window!(), "movq {addr}, ({slot})\n")
    };
}

/// ```text
/// addr = *addr_p
/// held = addr & keep
/// *slot = held          the commit
/// ```
macro_rules! publish_masked {
    () => {
        concat!(
            "movq ({addr_p}), {addr}\n",
            "movq {addr}, {held}\n",
            "andq {keep}, {held}\n",
            window!(),
            "movq {held}, ({slot})\n",
        )
    };
}

/// ```text
/// begin; this line; find a slot, publish; end
/// out: all results = 0
/// ```
macro_rules! acquire_text {
    ($find:ident, publish) => {
        concat!(begin!("{slot}"), this_line!(), $find!(), publish!(), end!("{slot:e}", "{addr:e}"))
    };
    ($find:ident, publish_masked) => {
        concat!(
            begin!("{slot}"),
            this_line!(),
            $find!(),
            publish_masked!(),
            end!("{slot:e}", "{addr:e}", "{held:e}"),
        )
    };
}

/// One masked acquire by sequence: `$find` chooses the slot. The slot, NULL if nothing was
/// committed; what was loaded; and what of that is held.
macro_rules! masked_sequence {
    ($control:expr, $rseq:expr, $addr_p:expr, $keep:expr, $find:ident
     $(, $operand:tt = $value:expr)?) => {{
        let slot: *mut hazptr_slot;
        let (addr, held): (*mut c_void, *mut c_void);
        asm!(
            acquire_text!($find, publish_masked),
            control = in(reg) ptr::from_ref($control),
            rseq = in(reg) $rseq,
            addr_p = in(reg) $addr_p,
            keep = in(reg) $keep,
            slot = out(reg) slot,
            addr = out(reg) addr,
            held = out(reg) held,
            current = const CURRENT,
            $($operand = const $value,)?
            options(att_syntax, nostack),
        );
        (slot, addr, held)
    }};
}

/// Where this thread's rseq area is, from its thread pointer, once that is known.
#[inline(always)]
fn area(control: &Control) -> Option<isize> {
    // Relaxed: zero until initialisation has found it, constant after.
    let offset = control.rseq_offset.load(Ordering::Relaxed);
    (offset != 0).then_some(offset)
}

/// Hands a committed slot to the context. After the sequence, never inside: a store to the context
/// is no part of what restarts. NULL protects nothing: its slot is still free (scenario 4).
///
/// # Safety
/// `ctx` is the caller's.
#[inline(always)]
unsafe fn hold(
    ctx: *mut hazptr_ctx,
    (slot, addr, held): (*mut hazptr_slot, *mut c_void, *mut c_void),
) -> Option<*mut c_void> {
    // The address first: one look tells the usual case from the two others.
    let slot = if !held.is_null() {
        slot
    } else if !slot.is_null() {
        ptr::null_mut()
    } else {
        return None;
    };
    delay::point(Point::Committed);
    // SAFETY: the caller's duty.
    unsafe { (*ctx).slot = slot };
    Some(addr)
}

/// Acquires through one of the near slots of this CPU's line. `None` sends the caller to the slow
/// path: they are taken, or sequences are not to be had.
///
/// # Safety
/// As [`crate::abi::hazptr_acquire`].
#[inline(always)]
pub unsafe fn acquire_near(
    control: &Control,
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
) -> Option<*mut c_void> {
    let rseq = area(control)?;
    let slot: *mut hazptr_slot;
    let addr: *mut c_void;
    // SAFETY: rseq is this thread's area, registered or not; what the table names are lines for
    // ever (I2); the context and `*addr_p` are the caller's duty.
    unsafe {
        asm!(
            acquire_text!(near_slot, publish),
            control = in(reg) ptr::from_ref(control),
            rseq = in(reg) rseq,
            addr_p = in(reg) addr_p,
            slot = out(reg) slot,
            addr = out(reg) addr,
            current = const CURRENT,
            options(att_syntax, nostack),
        );
        hold(ctx, (slot, addr, addr))
    }
}

/// As [`acquire_near`]; of what is loaded, the bits of `keep` are protected.
///
/// # Safety
/// As [`crate::abi::hazptr_acquire`].
#[inline(always)]
pub unsafe fn acquire_near_masked(
    control: &Control,
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
    keep: usize,
) -> Option<*mut c_void> {
    let rseq = area(control)?;
    // SAFETY: as in acquire_near.
    unsafe { hold(ctx, masked_sequence!(control, rseq, addr_p, keep, near_slot)) }
}

/// As [`acquire_near_masked`], through any slot of the line.
///
/// # Safety
/// As [`crate::abi::hazptr_acquire`].
pub unsafe fn acquire_far_masked(
    control: &Control,
    ctx: *mut hazptr_ctx,
    addr_p: *const *mut c_void,
    keep: usize,
) -> Option<*mut c_void> {
    let rseq = area(control)?;
    // SAFETY: as in acquire_near.
    unsafe { hold(ctx, masked_sequence!(control, rseq, addr_p, keep, any_slot, end = SLOTS * 8)) }
}

/// Makes `new` the current line of `cpu` in place of `old`, which may be none. False if this thread
/// is on another CPU, `old` is not current any more, sequences are being given up, or this is a
/// child that was forked since `generation` was read (then both lines belong to the parent).
///
/// After true, no sequence that found `old` can commit to it (I4): sequences of other threads on
/// this CPU are not running, and restart when they do.
///
/// ```text
/// if rseq->cpu_id != cpu: out
/// if cpu >= control->nr_cpus: out
/// if control->generation != generation: out
/// if current[cpu] != old: out
/// current[cpu] = new
/// ```
pub fn swap_line(
    control: &Control,
    cpu: u32,
    entry: &AtomicPtr<Line>,
    generation: u32,
    old: Option<&Line>,
    new: &'static Line,
) -> bool {
    let Some(rseq) = area(control) else { return false };
    let done: usize;
    // SAFETY: stores one pointer to a line into one entry of the table, which lives for ever.
    unsafe {
        asm!(
            begin!("{done}"),
            "cmpl {cpu:e}, %fs:4({rseq})",
            "jne 95f",
            "cmpl {cpu:e}, {nr_cpus}({control})",
            "jbe 95f",
            "cmpl {generation:e}, {generation_at}({control})",
            "jne 95f",
            "cmpq {old}, ({entry})",
            "jne 95f",
            "movl $1, {done:e}",
            window!(),
            "movq {new}, ({entry})",
            end!("{done:e}"),
            control = in(reg) ptr::from_ref(control),
            rseq = in(reg) rseq,
            cpu = in(reg) cpu,
            generation = in(reg) generation,
            entry = in(reg) entry.as_ptr(),
            old = in(reg) old.map_or(ptr::null(), ptr::from_ref),
            new = in(reg) ptr::from_ref(new),
            done = out(reg) done,
            nr_cpus = const offset_of!(Control, nr_cpus),
            generation_at = const offset_of!(Control, generation),
            options(att_syntax, nostack),
        );
    }
    done != 0
}

/// The CPU this thread is on, or was a moment ago; a huge number if the kernel does not say.
pub fn cpu_id(control: &Control) -> u32 {
    let Some(rseq) = area(control) else { return u32::MAX };
    let cpu: u32;
    // SAFETY: reads this thread's own area.
    unsafe {
        asm!(
            "movl %fs:{field}({rseq}), {cpu:e}",
            field = const RSEQ_CPU_ID,
            rseq = in(reg) rseq,
            cpu = lateout(reg) cpu,
            options(att_syntax, nostack, preserves_flags, readonly),
        );
    }
    cpu
}

/// What libc says about rseq: the area's offset from the thread pointer, if it registered one.
pub fn offset_from_libc() -> Option<isize> {
    let (offset, size): (*const isize, *const u32);
    // SAFETY: weak references: an address, or NULL where libc (before glibc 2.35) has no such
    // object.
    unsafe {
        asm!(
            ".weak __rseq_offset",
            ".weak __rseq_size",
            "movq __rseq_offset@GOTPCREL(%rip), {offset}",
            "movq __rseq_size@GOTPCREL(%rip), {size}",
            offset = out(reg) offset,
            size = lateout(reg) size,
            options(att_syntax, pure, nomem, nostack, preserves_flags),
        );
        // With rseq turned off by a tunable the offset is valid and the size zero.
        (!offset.is_null() && !size.is_null() && *size != 0).then(|| *offset)
    }
}

#[cfg(all(test, not(feature = "test-widen")))]
mod tests {
    use std::fmt::Write;
    use std::path::Path;

    /// The text of a sequence as a macro for inline assembly in C: operands by their names there.
    fn as_c_macro(name: &str, text: &str) -> String {
        let operand = |line: &str| {
            let mut out = line.replace('%', "%%").replace('"', "\\\"");
            for register in ["control", "rseq", "addr_p", "slot", "addr"] {
                out = out.replace(&format!("{{{register}:e}}"), &format!("%k[{register}]"));
                out = out.replace(&format!("{{{register}}}"), &format!("%[{register}]"));
            }
            out = out.replace("{current}", "%c[current]");
            assert!(!out.contains(['{', '}']), "an operand that C has no name for: {line}");
            out
        };
        let lines: Vec<_> = text.lines().map(operand).collect();
        let width = lines.iter().map(|line| line.len() + 8).max().unwrap_or(0);
        let mut out = format!("#define {name:<pad$} \\\n", pad = width - 8);
        for (at, line) in lines.iter().enumerate() {
            let quoted = format!("\"{line}\\n\"");
            let last = at + 1 == lines.len();
            let _ = if last {
                writeln!(out, "    {quoted}")
            } else {
                writeln!(out, "    {quoted:<pad$} \\", pad = width - 4)
            };
        }
        out
    }

    #[test]
    fn committed_sequence_for_inlining_is_up_to_date() {
        let generated = format!(
            "/* SPDX-License-Identifier: MIT OR Apache-2.0 */\n\
             /*\n \
             * The text of the exported hazptr_acquire()'s sequence, for <hazptr/inline.h>.\n \
             *\n \
             * Generated from src/rseq.rs; do not edit. `make header` writes it anew.\n \
             */\n\
             #ifndef HAZPTR_SEQUENCE_H\n\
             #define HAZPTR_SEQUENCE_H\n\n\
             {}\n\
             #endif /* HAZPTR_SEQUENCE_H */\n",
            as_c_macro("HAZPTR_SEQUENCE_ACQUIRE", acquire_text!(near_slot, publish))
        );
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("include/hazptr/sequence.h");
        if std::env::var_os("HAZPTR_WRITE_HEADER").is_some() {
            std::fs::write(&path, &generated).expect("include/hazptr/sequence.h is writable");
        }
        assert!(
            std::fs::read_to_string(&path).unwrap_or_default() == generated,
            "include/hazptr/sequence.h is not what src/rseq.rs says; run `make header`, commit it"
        );
    }
}
