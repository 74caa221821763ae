//! Why something on this computer's disk could not be read or written, told apart as far as a
//! person can do something about it.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::Path,
};

use thiserror::Error;

/// Bytes that are written to see whether there is room.
const ROOM: usize = 64 * 1024;

/// Why a file or a folder cannot be used. Its text is for the log; `ui` has that for people.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DiskProblem {
    /// The system does not let this user.
    #[error("no permission")]
    NoPermission,
    /// It can be read but not written, whoever asks.
    #[error("the disk can only be read")]
    ReadOnly,
    /// There is no room left.
    #[error("the disk is full")]
    Full,
    /// It is not there, or a folder on the way to it is not.
    #[error("it is not there")]
    Missing,
    /// There is a folder where a file is wanted, or the other way round.
    #[error("there is something of another kind")]
    WrongKind,
    /// Another program holds it.
    #[error("another program holds it")]
    Busy,
    /// Anything else, in the words of the system or the database.
    #[error("{0}")]
    Other(String),
}

impl DiskProblem {
    /// Tries what one does with a file, or in a folder: `None`, if the system lets one, there is room,
    /// or it is not there.
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
        let trial = folder.join(format!("room.{}.tmp", std::process::id()));
        let written = File::create(&trial).and_then(|mut file| {
            file.write_all(&vec![0; ROOM])?;
            file.sync_all()
        });
        let _ = fs::remove_file(&trial);
        written.err().as_ref().map(Self::from)
    }
}

impl From<&io::Error> for DiskProblem {
    fn from(error: &io::Error) -> Self {
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
