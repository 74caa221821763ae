//! What is missing when the store opens, and whether to go on without it.

use std::{io, path::Path};

use tracing::warn;

use super::{StoreError, log};
use crate::message::MessageId;

/// What to do when messages that were acknowledged are not in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The store does not open, unless it was opened for less than surviving a power cut.
    Refused,
    /// Go on without them, and without what cannot be read of the last writes.
    Accepted,
}

/// What was found to be missing.
pub(super) struct Lost<'a> {
    pub(super) folder: &'a Path,
    /// What of the log cannot be read.
    pub(super) damage: Option<String>,
    /// How many messages were acknowledged that are not there.
    pub(super) missing: u64,
    /// The last message that is there.
    pub(super) there: MessageId,
}

impl Lost<'_> {
    pub(super) fn is_nothing(&self) -> bool {
        self.damage.is_none() && self.missing == 0
    }

    /// The reason not to open the store, if anything is missing.
    pub(super) fn refuse(&self) -> Result<(), StoreError> {
        let folder = self.folder.to_owned();
        if let Some(reason) = self.damage.clone() {
            return Err(StoreError::Damaged { folder, reason });
        }
        if self.missing > 0 {
            return Err(StoreError::Lost {
                folder,
                missing: self.missing,
                there: self.there,
            });
        }
        Ok(())
    }

    /// Says what is missing and keeps a copy of the log as it is.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub(super) fn accept(&self) -> io::Result<()> {
        let (folder, there) = (self.folder.display(), self.there);
        if !self.is_nothing() {
            log::keep_damaged(self.folder)?;
        }
        if let Some(reason) = &self.damage {
            warn!("{folder}: {reason}; going on without it");
        }
        if self.missing > 0 {
            warn!(
                "{folder}: {} acknowledged messages are missing; the last one there is {there}, the next one will be {}",
                self.missing,
                MessageId(there.0 + self.missing).next()
            );
        }
        Ok(())
    }
}
