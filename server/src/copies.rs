//! Copies of what earlier versions have written, which this version has converted. They are kept until this version has
//! worked for some time.

use std::{
    fs, io,
    path::Path,
    thread,
    time::{Duration, SystemTime},
};

use jiff::{Timestamp, tz::TimeZone};
use tracing::{debug, info, warn};

use crate::{access, migration, version::Version};

/// How long a copy is kept.
const KEPT: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Removes the copies that are older, in a thread of its own: it may take a while, and nobody waits for it. To be called when
/// a server has started on what was converted. What is not finished is done by a later start.
pub(crate) fn remove_old(data: &Path, store: &Path) {
    let (data, store) = (data.to_owned(), store.to_owned());
    let remove = move || {
        let removed = remove_files(&data, SystemTime::now());
        let removed = removed.and(remove_stores(&store, SystemTime::now()));
        if let Err(error) = removed {
            warn!("a copy of what an earlier version has written cannot be removed: {error}");
        }
    };
    if let Err(error) = thread::Builder::new().name("copies".into()).spawn(remove) {
        debug!("copies of earlier versions stay for now: {error}");
    }
}

/// A copy of one file begins to exist with the conversion.
fn remove_files(data: &Path, now: SystemTime) -> io::Result<()> {
    for format in access::EARLIER_FORMATS {
        let copy = data.join(access::copy_name(format));
        if is_old(&copy, now)? == Some(true) {
            fs::remove_file(&copy)?;
            info!(
                "{}: removed; this version has worked without it",
                copy.display()
            );
        }
    }
    Ok(())
}

/// A folder is as old as it was before. So a file beside it says since when it is a copy, and tells people what it is.
fn remove_stores(store: &Path, now: SystemTime) -> io::Result<()> {
    for copy in migration::copies(store)? {
        let note = copy.with_added_extension("txt");
        match is_old(&note, now)? {
            Some(true) => {
                fs::remove_dir_all(&copy)?;
                fs::remove_file(&note)?;
                info!(
                    "{}: removed; this version has worked without it",
                    copy.display()
                );
            }
            Some(false) => {}
            None => write_note(&copy, &note, now)?,
        }
    }
    Ok(())
}

fn write_note(copy: &Path, note: &Path, now: SystemTime) -> io::Result<()> {
    let date = |at: SystemTime| {
        let at = Timestamp::try_from(at).unwrap_or_default();
        at.to_zoned(TimeZone::system()).date()
    };
    let (since, until) = (date(now), date(now + KEPT));
    let name = copy.file_name().unwrap_or_default().display();
    let version = Version::THIS;
    fs::write(
        note,
        format!(
            "{name} is the message store as it was before mensageiro-server {version} converted it.\n\
             This note is of {since}. The first start after {until} removes both. To keep them, move them elsewhere.\n"
        ),
    )?;
    info!("{}: kept until {until}", copy.display());
    Ok(())
}

/// Whether a file is old enough; `None`: there is none. One from the future is new.
fn is_old(file: &Path, now: SystemTime) -> io::Result<Option<bool>> {
    let made = match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        about => about?.modified()?,
    };
    Ok(Some(now.duration_since(made).is_ok_and(|age| age > KEPT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(days: u64) -> SystemTime {
        SystemTime::now() + Duration::from_secs(days * 24 * 60 * 60)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_copy_of_a_store_is_removed_two_weeks_after_a_start_has_found_it() {
        let data = tempfile::tempdir().unwrap();
        let store = data.path().join("store");
        for folder in [
            "store",
            "store-format-3",
            "store-format-3-2",
            "store-format-3x",
        ] {
            fs::create_dir(data.path().join(folder)).unwrap();
        }
        fs::write(data.path().join("store-format-3").join("0.jnl"), "x").unwrap();
        remove_stores(&store, SystemTime::now()).unwrap();
        let note = fs::read_to_string(data.path().join("store-format-3.txt")).unwrap();
        assert!(
            note.starts_with("store-format-3 is the message store as it was"),
            "{note}"
        );
        remove_stores(&store, later(13)).unwrap();
        assert!(data.path().join("store-format-3-2").exists());
        remove_stores(&store, later(15)).unwrap();
        assert_eq!(names(data.path()), ["store", "store-format-3x"]);
    }

    #[test]
    fn a_copy_of_the_access_file_is_removed_after_two_weeks() {
        let data = tempfile::tempdir().unwrap();
        fs::write(data.path().join("access-format-1.json"), "{}").unwrap();
        fs::write(data.path().join(access::FILE), "{}").unwrap();
        for (days, left) in [(0, 2), (13, 2), (15, 1), (16, 1)] {
            remove_files(data.path(), later(days)).unwrap();
            assert_eq!(names(data.path()).len(), left, "after {days} days");
        }
    }

    #[test]
    fn without_copies_nothing_is_touched() {
        let data = tempfile::tempdir().unwrap();
        remove_files(data.path(), later(99)).unwrap();
        remove_stores(&data.path().join("store"), later(99)).unwrap();
        assert!(names(data.path()).is_empty());
    }
}
