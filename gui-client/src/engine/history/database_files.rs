//! The files of a database: itself, and what SQLite keeps beside it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The length of the header of a database, in bytes.
pub(super) const HEADER: usize = 100;

/// The endings of the names of the files beside a database.
pub(super) const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Removes a file that only this app has made, if it exists.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a file is left over");
    }
}

/// Whether no file has this name.
pub(super) fn is_free(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Moves all files of a database, or none. Returns the last one that there was.
pub(super) fn move_all(from: &Path, to: &Path) -> io::Result<Option<PathBuf>> {
    let mut moved: Vec<(PathBuf, PathBuf)> = Vec::new();
    // The log before the database: SQLite would play it into the new one.
    for ending in COMPANIONS.into_iter().chain([""]) {
        let (from, to) = (beside(from, ending), beside(to, ending));
        if is_free(&from) {
            continue;
        }
        if let Err(error) = fs::rename(&from, &to) {
            // Without its log the database would lack what was written last.
            for (from, to) in moved.into_iter().rev() {
                if let Err(error) = fs::rename(&to, from) {
                    tracing::error!(path = %to.display(), %error, "a file cannot be moved back");
                }
            }
            return Err(error);
        }
        moved.push((from, to));
    }
    Ok(moved.pop().map(|(_, to)| to))
}

/// The file beside a database with this ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
