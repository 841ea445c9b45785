// SPDX-License-Identifier: MIT OR Apache-2.0
//! include/hazptr.h is what cbindgen makes of src/abi.rs, byte for byte.

use std::path::Path;

#[test]
fn the_header_has_the_version_of_the_package() {
    let header =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("include/hazptr.h"))
            .expect("include/hazptr.h");
    for (part, version) in [
        ("MAJOR", env!("CARGO_PKG_VERSION_MAJOR")),
        ("MINOR", env!("CARGO_PKG_VERSION_MINOR")),
        ("PATCH", env!("CARGO_PKG_VERSION_PATCH")),
    ] {
        let define = format!("#define HAZPTR_VERSION_{part} {version}\n");
        assert!(header.contains(&define), "src/abi.rs and Cargo.toml differ in {part}");
    }
}

#[test]
fn committed_header_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml");
    let mut generated = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(root.join("src/abi.rs"))
        .generate()
        .expect("cbindgen understands src/abi.rs")
        .write(&mut generated);
    let generated = String::from_utf8(generated).expect("UTF-8");
    let path = root.join("include/hazptr.h");
    if std::env::var_os("HAZPTR_WRITE_HEADER").is_some() {
        std::fs::write(&path, &generated).expect("include/hazptr.h is writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "include/hazptr.h is not what src/abi.rs says; run `make header` and commit the result"
    );
}
