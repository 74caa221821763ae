//! Who may change what.

use mensageiro_protocol::{Login, live::Change};

use super::{super::People, EditError};

/// How many groups a user may administer who is no administrator of the server.
const GROUPS: usize = 64;

/// Who asks for a change.
#[derive(Clone, Copy, Debug)]
pub enum Author<'a> {
    /// Whoever runs the server, and may do everything.
    Operator {
        /// Who belongs to a group that is created, and administers it.
        founder: Option<&'a Login>,
    },
    /// A user.
    User {
        /// Who.
        login: &'a Login,
        /// Whether this session may administer the server.
        is_admin: bool,
        /// Whether everybody may create groups.
        may_create_groups: bool,
    },
}

impl<'a> Author<'a> {
    /// Who belongs to a group that is created, and administers it.
    pub(super) fn founder(&self) -> Option<&'a Login> {
        match self {
            Author::Operator { founder } => *founder,
            Author::User { login, .. } => Some(login),
        }
    }

    /// Whether the author may make this change.
    ///
    /// # Errors
    /// [`EditError::NotAllowed`], [`EditError::LastAdministrator`], [`EditError::TooMany`].
    pub fn may(&self, change: &Change, people: &People) -> Result<(), EditError> {
        let Author::User {
            login,
            is_admin,
            may_create_groups,
        } = *self
        else {
            return Ok(());
        };
        let is_admin = is_admin && people.users.is_admin(login);
        match change {
            Change::AddUser { .. } | Change::RenameUser { .. } => for_admins(is_admin),
            Change::RemoveUser { login } | Change::SetRole { login, role: None } => {
                for_admins(is_admin)?;
                other_admins(people, login)
            }
            Change::SetRole { .. } => for_admins(is_admin),
            Change::CreateGroup { .. } if is_admin => Ok(()),
            Change::CreateGroup { .. } if !may_create_groups => for_admins(false),
            Change::CreateGroup { .. } => {
                if people.groups.administered_by(login) < GROUPS {
                    return Ok(());
                }
                let reason = format!("you administer {GROUPS} groups already, as many as one may");
                Err(EditError::TooMany(reason))
            }
            Change::RemoveGroup { group } | Change::AddMembers { group, .. } => {
                in_group(is_admin, people, group, login)
            }
            Change::RemoveMembers { group, members } => {
                in_group(is_admin, people, group, login)?;
                others_in_group(is_admin, people, group, |admin| members.contains(admin))
            }
            Change::SetMemberRole {
                group,
                member,
                role,
            } => {
                in_group(is_admin, people, group, login)?;
                let loses = |admin: &Login| role.is_none() && admin == member;
                others_in_group(is_admin, people, group, loses)
            }
        }
    }
}

fn for_admins(is_admin: bool) -> Result<(), EditError> {
    match is_admin {
        true => Ok(()),
        false => Err(EditError::NotAllowed(
            "only administrators of this server may do that".into(),
        )),
    }
}

/// An administrator must be left: otherwise only the operator could make a new one.
fn other_admins(people: &People, without: &Login) -> Result<(), EditError> {
    let mut admins = people.users.admins();
    match !people.users.is_admin(without) || admins.any(|admin| admin != without) {
        true => Ok(()),
        false => Err(EditError::LastAdministrator(format!(
            "{without} is the last administrator of this server; make somebody else one first"
        ))),
    }
}

fn in_group(
    is_admin: bool,
    people: &People,
    group: &Login,
    login: &Login,
) -> Result<(), EditError> {
    // That there is no such group is said later.
    let is_there = people.groups.members(group).is_some();
    match is_admin || !is_there || people.groups.is_admin(group, login) {
        true => Ok(()),
        false => Err(EditError::NotAllowed(format!(
            "only administrators of {group} or of this server may do that"
        ))),
    }
}

/// The same for a group. Administrators of the server can always make a new one.
fn others_in_group(
    is_admin: bool,
    people: &People,
    group: &Login,
    loses: impl Fn(&Login) -> bool,
) -> Result<(), EditError> {
    let mut admins = people.groups.admins(group).iter();
    match is_admin || admins.any(|admin| !loses(admin)) || people.groups.admins(group).is_empty() {
        true => Ok(()),
        false => Err(EditError::LastAdministrator(format!(
            "{group} would have no administrator; make another member one first, or remove the group"
        ))),
    }
}
