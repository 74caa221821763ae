//! Where everything is.

#[cfg(unix)]
use std::fs::File;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

use mensageiro_protocol::live::{FileHash, FileToken};

use super::slot::Slot;
use crate::file_rights;

/// The folder in the data folder, and those in it that a backup has.
pub const FOLDER: &str = "files";
/// See [`FOLDER`].
pub const SLOTS: &str = "files/slots";
/// See [`FOLDER`].
pub const CONTENTS: &str = "files/contents";

/// The folder of all files.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn of(data: &Path) -> Self {
        Self(data.join(FOLDER))
    }

    pub(super) fn create(&self) -> io::Result<()> {
        file_rights::create_folder(&self.0)?;
        for folder in [self.slots(), self.uploads(), self.contents()] {
            file_rights::create_folder(&folder)?;
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn slots(&self) -> PathBuf {
        self.0.join("slots")
    }

    pub(super) fn uploads(&self) -> PathBuf {
        self.0.join("uploads")
    }

    pub(super) fn contents(&self) -> PathBuf {
        self.0.join("contents")
    }

    pub(super) fn slot(&self, token: &FileToken) -> PathBuf {
        self.slots().join(format!("{token}.json"))
    }

    pub(super) fn upload(&self, token: &FileToken) -> PathBuf {
        self.uploads().join(token.to_string())
    }

    pub(super) fn content(&self, hash: &FileHash) -> PathBuf {
        self.contents().join(hash.to_string())
    }

    /// Stores a slot; when this returns, a power cut cannot undo it.
    pub(super) fn store(&self, slot: &Slot) -> io::Result<()> {
        file_rights::write_private(&self.slot(&slot.file), &slot.document()?)
    }

    /// How many bytes of a file have come. What cannot be looked at has not come.
    pub(super) fn uploaded(&self, token: &FileToken) -> u64 {
        fs::metadata(self.upload(token)).map_or(0, |file| file.len())
    }
}

/// Makes sure that a power cut cannot undo changes of a folder's entries.
#[cfg(unix)]
pub(super) fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Other systems do so by themselves.
#[cfg(not(unix))]
pub(super) fn sync(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Removes a file; one that is not there is removed.
pub(super) fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
