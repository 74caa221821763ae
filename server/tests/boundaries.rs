//! Which module of the server may use which.

#[path = "../../tests/modules/mod.rs"]
mod modules;

use std::path::Path;

/// Cycles that are left: the module they are in, and their members. This list only gets shorter.
const LEFT: &[(&str, &[&str])] = &[
    ("directory", &["header", "users"]),
];

#[test]
fn no_module_uses_itself_through_others() {
    for cycle in modules::cycles(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let is_known = LEFT.iter().any(|(parent, members)| {
            let is_member = |name: &String| members.contains(&name.as_str());
            *parent == cycle.parent && cycle.members.iter().all(is_member)
        });
        assert!(is_known, "modules use each other in a circle: {cycle}");
    }
}
