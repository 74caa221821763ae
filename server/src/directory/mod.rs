//! The registered users and their groups, in memory (rule S2), and the files they come from.

mod decoding;
mod groups;
mod header;
mod look_alike;
mod rows;
mod stamp;
mod table;
mod users;
mod watch;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use mensageiro_protocol::Login;
use tracing::warn;

use self::stamp::Stamp;
pub use self::{
    groups::Groups,
    table::{BadLine, ReadError},
    users::Users,
    watch::Watch,
};
use crate::message::Recipient;

/// Everybody who can be written to, read from `users.csv` and `groups.csv` and replaced as a whole
/// when one of them is edited.
#[derive(Debug)]
pub struct Directory {
    files: [PathBuf; 2],
    /// Of the files, before they were first read.
    stamps: [Stamp; 2],
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

/// Members of groups who are no users; so many of them are named.
const NAMED_STRANGERS: usize = 20;

impl People {
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
        let stamps = Stamp::of_all(&files);
        let people = read(&files)?;
        warn_of_strangers(&files, &people);
        Ok(Self {
            files,
            stamps,
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

    /// What the files say now, which does not count yet.
    ///
    /// # Errors
    /// [`ReadError`] when a file is missing, unreadable, or has a bad line.
    pub fn read(&self) -> Result<People, ReadError> {
        read(&self.files)
    }

    /// Lets another reading count.
    pub fn replace(&self, new: People) {
        if new.groups.strangers() != self.people().groups.strangers() {
            warn_of_strangers(&self.files, &new);
        }
        *self.people.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
    }
}

fn read([users, groups]: &[PathBuf; 2]) -> Result<People, ReadError> {
    let users = Users::read(users)?;
    let groups = Groups::read(groups, &users)?;
    Ok(People { users, groups })
}

fn warn_of_strangers([_, groups]: &[PathBuf; 2], people: &People) {
    let strangers = people.groups.strangers();
    for stranger in strangers.iter().take(NAMED_STRANGERS) {
        warn!(
            "{}: {stranger}, so this line says nothing",
            groups.display()
        );
    }
    if let Some(more) = strangers.len().checked_sub(NAMED_STRANGERS + 1) {
        warn!("{}: and {} more such lines", groups.display(), more + 1);
    }
}
