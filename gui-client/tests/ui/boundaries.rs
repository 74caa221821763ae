//! Which parts of the app may use which others.

#[path = "../../../tests/modules/mod.rs"]
mod modules;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The sources under a folder of the app.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src")
            .join(folder),
    ];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let source = fs::read_to_string(&path).unwrap();
                found.push((path, source));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

fn check_without(folder: &str, words: &[&str]) {
    for (path, source) in sources(folder) {
        for word in words {
            assert!(!source.contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn the_model_knows_no_window_no_file_and_no_clock() {
    check_without(
        "model",
        &[
            "egui::",
            "std::fs",
            "std::net::Tcp",
            "std::thread",
            "Timestamp::now",
        ],
    );
}

#[test]
fn the_engine_knows_no_window() {
    check_without("engine", &["egui::", "eframe::"]);
}

#[test]
fn colours_are_named_in_the_theme_alone() {
    for folder in ["ui", "app", "model"] {
        check_without(
            folder,
            &["Color32::from_", "Color32::WHITE", "Color32::BLACK"],
        );
    }
}

#[test]
fn the_screens_ask_and_never_do() {
    check_without(
        "ui",
        &["std::fs", "std::thread", "crossbeam_channel", "rfd::"],
    );
}

#[test]
fn no_module_uses_itself_through_others() {
    let cycles = modules::cycles(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    let cycles: Vec<_> = cycles.iter().map(ToString::to_string).collect();
    assert!(
        cycles.is_empty(),
        "modules use each other in a circle:\n{}",
        cycles.join("\n")
    );
}
