//! Opens whole files for those who fetch them.

use std::{fs::File, io, sync::Arc};

use mensageiro_protocol::live::FileToken;
use thiserror::Error;
use tracing::error;

use super::{FileStore, Slot};

/// Why a file cannot be sent.
#[derive(Debug, Error)]
pub enum Missing {
    /// There is none under this token, or not all of it.
    #[error("there is no such file")]
    Unknown,
    /// Its content is not what it was.
    #[error("the file is damaged on the server's disk")]
    Damaged,
    /// It cannot be read.
    #[error("the file cannot be read")]
    Disk(#[from] io::Error),
}

impl FileStore {
    /// Opens a whole file for reading. It is read and compared with its hash first, unless that was done in the last hour.
    ///
    /// # Errors
    /// [`Missing`] says why it cannot be sent.
    pub fn open_content(&self, token: &FileToken) -> Result<(Arc<Slot>, File), Missing> {
        let (slot, hash, content) = {
            let state = self.state.lock();
            let slot = state.slots.get(token).ok_or(Missing::Unknown)?.clone();
            let hash = slot.content().ok_or(Missing::Unknown)?;
            let content = state.contents.get(&hash).cloned();
            (slot, hash, content.ok_or(Missing::Unknown)?)
        };
        let path = self.folder.content(&hash);
        let file = File::open(&path)?;
        if !content.verify(&path, &hash)? {
            error!(
                "{}: damaged: it is not what was uploaded; copy it from a backup",
                path.display()
            );
            return Err(Missing::Damaged);
        }
        Ok((slot, file))
    }
}
