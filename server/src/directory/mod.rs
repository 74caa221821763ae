//! The registered users and their groups, in memory (rule S2), and the files they come from.

mod groups;
mod look_alike;
mod table;
mod users;
mod watch;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use mensageiro_protocol::Login;
use tracing::warn;

pub use self::{
    groups::Groups,
    table::{BadLine, ReadError},
    users::Users,
    watch::{Watch, WatchError},
};
use crate::message::Recipient;

/// Everybody who can be written to, read from `users.csv` and `groups.csv` and replaced as a whole
/// when one of them is edited.
#[derive(Debug)]
pub struct Directory {
    files: [PathBuf; 2],
    people: RwLock<Arc<People>>,
}

/// One reading of both files.
#[derive(Debug, PartialEq, Eq)]
pub struct People {
    /// The users.
    pub users: Users,
    /// Their groups.
    pub groups: Groups,
}

/// What reading the files again brought.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    /// Logins that were not there before.
    pub added: usize,
    /// Logins that are gone.
    pub removed: usize,
    /// The groups are not what they were.
    pub groups: bool,
}

impl People {
    fn read([users, groups]: &[PathBuf; 2]) -> Result<Self, ReadError> {
        let users = Users::read(users)?;
        let file = groups;
        let groups = Groups::read(file, &users)?;
        for stranger in groups.strangers() {
            warn!("{}: {stranger}, so this line says nothing", file.display());
        }
        Ok(Self { users, groups })
    }

    /// Whom a name stands for, if anybody (rule S6).
    pub fn recipient(&self, name: &Login) -> Option<Recipient> {
        if self.users.contains(name) {
            return Some(Recipient::User(name.clone()));
        }
        let members = self.groups.members(name)?.clone();
        Some(Recipient::Group(name.clone(), members))
    }
}

impl Directory {
    /// Reads the files. There must be users; there may be groups.
    ///
    /// # Errors
    /// [`ReadError`] when a file is missing, unreadable, or has a bad line.
    pub fn open(users: &Path, groups: &Path) -> Result<Self, ReadError> {
        let files = [users.to_owned(), groups.to_owned()];
        let people = People::read(&files)?;
        Ok(Self {
            files,
            people: RwLock::new(Arc::new(people)),
        })
    }

    /// Everybody as they are now.
    pub fn people(&self) -> Arc<People> {
        self.people
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Where they are read from.
    pub fn files(&self) -> &[PathBuf; 2] {
        &self.files
    }

    /// Reads the files again. After an error the old lists stand.
    ///
    /// # Errors
    /// [`ReadError`] when a file is missing, unreadable, or has a bad line.
    pub fn reload(&self) -> Result<Change, ReadError> {
        let new = People::read(&self.files)?;
        let old = self.people();
        let change = Change {
            added: new.users.not_in(&old.users),
            removed: old.users.not_in(&new.users),
            groups: new.groups != old.groups,
        };
        *self.people.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(change)
    }
}
