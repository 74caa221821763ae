//! Copies of folders.

use std::{fs, path::Path};

use tempfile::TempDir;

/// Copies a folder with everything in it.
pub fn copy_of(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_into(folder, copy.path());
    copy
}

fn copy_into(folder: &Path, copy: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let (from, name) = entry.map(|one| (one.path(), one.file_name())).unwrap();
        let to = copy.join(name);
        if from.is_dir() {
            fs::create_dir(&to).unwrap();
            copy_into(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}
