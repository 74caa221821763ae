//! What the files should say after a change.

use std::path::PathBuf;

use mensageiro_protocol::{Login, live::Change};

use super::{
    super::{
        Groups, People, Users,
        table::{BadLine, ReadError},
    },
    Author, EditError,
    csv_files::{self, GroupRows, UserRow},
    rules,
};

/// How long groups.csv may become by edits of users who are no administrators of the server, in bytes: about a million rows.
const GROUPS_BYTES: usize = 16 * 1024 * 1024;

/// What the files say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Content<'a> {
    pub(super) files: &'a [PathBuf; 2],
    pub(super) users: &'a [u8],
    pub(super) groups: &'a [u8],
}

/// What they should say. A file without new content stays as it is.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) before: People,
    pub(super) after: People,
    pub(super) new_users: Option<Vec<u8>>,
    pub(super) new_groups: Option<Vec<u8>>,
}

impl Content<'_> {
    /// Plans a change. The new content is read as what the change should lead to, and nothing else.
    ///
    /// # Errors
    /// [`EditError`] if the author may not do that, if it makes no sense, or if the files cannot say it.
    pub(super) fn plan(&self, change: &Change, author: Author<'_>) -> Result<Plan, EditError> {
        let users = users(self.files, self.users)?;
        let groups = Groups::parse(self.groups, &users)
            .map_err(|lines| ReadError::bad_lines(&self.files[1], lines))?;
        let before = People::new(users, groups);
        author.may(change, &before)?;
        let expected = rules::apply(change, author.founder(), &before)?;
        let (new_users, new_groups) = match change {
            Change::AddUser {
                login, name, keep, ..
            } => {
                let row = UserRow::Add {
                    name,
                    is_admin: expected.users.is_admin(login),
                    keeps: *keep,
                };
                (Some(self.user(login, row)?), None)
            }
            Change::RenameUser { login, name } => {
                (Some(self.user(login, UserRow::Rename(name))?), None)
            }
            Change::SetRole { login, .. } => {
                let row = UserRow::SetAdmin(expected.users.is_admin(login));
                (Some(self.user(login, row)?), None)
            }
            Change::RemoveUser { login } => {
                let rows = GroupRows::RemoveUser(login);
                let new_groups = self.groups(&expected.users, rows)?;
                (Some(self.user(login, UserRow::Remove)?), new_groups)
            }
            change => (None, self.group(change, author, (&before, &expected))?),
        };
        self.is_short_enough(author, new_groups.as_deref())?;
        let new = (
            new_users.as_deref().unwrap_or(self.users),
            new_groups.as_deref().unwrap_or(self.groups),
        );
        Ok(Plan {
            after: checked(new, expected, change)?,
            before,
            new_users,
            new_groups,
        })
    }

    fn user(&self, login: &Login, row: UserRow<'_>) -> Result<Vec<u8>, EditError> {
        csv_files::users((&self.files[0], self.users), login, row)
    }

    fn groups(&self, users: &Users, rows: GroupRows<'_>) -> Result<Option<Vec<u8>>, EditError> {
        csv_files::groups((&self.files[1], self.groups), users, rows)
    }

    /// groups.csv after a change of one group.
    fn group(
        &self,
        change: &Change,
        author: Author<'_>,
        (before, expected): (&People, &People),
    ) -> Result<Option<Vec<u8>>, EditError> {
        let added: Vec<Login>;
        let rows = match change {
            Change::CreateGroup { group, members } | Change::AddMembers { group, members } => {
                let is_new = before.groups.members(group).is_none();
                let admin = author.founder().filter(|_| is_new);
                added = new_members(group, admin.into_iter().chain(members), before);
                GroupRows::Add {
                    group,
                    members: &added,
                    admin,
                }
            }
            Change::RemoveMembers { group, members } => GroupRows::Remove {
                group,
                members: Some(members),
            },
            Change::SetMemberRole { group, member, .. } => GroupRows::SetAdmin {
                group,
                member,
                is_admin: expected.groups.is_admin(group, member),
            },
            Change::RemoveGroup { group } => GroupRows::Remove {
                group,
                members: None,
            },
            Change::AddUser { .. }
            | Change::RenameUser { .. }
            | Change::SetRole { .. }
            | Change::RemoveUser { .. } => return Ok(None),
        };
        self.groups(&before.users, rows)
    }

    /// Users who are no administrators must not fill the disk.
    fn is_short_enough(&self, author: Author<'_>, new: Option<&[u8]>) -> Result<(), EditError> {
        let most = GROUPS_BYTES.max(self.groups.len());
        match author {
            Author::User { .. } if new.is_some_and(|new| new.len() > most) => Err(EditError::TooMany(
                "there are as many members of groups as users may add; ask whoever runs the server".into(),
            )),
            _ => Ok(()),
        }
    }
}

/// Each of these once who is not in the group yet.
fn new_members<'a>(
    group: &Login,
    members: impl Iterator<Item = &'a Login>,
    before: &People,
) -> Vec<Login> {
    let there = before.groups.members(group);
    let mut added: Vec<Login> = Vec::new();
    for member in members {
        let is_there = there.is_some_and(|there| there.contains(member));
        if !is_there && !added.contains(member) {
            added.push(member.clone());
        }
    }
    added
}

/// Reads the new content. Nobody but those whom the change is about may be read otherwise than before.
fn checked(
    (users, groups): (&[u8], &[u8]),
    expected: People,
    change: &Change,
) -> Result<People, EditError> {
    let users = Users::parse(users).map_err(bad)?;
    let groups = Groups::parse(groups, &users).map_err(bad)?;
    let mut same_groups = groups.clone();
    if let Change::AddUser { login, .. } = change {
        // groups.csv may have rows for the new user already.
        same_groups.remove_user(login);
    }
    let mut names = same_groups.names();
    let has_same_groups = names.all(|group| expected.groups.members(group).is_some())
        && same_groups.same_members(&expected.groups);
    if users != expected.users || !has_same_groups {
        return Err(EditError::Impossible(
            "the files are written in a way in which this edit would change other rows too; make it by hand".into(),
        ));
    }
    Ok(People::new(users, groups))
}

/// A change that makes a bad line, such as a login that a spreadsheet would change.
fn bad(lines: Vec<BadLine>) -> EditError {
    let reason = lines.into_iter().next().map(|bad| bad.reason);
    EditError::BadName(reason.unwrap_or_default())
}

/// The users of users.csv.
pub(super) fn users(files: &[PathBuf; 2], bytes: &[u8]) -> Result<Users, ReadError> {
    Users::parse(bytes).map_err(|lines| ReadError::bad_lines(&files[0], lines))
}
