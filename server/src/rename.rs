//! Renames over what is there, also where other programs look into a file for a moment.

use std::{fs, io, path::Path, thread, time::Duration};

/// How long to wait before each further attempt, in milliseconds.
const PAUSES: [u64; 8] = [5, 10, 20, 50, 100, 300, 500, 1000];

/// Renames a file or a folder; a file replaces the one that has the new name.
///
/// On Windows this fails as long as another program has one of both open. A spreadsheet keeps a file open, but a virus scanner, an
/// indexer or a reader has done so after a moment. So there it is tried for 2 seconds.
///
/// # Errors
/// What the system says.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    for pause in PAUSES {
        match fs::rename(from, to) {
            Err(error) if is_open_elsewhere(&error) => thread::sleep(Duration::from_millis(pause)),
            done => return done,
        }
    }
    fs::rename(from, to)
}

/// Whether another program has the file open. Windows calls that a sharing or a lock violation, or, for the file that is to be
/// replaced, a denied access.
fn is_open_elsewhere(error: &io::Error) -> bool {
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    const LOCK_VIOLATION: i32 = 33;
    cfg!(windows)
        && matches!(
            error.raw_os_error(),
            Some(ACCESS_DENIED | SHARING_VIOLATION | LOCK_VIOLATION)
        )
}
