//! Provides the linker with an empty `libpcap.a`, so that the `-lpcap` of the `pcap` crate is satisfied without
//! libpcap.

use std::{env, fs, path::PathBuf};

fn main() {
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // These eight bytes are an archive without members.
    fs::write(folder.join("libpcap.a"), b"!<arch>\n").expect("OUT_DIR can be written to");
    println!("cargo::rustc-link-search=native={}", folder.display());
    println!("cargo::rerun-if-changed=build.rs");
}
