//! The file with the register, `access.json` in the data folder. It is small and replaced as a whole, so that a crash leaves
//! the one before or the one after. The server and the commands (`invite`, `devices`, `key`) may change it at the same time:
//! each change is made under a lock, to what the file says then.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use thiserror::Error;

use super::{
    change::{Change, Unchanged},
    content::{self, FORMAT, Found, Unusable},
    register::Register,
};
use crate::{
    log::disk::{Access, Disk, Lock, SystemDisk},
    version::WrittenBy,
};

/// The file in the data folder.
pub const FILE: &str = "access.json";

/// Its name while it is written, and the file that is locked meanwhile.
const NEW: &str = "access.json.new";
const LOCK: &str = "access.lock";

/// A change takes some milliseconds. Who has the lock for longer has a broken disk, or was stopped.
const LONGEST_LOCK: Duration = Duration::from_secs(10);

/// How often it is tried meanwhile.
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// See the module.
#[derive(Debug)]
pub struct RegisterFile {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    /// A lock of the system may let in two threads of one process.
    changing: Mutex<()>,
}

/// Why the register cannot be read or changed.
#[derive(Debug, Error)]
pub enum RegisterError {
    /// The disk refuses.
    #[error("{file}: {source}; check the disk and who may write there")]
    Io {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody edited it, or the disk is damaged.
    #[error(
        "{file}: damaged: {reason}; bring it back from a backup, or remove it: then the server is open, and all devices must join again"
    )]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A later version has written it.
    #[error("{file}: {by}")]
    Newer {
        /// Which file.
        file: PathBuf,
        /// What it says of that version.
        by: WrittenBy,
    },
    /// Somebody else has had the lock for long.
    #[error(
        "{file}: another program changes who may log in and does not come to an end; stop it and try again"
    )]
    Locked {
        /// The locked file.
        file: PathBuf,
    },
    /// The system has no random numbers.
    #[error("the system has no random numbers: {0}")]
    NoRandom(io::Error),
    /// The change must not be made.
    #[error("{}", .0.reason())]
    Unchanged(Unchanged),
}

impl RegisterFile {
    /// The file of a data folder, which need not be there.
    pub fn new(folder: &Path) -> Self {
        Self::on(Arc::new(SystemDisk), folder)
    }

    /// The same on another disk.
    pub fn on(disk: Arc<dyn Disk>, folder: &Path) -> Self {
        Self {
            disk,
            folder: folder.to_owned(),
            changing: Mutex::new(()),
        }
    }

    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Reads it. Without a file, nothing is registered and the server is open.
    ///
    /// # Errors
    /// [`RegisterError`] says what is wrong with it.
    pub fn read(&self) -> Result<Register, RegisterError> {
        let found = self.find()?;
        Ok(found.map_or_else(Register::default, |(found, _)| found.register))
    }

    /// Reads it at the start of a server, which is `closed`, open, or as it was before, and writes it in today's format.
    ///
    /// # Errors
    /// [`RegisterError`] says what is wrong with it.
    pub fn begin(&self, closed: Option<bool>) -> Result<Register, RegisterError> {
        let found = self.find()?;
        let is_earlier = found
            .as_ref()
            .is_some_and(|(found, _)| found.format < FORMAT);
        let register = found.map_or_else(Register::default, |(found, _)| found.register);
        let closed = closed.filter(|&closed| closed != register.closed);
        match closed {
            None if !is_earlier => Ok(register),
            closed => self.change(|_| closed.map(Change::Close).into_iter().collect()),
        }
    }

    /// What is there, and the bytes of it.
    fn find(&self) -> Result<Option<(Found, Vec<u8>)>, RegisterError> {
        let file = self.path();
        let bytes = match self.content(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(RegisterError::Io { file, source }),
            Ok(bytes) => bytes,
        };
        match content::read(&bytes) {
            Ok(found) => Ok(Some((found, bytes))),
            Err(Unusable::Damaged(reason)) => Err(RegisterError::Damaged { file, reason }),
            Err(Unusable::Newer(by)) => Err(RegisterError::Newer { file, by }),
        }
    }

    /// Makes changes, all or none. When it returns, they are on the disk. Returns the register with them.
    ///
    /// A file of an earlier format is written in today's, whether anything changes or not, and a copy of it is kept.
    ///
    /// # Errors
    /// [`RegisterError::Unchanged`] if one of them must not be made, otherwise what prevents it.
    pub fn change(
        &self,
        changes: impl FnOnce(&Register) -> Vec<Change>,
    ) -> Result<Register, RegisterError> {
        let _changing = self.changing.lock();
        let _lock = self.lock()?;
        let found = self.find()?;
        let earlier = found.as_ref().filter(|(found, _)| found.format < FORMAT);
        let copy = earlier.map(|(found, bytes)| (copy_name(found.format), bytes.clone()));
        let mut register = found.map_or_else(Register::default, |(found, _)| found.register);
        let mut is_changed = copy.is_some();
        for change in changes(&register) {
            is_changed |= register.apply(&change).map_err(RegisterError::Unchanged)?;
        }
        if let Some((name, bytes)) = copy {
            self.write(&name, &bytes)?;
        }
        if is_changed {
            self.write(FILE, &content::write(&register))?;
        }
        Ok(register)
    }

    fn content(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.disk.open(path, Access::Read)?;
        let length = usize::try_from(file.length()?).map_err(io::Error::other)?;
        let mut content = vec![0; length];
        let read = file.read_at(&mut content, 0)?;
        content.truncate(read);
        Ok(content)
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), RegisterError> {
        let (path, new) = (self.folder.join(name), self.folder.join(NEW));
        let written = || {
            // One that a crash has left may be a link by now.
            match self.disk.remove(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let file = self.disk.open(&new, Access::Create)?;
            file.write_at(content, 0)?;
            file.sync()?;
            drop(file);
            self.disk.rename(&new, &path)?;
            self.disk.sync_folder(&self.folder)
        };
        written().map_err(|source| RegisterError::Io {
            file: path.clone(),
            source,
        })
    }

    /// Keeps other programs out, and waits for one that is at it.
    fn lock(&self) -> Result<Box<dyn Lock>, RegisterError> {
        let file = self.folder.join(LOCK);
        let begin = Instant::now();
        loop {
            match self.disk.lock(&file) {
                Ok(lock) => return Ok(lock),
                Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                    return Err(RegisterError::Io {
                        file,
                        source: error,
                    });
                }
                Err(_) if begin.elapsed() >= LONGEST_LOCK => {
                    return Err(RegisterError::Locked { file });
                }
                Err(_) => thread::sleep(LOCK_PAUSE),
            }
        }
    }
}

/// What the copy of a file of an earlier format is called.
pub(crate) fn copy_name(format: u32) -> String {
    format!("access-format-{format}.json")
}
