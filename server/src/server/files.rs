//! The data folder and the files in it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::StartError;
use crate::data_folder::whole;

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
        match fs::metadata(folder) {
            Ok(found) if found.is_dir() => {}
            Ok(_) => return Err(StartError::NotAFolder(whole(folder))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StartError::NoFolder(whole(folder)));
            }
            Err(source) => {
                let folder = whole(folder);
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
