//! Edits of users.csv and groups.csv that change the rows they are about and leave all other bytes as people wrote them.
//!
//! Nothing is written unless the new file is read as exactly what the change should lead to.

mod csv_files;
mod draft;
mod error;
mod lock;
mod plan;
mod replace;
mod rights;
mod rules;

use std::{fs, path::PathBuf, thread, time::Duration};

use mensageiro_protocol::{Login, live::Change};
use tracing::warn;

use self::{
    csv_files::GroupRows,
    lock::Lock,
    plan::{Content, Plan},
    replace::Snapshot,
};
pub use self::{error::EditError, rights::Author};
use super::{
    People,
    table::{self, ReadError},
};

/// How often to begin anew because somebody else has changed a file meanwhile.
const ATTEMPTS: usize = 10;

/// The time before that.
const PAUSE: Duration = Duration::from_millis(50);

/// An edit that was made: what the files said before and say now.
#[derive(Debug)]
pub struct Made {
    pub(super) before: People,
    pub(super) after: People,
}

impl Made {
    /// The groups of a user.
    pub fn groups_of(&self, login: &Login) -> Vec<String> {
        let groups = self.after.groups.of_member(login);
        groups.map(|(group, _)| group.to_string()).collect()
    }

    /// Whether there were administrators of the server before, and now there are none.
    pub fn has_lost_administrators(&self) -> bool {
        let has = |people: &People| people.users.admins().next().is_some();
        has(&self.before) && !has(&self.after)
    }

    /// Whether the edit has removed a user.
    pub(super) fn has_removed(&self, login: &Login) -> bool {
        self.before.users.contains(login) && !self.after.users.contains(login)
    }

    /// Whether the edit has added a user.
    pub(super) fn has_added(&self, login: &Login) -> bool {
        !self.before.users.contains(login) && self.after.users.contains(login)
    }

    /// Whether the edit has removed a member.
    pub(super) fn has_left(&self, group: &Login, member: &Login) -> bool {
        let is_in = |people: &People| {
            let members = people.groups.members(group);
            members.is_some_and(|members| members.contains(member))
        };
        is_in(&self.before) && !is_in(&self.after)
    }
}

/// Makes a change in the files. A server need not run. If one does, it notices the edit like any other.
///
/// The files are replaced as a whole and durably, so whenever the computer stops, each of them is as it was before or as it
/// should be. An edit of both files is finished by the next one if it was stopped in between; until then the server takes it
/// for finished.
///
/// # Errors
/// [`EditError`] says why nothing was changed.
pub fn edit(files: &[PathBuf; 2], change: &Change, author: Author<'_>) -> Result<Made, EditError> {
    edit_in_steps(files, change, author, &mut || ())
}

/// The same; `step` is called whenever the disk has changed.
fn edit_in_steps(
    files: &[PathBuf; 2],
    change: &Change,
    author: Author<'_>,
    step: &mut dyn FnMut(),
) -> Result<Made, EditError> {
    if fs::metadata(&files[0]).is_err() {
        // Where there are no users there is nothing to lock either.
        table::read(&files[0])?.ok_or_else(|| ReadError::Missing(files[0].clone()))?;
    }
    let mut lock = Lock::take(&files[0])?;
    if let Some(login) = lock.begun() {
        // Its rows would count for the next user with this login.
        retried(|| leave_groups(files, &login, step))?;
        lock.note(None)?;
    }
    retried(|| attempt(files, change, author, (&mut lock, step)))
}

/// Begins anew as long as somebody else changes a file at the same time.
fn retried<T>(mut attempt: impl FnMut() -> Result<T, EditError>) -> Result<T, EditError> {
    let mut left = ATTEMPTS;
    loop {
        match attempt() {
            Err(EditError::Busy(_)) if left > 0 => {
                left -= 1;
                thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
}

fn attempt(
    files: &[PathBuf; 2],
    change: &Change,
    author: Author<'_>,
    (lock, step): (&mut Lock, &mut dyn FnMut()),
) -> Result<Made, EditError> {
    let [users, groups] = [Snapshot::read(&files[0])?, Snapshot::read(&files[1])?];
    let content = Content {
        files,
        users: &users.bytes,
        groups: &groups.bytes,
    };
    let Plan {
        before,
        after,
        new_users,
        new_groups,
    } = content.plan(change, author)?;
    match (new_users, new_groups, change) {
        (Some(new), Some(_), Change::RemoveUser { login }) => {
            lock.note(Some(login))?;
            step();
            if let Err(error) = users.replace(&new, &files[0], step) {
                // It has not begun.
                let _ = lock.note(None);
                return Err(error);
            }
            let left = retried(|| leave_groups(files, login, step));
            if let Err(error) = left.and_then(|()| lock.note(None)) {
                warn!(
                    "{login} is removed, but groups.csv still has rows for {login}, which the next edit removes: {error}"
                );
            }
        }
        (Some(new), ..) => users.replace(&new, &files[0], step)?,
        (None, Some(new), _) => groups.replace(&new, &files[0], step)?,
        (None, None, _) => {}
    }
    Ok(Made { before, after })
}

/// Removes the rows of a user from groups.csv who is not in users.csv any more.
fn leave_groups(
    files: &[PathBuf; 2],
    login: &Login,
    step: &mut dyn FnMut(),
) -> Result<(), EditError> {
    let [users, groups] = [Snapshot::read(&files[0])?, Snapshot::read(&files[1])?];
    let users = plan::users(files, &users.bytes)?;
    if users.contains(login) {
        return Ok(());
    }
    let rows = GroupRows::RemoveUser(login);
    match csv_files::groups((&files[1], &groups.bytes), &users, rows)? {
        Some(new) => groups.replace(&new, &files[0], step),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
