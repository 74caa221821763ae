//! Keeps other programs from editing at the same time.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use mensageiro_protocol::Login;

use super::EditError;
use crate::file_rights::open_or_create;

/// The file beside users.csv that is locked. It stays there.
const LOCK: &str = "users.lock";

/// How long to wait for another program's edit.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often to look whether it has ended.
const LOOK: Duration = Duration::from_millis(10);

/// The right to edit the files of a folder, until it is dropped. The file also holds the login of a user whose removal has begun: it needs
/// both files, and whoever edits next finishes what was killed in between.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Waits for the right to edit.
    pub(super) fn take(users: &Path) -> Result<Self, EditError> {
        let path = users.with_file_name(LOCK);
        let failed = |source| EditError::Write {
            file: path.clone(),
            source,
        };
        let file =
            open_or_create(OpenOptions::new().read(true).write(true), &path).map_err(failed)?;
        let begin = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { path, file }),
                Err(TryLockError::WouldBlock) if begin.elapsed() < PATIENCE => thread::sleep(LOOK),
                Err(TryLockError::WouldBlock) => return Err(EditError::Busy(users.to_owned())),
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
    }

    /// Whose removal was begun and not finished.
    pub(super) fn begun(&mut self) -> Option<Login> {
        let mut noted = String::new();
        self.file.seek(SeekFrom::Start(0)).ok()?;
        self.file.read_to_string(&mut noted).ok()?;
        // Without its end it was not written completely, and the removal had not begun.
        Login::kept(noted.strip_suffix('\n')?).ok()
    }

    /// Notes that a removal begins, or with `None` that it is finished.
    pub(super) fn note(&mut self, removal: Option<&Login>) -> Result<(), EditError> {
        let noted = removal.map_or_else(String::new, |login| format!("{login}\n"));
        self.write(&noted).map_err(|source| EditError::Write {
            file: self.path.clone(),
            source,
        })
    }

    fn write(&mut self, noted: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(noted.as_bytes())?;
        self.file.sync_data()
    }
}
