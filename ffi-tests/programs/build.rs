// SPDX-License-Identifier: MIT OR Apache-2.0
//! Links with the static library that HAZPTR_ARCHIVE names.

fn main() {
    println!("cargo::rerun-if-env-changed=HAZPTR_ARCHIVE");
    match std::env::var("HAZPTR_ARCHIVE") {
        Ok(archive) => {
            println!("cargo::rerun-if-changed={archive}");
            println!("cargo::rustc-link-arg={archive}");
        }
        // Checks and lints need no library; who links is told by the linker what is missing.
        Err(_) => println!("cargo::rustc-link-arg=HAZPTR_ARCHIVE-does-not-name-libhazptr.a"),
    }
}
