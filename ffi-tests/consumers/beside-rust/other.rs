// SPDX-License-Identifier: MIT OR Apache-2.0
//! A static library in Rust that has nothing to do with hazptr, but all of std in it.

#[unsafe(no_mangle)]
pub extern "C" fn digits_up_to(n: u32) -> usize {
    let count = std::thread::spawn(move || (0..n).map(|i| i.to_string().len()).sum());
    count.join().unwrap_or(0)
}
