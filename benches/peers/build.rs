// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tells the worker which compiler it is made with.

use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_string());
    let answer = Command::new(rustc).arg("--version").output().map(|o| o.stdout);
    let words = String::from_utf8(answer.unwrap_or_default()).unwrap_or_default();
    // "rustc 1.85.0 (4d91de4e4 2025-02-17)"
    let version = words.split(' ').nth(1).unwrap_or("unknown");
    println!("cargo::rustc-env=RUSTC_VERSION={version}");
    println!("cargo::rerun-if-changed=build.rs");
}
