//! The registered users and their groups, in memory (rule S2), and the files they are read from.

mod decoding;
pub mod edit;
mod editor;
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
    sync::{Arc, OnceLock},
};

use mensageiro_protocol::Login;
use parking_lot::RwLock;
use tracing::warn;

pub(crate) use self::stamp::Stamp;
pub use self::{
    editor::Editor,
    groups::Groups,
    table::{BadLine, ReadError},
    users::Users,
    watch::{Edits, Watch},
};
use crate::model::event::Target;

/// All users and groups, read from `users.csv` and `groups.csv` and replaced as a whole when one of
/// the files is edited.
#[derive(Debug)]
pub struct Directory {
    files: [PathBuf; 2],
    /// The files' stamps, taken before they were first read.
    stamps: [Stamp; 2],
    people: RwLock<Arc<People>>,
}

/// One reading of both files.
#[derive(Debug)]
pub struct People {
    /// The users.
    pub users: Users,
    /// Their groups.
    pub groups: Groups,
    /// The users' logins in order, computed when first needed.
    in_order: OnceLock<Arc<[Login]>>,
}

impl PartialEq for People {
    fn eq(&self, other: &Self) -> bool {
        (&self.users, &self.groups) == (&other.users, &other.groups)
    }
}

/// How many group members who are not users the log names.
const NAMED_STRANGERS: usize = 20;

impl People {
    fn new(users: Users, groups: Groups) -> Self {
        Self {
            users,
            groups,
            in_order: OnceLock::new(),
        }
    }

    /// All users' logins, in order.
    pub fn in_order(&self) -> &Arc<[Login]> {
        self.in_order.get_or_init(|| {
            let mut logins: Vec<_> = self.users.iter().map(|(login, _)| login.clone()).collect();
            logins.sort_unstable();
            logins.into()
        })
    }

    /// These plus those who are only in `earlier`; `None` if people could then confuse two of them.
    fn and(&self, earlier: &Self) -> Option<Self> {
        let users = self.users.and(&earlier.users)?;
        let groups = self.groups.and(&earlier.groups, &users)?;
        Some(Self::new(users, groups))
    }

    /// Whether a user administers the server: users, groups and invites.
    pub fn is_admin(&self, login: &Login) -> bool {
        self.users.is_admin(login)
    }

    /// How many members a group has; 0 if there is no such group.
    pub fn size(&self, group: &Login) -> usize {
        let members = self.groups.members(group);
        members.map_or(0, |members| members.len())
    }

    /// The user or group with this name, if there is one (rule S6).
    pub fn recipient(&self, name: &Login) -> Option<Target> {
        if self.users.contains(name) {
            return Some(Target::User(name.clone()));
        }
        let is_group = self.groups.members(name).is_some();
        is_group.then(|| Target::Group(name.clone()))
    }
}

impl Directory {
    /// Reads the files. There must be users; there may be groups.
    ///
    /// # Errors
    /// [`ReadError`] if a file is missing (users only) or unreadable, or has a bad line.
    pub fn open(users: &Path, groups: &Path) -> Result<Self, ReadError> {
        let files = [users.to_owned(), groups.to_owned()];
        let stamps = Stamp::of_all(&files);
        let people = read(&files)?;
        warn_of_strangers(&files, &people);
        if people.users.is_empty() {
            let file = users.display();
            warn!("{file}: there are no users in it, so nobody can log in; write a line for each");
        }
        Ok(Self {
            files,
            stamps,
            people: RwLock::new(Arc::new(people)),
        })
    }

    /// The current users and groups.
    pub fn people(&self) -> Arc<People> {
        self.people.read().clone()
    }

    /// The files.
    pub fn files(&self) -> &[PathBuf; 2] {
        &self.files
    }

    /// Reads the files, without putting the result into effect.
    ///
    /// # Errors
    /// [`ReadError`] if a file is missing (users only) or unreadable, or has a bad line.
    pub fn read(&self) -> Result<People, ReadError> {
        read(&self.files)
    }

    /// Puts another reading into effect.
    pub fn replace(&self, mut new: People) {
        let old = self.people();
        if new.groups.strangers() != old.groups.strangers() {
            warn_of_strangers(&self.files, &new);
        }
        new.groups.share(&old.groups);
        *self.people.write() = Arc::new(new);
    }
}

fn read([users, groups]: &[PathBuf; 2]) -> Result<People, ReadError> {
    let users = Users::read(users)?;
    let groups = Groups::read(groups, &users)?;
    Ok(People::new(users, groups))
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
