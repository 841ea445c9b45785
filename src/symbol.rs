// SPDX-License-Identifier: MIT OR Apache-2.0
//! Names for addresses in code, out of what the loader has in memory: without its locks, for who reports may be in
//! a handler, or the loader wait for him. Where libc cannot find modules so (before glibc 2.35) there are
//! none.

use core::arch::asm;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::fmt::{self, Write};
use core::mem::MaybeUninit;
use core::{ptr, slice};

/// What is shown of a name: those of templates have no end.
const LONGEST_NAME: usize = 100;

/// libc's description of where an address belongs.
#[repr(C)]
struct Found {
    flags: u64,
    map_start: *const c_void,
    map_end: *const c_void,
    module: *const Module,
    unwind: *const c_void,
    reserved: [u64; 7],
}

/// struct link_map, as far as it is public.
#[repr(C)]
struct Module {
    base: usize,
    name: *const c_char,
    dynamic: *const Dynamic,
}

#[repr(C)]
struct Dynamic {
    tag: i64,
    value: usize,
}

#[repr(C)]
struct Symbol {
    name: u32,
    info: u8,
    other: u8,
    section: u16,
    value: u64,
    size: u64,
}

const DT_STRTAB: i64 = 5;
const DT_SYMTAB: i64 = 6;
const DT_GNU_HASH: i64 = 0x6fff_fef5;
const STT_FUNC: u8 = 2;

/// Where in the program an instruction is: `name+0x12 (module+0x1234)`.
pub struct Place(pub usize);

impl fmt::Display for Place {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0;
        let Some(module) = module_of(at) else { return write!(to, "{at:#x}") };
        // SAFETY: a module that is loaded, for code of it is running.
        if let Some(symbol) = unsafe { function_at(module, at) } {
            write_name(to, symbol.0)?;
            write!(to, "+{:#x} ", at - symbol.1)?;
        }
        to.write_char('(')?;
        // SAFETY: C strings of libc's, and of the loader's; that is empty for the program itself.
        unsafe {
            let is_program = module.name.is_null() || *module.name == 0;
            write_name(to, if is_program { program_invocation_name } else { module.name })?;
        }
        write!(to, "+{:#x})", at.wrapping_sub(module.base))
    }
}

unsafe extern "C" {
    // Not in the libc crate for this target.
    static program_invocation_name: *const c_char;
}

fn module_of(at: usize) -> Option<&'static Module> {
    type Find = unsafe extern "C" fn(*const c_void, *mut Found) -> c_int;
    let find: *const c_void;
    let mut found = MaybeUninit::<Found>::zeroed();
    // SAFETY: a weak reference: a function of this type, or NULL. It takes no lock. What it has found is
    // loaded as long as its code runs.
    unsafe {
        asm!(
            ".weak _dl_find_object",
            "movq _dl_find_object@GOTPCREL(%rip), {find}",
            find = lateout(reg) find,
            options(att_syntax, pure, nomem, nostack, preserves_flags),
        );
        let find = core::mem::transmute::<*const c_void, Option<Find>>(find)?;
        if find(ptr::without_provenance(at), found.as_mut_ptr()) != 0 {
            return None;
        }
        found.assume_init().module.as_ref()
    }
}

/// The function of a module's dynamic symbols that an address is in: its name, and where it begins.
///
/// # Safety
/// The module is loaded.
unsafe fn function_at(module: &Module, at: usize) -> Option<(*const c_char, usize)> {
    let (mut names, mut symbols, mut hash) = (0, 0, 0);
    let mut entry = module.dynamic;
    // SAFETY: the caller's duty: ended by an entry of zero. The loader has made addresses of what it uses of
    // these, but for those of the kernel's own module.
    unsafe {
        while let Some(this) = entry.as_ref().filter(|this| this.tag != 0) {
            let value =
                if this.value < module.base { module.base + this.value } else { this.value };
            match this.tag {
                DT_STRTAB => names = value,
                DT_SYMTAB => symbols = value,
                DT_GNU_HASH => hash = value,
                _ => {}
            }
            entry = entry.add(1);
        }
        if names == 0 || symbols == 0 || hash == 0 {
            return None;
        }
        let table: *const Symbol = ptr::with_exposed_provenance(symbols);
        let offset = at - module.base;
        let symbol = slice::from_raw_parts(table, count(ptr::with_exposed_provenance(hash)))
            .iter()
            .filter(|symbol| symbol.info & 0xf == STT_FUNC && symbol.section != 0)
            .find(|symbol| offset.wrapping_sub(symbol.value as usize) < symbol.size as usize)?;
        let name = ptr::with_exposed_provenance(names + symbol.name as usize);
        Some((name, module.base + symbol.value as usize))
    }
}

/// How many symbols a GNU hash table leads to: one more than the last of the last chain.
///
/// # Safety
/// Such a table.
unsafe fn count(table: *const u32) -> usize {
    // SAFETY: the caller's duty: a header, as many words of a filter, of eight bytes, and buckets as that says,
    // and chains, each ended by an odd number.
    unsafe {
        let (buckets, first, filter) = (*table, *table.add(1), *table.add(2));
        let bucket = table.add(4 + 2 * filter as usize);
        let last = slice::from_raw_parts(bucket, buckets as usize).iter().max().copied();
        let last = last.unwrap_or(0);
        if last < first {
            return first as usize;
        }
        let chains = bucket.add(buckets as usize);
        let mut at = last;
        while *chains.add((at - first) as usize) & 1 == 0 {
            at += 1;
        }
        at as usize + 1
    }
}

fn write_name(to: &mut fmt::Formatter<'_>, name: *const c_char) -> fmt::Result {
    // SAFETY: a C string of the loader's, which stays while the module does.
    let bytes = unsafe { CStr::from_ptr(name) }.to_bytes();
    let shown = &bytes[..bytes.len().min(LONGEST_NAME)];
    to.write_str(core::str::from_utf8(shown).unwrap_or("?"))?;
    if shown.len() < bytes.len() { to.write_str("...") } else { Ok(()) }
}
