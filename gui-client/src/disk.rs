//! Why reading or writing a file failed, as far as the difference helps a person.

use std::{
    fs::File,
    io::{self, ErrorKind, Write},
    path::Path,
};

use thiserror::Error;

/// Bytes written to test whether there is room.
const ROOM: usize = 64 * 1024;

/// Why a file or a folder cannot be used. Its text is for the log; `ui::error_text` words it for
/// people.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DiskProblem {
    /// The user lacks the permission.
    #[error("no permission")]
    NoPermission,
    /// It is read-only, for everybody.
    #[error("the disk can only be read")]
    ReadOnly,
    /// The disk is full.
    #[error("the disk is full")]
    Full,
    /// It does not exist, or a folder on its path does not.
    #[error("it is not there")]
    Missing,
    /// A folder is in the place of a file, or the other way round.
    #[error("there is something of another kind")]
    WrongKind,
    /// Another program has locked it.
    #[error("another program holds it")]
    Busy,
    /// Anything else, in the words of the system or the database.
    #[error("{0}")]
    Other(String),
}

impl DiskProblem {
    /// Tests a file or a folder. `None`: it is accessible and there is room, or it does not exist.
    pub fn of(path: &Path) -> Option<Self> {
        let folder = if path.is_dir() {
            path
        } else {
            let opened = File::options().read(true).write(true).open(path);
            if let Some(error) = opened.err().filter(|e| e.kind() != ErrorKind::NotFound) {
                return Some((&error).into());
            }
            path.parent()?
        };
        // The system removes it.
        let written = tempfile::tempfile_in(folder).and_then(|mut file| {
            file.write_all(&vec![0; ROOM])?;
            file.sync_all()
        });
        written.err().as_ref().map(Self::from)
    }
}

impl From<&io::Error> for DiskProblem {
    fn from(error: &io::Error) -> Self {
        if is_open_elsewhere(error) {
            return Self::Busy;
        }
        match error.kind() {
            ErrorKind::PermissionDenied => Self::NoPermission,
            ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            ErrorKind::NotFound => Self::Missing,
            ErrorKind::IsADirectory | ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
                Self::WrongKind
            }
            ErrorKind::ResourceBusy | ErrorKind::ExecutableFileBusy => Self::Busy,
            _ => Self::Other(error.to_string()),
        }
    }
}

/// Whether another program has the file open so that this one must wait, which only Windows has.
pub fn is_open_elsewhere(error: &io::Error) -> bool {
    const SHARING_VIOLATION: i32 = 32;
    const LOCK_VIOLATION: i32 = 33;
    cfg!(windows)
        && matches!(
            error.raw_os_error(),
            Some(SHARING_VIOLATION | LOCK_VIOLATION)
        )
}

impl From<&rusqlite::Error> for DiskProblem {
    fn from(error: &rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::NoPermission,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Other(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_a_person_can_mend_is_told_apart() {
        for (kind, expected) in [
            (ErrorKind::PermissionDenied, DiskProblem::NoPermission),
            (ErrorKind::StorageFull, DiskProblem::Full),
            (ErrorKind::NotFound, DiskProblem::Missing),
            (ErrorKind::IsADirectory, DiskProblem::WrongKind),
        ] {
            assert_eq!(DiskProblem::from(&io::Error::from(kind)), expected);
        }
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(DiskProblem::of(folder.path()), None);
        assert_eq!(DiskProblem::of(&folder.path().join("a.db")), None);
        let nowhere = folder.path().join("nowhere").join("a.db");
        assert_eq!(DiskProblem::of(&nowhere), Some(DiskProblem::Missing));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let other = DiskProblem::from(&io::Error::other("the cable is out"));
        assert_eq!(other, DiskProblem::Other("the cable is out".into()));
    }
}
