//! Which module of the server may use which.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../tests/modules/mod.rs"]
mod modules;

use std::path::Path;

#[test]
fn no_module_uses_itself_through_others() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let cycles = modules::cycles(&sources).into_iter();
    let cycles: Vec<_> = cycles.map(|cycle| cycle.to_string()).collect();
    assert!(cycles.is_empty(), "{}", cycles.join("\n"));
}
