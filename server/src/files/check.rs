//! Reads all files and names those that are damaged.

use std::{fs, io, ops::ControlFlow, path::Path};

use super::{Slot, content::is_content, folder::Folder};

/// Reads all files in a data folder or a backup, also while a server uses it. `found` gets what is wrong, a line for each
/// file. Returns how many files there are. `go_on` may end it early.
///
/// # Errors
/// When the folder cannot be read.
pub fn check(
    data: &Path,
    found: &mut dyn FnMut(String),
    go_on: &mut dyn FnMut() -> ControlFlow<()>,
) -> io::Result<usize> {
    let folder = Folder::of(data);
    let slots = match fs::read_dir(folder.slots()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        slots => slots?,
    };
    let mut files = 0;
    for entry in slots {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let slot = match Slot::read(&path) {
            Ok(slot) if slot.is_whole() => slot,
            // A server has removed it meanwhile, or it is not whole yet.
            Ok(_) => continue,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                found(format!("{}: {error}", path.display()));
                continue;
            }
        };
        files += 1;
        let Some(hash) = slot.content() else {
            found(format!("{}: its hash is missing", path.display()));
            continue;
        };
        let content = folder.content(&hash);
        let mut go_on = || go_on().is_continue();
        match is_content(&content, &hash, &mut go_on) {
            Ok(true) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.exists() => {}
            Ok(false) => found(format!(
                "{}: it is not what was uploaded",
                content.display()
            )),
            Err(error) => found(format!("{}: {error}", content.display())),
        }
        if !go_on() {
            return Ok(files);
        }
    }
    Ok(files)
}
