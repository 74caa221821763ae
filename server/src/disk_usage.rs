//! What is stored, for the budgets.

use std::{fs, path::PathBuf, sync::Weak};

use mensageiro_protocol::Login;

use crate::{
    budgets::DiskUsage,
    log::{FileLog, Log},
    mailboxes::Mailboxes,
};

/// Looks where everything is. It keeps nothing open: a budget may live longer than its server.
pub(crate) struct StoredBytes {
    /// The log.
    pub(crate) log: Weak<FileLog>,
    /// The state, which knows what is whose.
    pub(crate) mailboxes: Weak<Mailboxes>,
    /// The archive of messages that have been read.
    pub(crate) messages_csv: PathBuf,
    /// The folder of the store.
    pub(crate) folder: PathBuf,
}

impl DiskUsage for StoredBytes {
    fn of(&self, login: &Login) -> u64 {
        let mailboxes = self.mailboxes.upgrade();
        mailboxes.map_or(0, |mailboxes| mailboxes.lock().stored(login))
    }

    fn largest(&self) -> Option<(Login, u64)> {
        let mailboxes = self.mailboxes.upgrade()?;
        let state = mailboxes.lock();
        let largest = state.largest_stored();
        largest.map(|(login, bytes)| (login.clone(), bytes))
    }

    fn total(&self) -> u64 {
        let log = self.log.upgrade();
        let log = log.map_or(0, |log| log.end().0 - log.start().0);
        // If it cannot be looked at, whoever writes it says so.
        let archive = fs::metadata(&self.messages_csv).map_or(0, |file| file.len());
        log + archive
    }

    fn free(&self) -> Option<u64> {
        fs4::available_space(&self.folder).ok()
    }
}

impl std::fmt::Debug for StoredBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredBytes").finish_non_exhaustive()
    }
}
