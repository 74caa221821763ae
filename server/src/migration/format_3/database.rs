//! The database of a store of format 3, an embedded one called fjall. It is only read here.

use std::{
    cell::Cell,
    collections::HashMap,
    path::{Path, PathBuf},
};

use ::fjall::{Keyspace, KeyspaceCreateOptions, Slice};

use super::{
    journals,
    records::{self, Members, VERSION},
};
use crate::{
    migration::{Loss, MigrationError},
    model::{event::LastNumbers, message::MessageId},
};

/// Takes the key and the value of a record; `None`: it cannot be read.
type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> Option<()> + 'a;

/// See the module.
pub(super) struct Database {
    folder: PathBuf,
    _database: ::fjall::Database,
    pub(super) messages: Keyspace,
    pub(super) cursors: Keyspace,
    pub(super) marks: Keyspace,
    pub(super) seen: Keyspace,
    numbers: Keyspace,
    rosters: HashMap<u32, Members>,
    loss: Loss,
    unreadable: Cell<u64>,
}

impl Database {
    /// Opens the database. It stays locked for other programs until this is dropped.
    ///
    /// # Errors
    /// [`MigrationError`]: it is in use, damaged, of another format, or the disk refuses.
    pub(super) fn open(folder: &Path, loss: Loss) -> Result<Self, MigrationError> {
        let refused = MigrationError::io(folder);
        let damaged = |reason| MigrationError::Damaged {
            folder: folder.to_owned(),
            reason,
        };
        if let Some(part) = journals::spoiled_list(folder).map_err(&refused)? {
            return Err(MigrationError::BeyondRepair {
                folder: folder.to_owned(),
                reason: format!("the list of tables in {} cannot be read", part.display()),
            });
        }
        let torn = journals::torn(folder).map_err(&refused)?;
        if let Some(journal) = torn.first() {
            let reason = format!("{} cannot be read to its end", journal.display());
            match loss {
                Loss::Accepted => tracing::warn!("{reason}; going on without the rest of it"),
                Loss::Refused | Loss::OfTheEnd => return Err(damaged(reason)),
            }
        }
        let failed = |error| unopenable(folder, error);
        let database = ::fjall::Database::builder(folder)
            .worker_threads(1)
            .open()
            .map_err(failed)?;
        let part = |name| {
            let options = KeyspaceCreateOptions::default;
            database.keyspace(name, options).map_err(failed)
        };
        let rosters = part("rosters")?;
        let mut opened = Self {
            folder: folder.to_owned(),
            messages: part("messages")?,
            cursors: part("cursors")?,
            marks: part("reads")?,
            seen: part("seen")?,
            numbers: part("numbers")?,
            rosters: HashMap::new(),
            loss,
            unreadable: Cell::new(0),
            _database: database,
        };
        opened.check_format()?;
        let mut known = HashMap::new();
        opened.each(&rosters, "who belongs to a group", &mut |key, value| {
            let (number, members) = records::roster(key, value)?;
            known.insert(number, members);
            Some(())
        })?;
        opened.rosters = known;
        Ok(opened)
    }

    /// Every record begins with its version, and all have the same: one that differs from all others is damage.
    fn check_format(&self) -> Result<(), MigrationError> {
        let ends = [&self.messages, &self.cursors]
            .into_iter()
            .flat_map(|part| [part.first_key_value(), part.last_key_value()]);
        let versions = ends.flatten().map(|record| {
            let value = record.value().ok()?;
            value.first().copied()
        });
        let versions: Vec<_> = versions.collect();
        match versions.first() {
            Some(&Some(found))
                if found != VERSION && versions.iter().all(|one| *one == Some(found)) =>
            {
                Err(MigrationError::Format {
                    folder: self.folder.clone(),
                    found,
                })
            }
            _ => Ok(()),
        }
    }

    /// Shows every record of a part, in no particular order. `visit` says `None` of one that it cannot read: then that is
    /// all, unless loss is accepted.
    ///
    /// # Errors
    /// [`MigrationError`]: a record cannot be read, or the disk refuses.
    pub(super) fn each(
        &self,
        part: &Keyspace,
        what: &str,
        visit: &mut Visit<'_>,
    ) -> Result<(), MigrationError> {
        let mut last = Vec::new();
        let mut show = |key: &Slice, value: &Slice| match visit(key, value) {
            Some(()) => Ok(()),
            None => self.leave_out(what),
        };
        let mut damage = None;
        for guard in part.iter() {
            match guard.into_inner() {
                Ok((key, value)) => {
                    show(&key, &value)?;
                    last = key.to_vec();
                }
                Err(error) => {
                    damage = Some(error);
                    break;
                }
            }
        }
        let Some(error) = damage else {
            return Ok(());
        };
        if self.loss != Loss::Accepted {
            return Err(unreadable(&self.folder, error));
        }
        self.leave_out(what)?;
        // What is behind the damage is found from the other end.
        for guard in part.iter().rev() {
            match guard.into_inner() {
                Ok((key, value)) if *key > *last => show(&key, &value)?,
                _ => break,
            }
        }
        Ok(())
    }

    /// The value of a block; `None` if it cannot be read and loss is accepted.
    ///
    /// # Errors
    /// [`MigrationError`]: it cannot be read, or the disk refuses.
    pub(super) fn block(&self, key: &[u8]) -> Result<Option<Slice>, MigrationError> {
        match self.messages.get(key) {
            Ok(Some(block)) => Ok(Some(block)),
            Ok(None) => self.leave_out("a message").map(|()| None),
            Err(_) if self.loss == Loss::Accepted => self.leave_out("a message").map(|()| None),
            Err(error) => Err(unreadable(&self.folder, error)),
        }
    }

    /// Notes that something cannot be read.
    ///
    /// # Errors
    /// [`MigrationError::Damaged`] unless loss is accepted.
    pub(super) fn leave_out(&self, what: &str) -> Result<(), MigrationError> {
        if self.loss != Loss::Accepted {
            return Err(MigrationError::Damaged {
                folder: self.folder.clone(),
                reason: format!("{what} cannot be read"),
            });
        }
        self.unreadable.set(self.unreadable.get() + 1);
        Ok(())
    }

    /// How many records were left out.
    pub(super) fn unreadable(&self) -> u64 {
        self.unreadable.get()
    }

    /// Who belonged to a group under this number.
    pub(super) fn roster(&self, number: u32) -> Option<&Members> {
        self.rosters.get(&number)
    }

    /// The last numbers used in what the database has.
    pub(super) fn last(&self) -> Result<LastNumbers, MigrationError> {
        Ok(LastNumbers {
            message: MessageId(self.number("last-message")?),
            read_mark: self.number("last-read-mark")?,
        })
    }

    /// A single number; 0 if it was never written.
    ///
    /// # Errors
    /// [`MigrationError`]: it cannot be read, or the disk refuses.
    pub(super) fn number(&self, name: &str) -> Result<u64, MigrationError> {
        let found = self.numbers.get(name);
        let found = found.map_err(|error| unreadable(&self.folder, error))?;
        let Some(value) = found else {
            return Ok(0);
        };
        match records::number(&value) {
            Some(number) => Ok(number),
            None => self.leave_out(name).map(|()| 0),
        }
    }
}

/// Why it cannot be opened.
fn unopenable(folder: &Path, error: ::fjall::Error) -> MigrationError {
    let folder = folder.to_owned();
    match error {
        ::fjall::Error::Locked => MigrationError::InUse(folder),
        ::fjall::Error::Io(source) | ::fjall::Error::Storage(::fjall::LsmError::Io(source)) => {
            MigrationError::Io { folder, source }
        }
        other => MigrationError::Unopenable {
            folder,
            reason: format!("its database cannot be opened ({other})"),
        },
    }
}

/// Why something in it cannot be read.
fn unreadable(folder: &Path, error: ::fjall::Error) -> MigrationError {
    let folder = folder.to_owned();
    match error {
        ::fjall::Error::Io(source) | ::fjall::Error::Storage(::fjall::LsmError::Io(source)) => {
            MigrationError::Io { folder, source }
        }
        other => MigrationError::Damaged {
            folder,
            reason: format!("its database cannot be read ({other})"),
        },
    }
}
