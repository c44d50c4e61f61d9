//! Tells the linker how the freestanding program is put together; the ordinary one needs nothing.

use std::env;
use std::path::Path;

/// For a linker that is a C compiler: no start files, no libraries, a position-independent static program.
///
/// `norelro`: there is no loader that would make the relocated data read-only again. `text`: refuse what
/// would need relocations in code, since `start.rs` applies relative ones only.
const COMPILER: [&str; 7] = [
    "-nostartfiles",
    "-nostdlib",
    "-static-pie",
    "-Wl,-z,text",
    "-Wl,-z,norelro",
    "-Wl,-z,noexecstack",
    "-Wl,--build-id=none",
];

/// The same for a linker that is called by itself.
const LINKER: [&str; 10] = [
    "-static",
    "-pie",
    "--no-dynamic-linker",
    "-z",
    "text",
    "-z",
    "norelro",
    "-z",
    "noexecstack",
    "--build-id=none",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=RUSTC_LINKER");
    if env::var_os("CARGO_FEATURE_INITRD").is_none() {
        return;
    }
    let linker = env::var("RUSTC_LINKER").unwrap_or_default();
    let name = Path::new(&linker).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let arguments: &[&str] = if name.contains("lld") { &LINKER } else { &COMPILER };
    for argument in arguments {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    let script = Path::new(&env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("initrd.ld");
    let option = if name.contains("lld") { "-T" } else { "-Wl,-T," };
    println!("cargo:rerun-if-changed={}", script.display());
    println!("cargo:rustc-link-arg-bins={option}{}", script.display());
}
