//! The registered users, in memory (rule S2), and the file they come from.

mod read;
mod watch;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use mensageiro_protocol::Login;

pub use self::{
    read::{BadLine, ReadError, Users},
    watch::{Watch, WatchError},
};

/// All logins of the server, read from `users.csv` and replaced as a whole when it is edited.
#[derive(Debug)]
pub struct Directory {
    file: PathBuf,
    users: RwLock<Arc<Users>>,
}

/// What reading the file again brought.
#[derive(Debug, PartialEq, Eq)]
pub struct Change {
    /// Logins that were not there before.
    pub added: usize,
    /// Logins that are gone.
    pub removed: usize,
}

impl Directory {
    /// Reads the file.
    ///
    /// # Errors
    /// [`ReadError`] when it is missing, unreadable, or has a bad line.
    pub fn open(file: &Path) -> Result<Self, ReadError> {
        let users = Users::read(file)?;
        Ok(Self {
            file: file.to_owned(),
            users: RwLock::new(Arc::new(users)),
        })
    }

    /// The users as they are now.
    pub fn users(&self) -> Arc<Users> {
        self.users
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Where they are read from.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Reads the file again. After an error the old list stands.
    ///
    /// # Errors
    /// [`ReadError`] when it is missing, unreadable, or has a bad line.
    pub fn reload(&self) -> Result<Change, ReadError> {
        let new = Users::read(&self.file)?;
        let old = self.users();
        let change = Change {
            added: new.not_in(&old),
            removed: old.not_in(&new),
        };
        *self.users.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(change)
    }

    /// Whether there is such a user (rules S5 and S6).
    pub fn contains(&self, login: &Login) -> bool {
        self.users().contains(login)
    }
}
