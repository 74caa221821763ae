//! Copies of what an earlier version of the app has written, which this version has converted. They are kept until this
//! version has worked for some time.

use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

/// How long a copy is kept.
const KEPT: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Removes a copy that is older. To be called when what it was converted into has been opened.
pub fn remove_old(copy: &Path) {
    remove_old_at(copy, SystemTime::now());
}

fn remove_old_at(copy: &Path, now: SystemTime) {
    let Ok(made) = fs::metadata(copy).and_then(|about| about.modified()) else {
        return;
    };
    // One from the future is new.
    if now.duration_since(made).is_ok_and(|age| age > KEPT)
        && let Err(error) = fs::remove_file(copy)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %copy.display(), %error, "a copy of an earlier version is left over");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_removed_after_two_weeks() {
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("a.format-7.db");
        fs::write(&copy, "x").unwrap();
        let later = |days: u64| SystemTime::now() + Duration::from_secs(days * 24 * 60 * 60);
        for (days, is_there) in [(0, true), (13, true), (15, false), (16, false)] {
            remove_old_at(&copy, later(days));
            assert_eq!(copy.exists(), is_there, "after {days} days");
        }
    }
}
