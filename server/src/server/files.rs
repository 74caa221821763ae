//! The data folder and the files in it.

use std::{
    fs, io,
    path::{self, Path, PathBuf},
};

use super::StartError;
use crate::file_rights;

/// The files of a server.
#[derive(Clone, Debug)]
pub struct Files {
    /// The registered users (rule S2).
    pub users: PathBuf,
    /// Their groups; may be missing.
    pub groups: PathBuf,
    /// The messages that have been read (rule S3).
    pub messages: PathBuf,
    /// The folder of the store.
    pub store: PathBuf,
}

impl Files {
    /// The files of a data folder, which must be there.
    pub(super) fn in_folder(folder: &Path) -> Result<Self, StartError> {
        // Whoever starts it elsewhere than intended sees where that is.
        let whole = || path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        match fs::metadata(folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(StartError::NotAFolder(whole())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StartError::NoFolder(whole()));
            }
            Err(source) => {
                let folder = whole();
                return Err(StartError::Folder { folder, source });
            }
        }
        Ok(Self {
            users: folder.join("users.csv"),
            groups: folder.join("groups.csv"),
            messages: folder.join("messages.csv"),
            store: folder.join("store"),
        })
    }
}

/// Makes the data folder and a sample of users, and leaves alone what is there.
pub(super) fn init(folder: &Path) -> io::Result<()> {
    if !folder.exists() {
        file_rights::create_folder(folder)?;
    }
    match fs::File::create_new(folder.join("users.csv")) {
        Ok(mut file) => io::Write::write_all(&mut file, include_bytes!("../../sample/users.csv")),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
