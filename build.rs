// SPDX-License-Identifier: MIT OR Apache-2.0
//! Gives the library that plain `cargo build` makes the soname and the linker flags of the one that
//! CMakeLists.txt makes. Symbol versions it cannot have: cargo brings an export list of its own.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for flag in ["-Wl,-soname,libhazptr.so.0", "-Wl,-z,nodelete", "-Wl,-z,now"] {
        println!("cargo::rustc-cdylib-link-arg={flag}");
    }
}
