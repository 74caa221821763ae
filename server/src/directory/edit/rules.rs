//! What a change does to users and groups, and when it makes no sense.

use mensageiro_protocol::{
    Login, Name,
    live::{Change, Role},
};

use super::{
    super::{People, look_alike::looks_like},
    EditError,
};

/// Users and groups after a change. `founder`: who belongs to a new group and administers it.
///
/// # Errors
/// [`EditError`] if the change does not fit what is there.
pub(super) fn apply(
    change: &Change,
    founder: Option<&Login>,
    people: &People,
) -> Result<People, EditError> {
    let (mut users, mut groups) = (people.users.clone(), people.groups.clone());
    match change {
        Change::AddUser {
            login,
            name,
            role,
            keep,
        } => {
            if users.contains(login) {
                return Err(EditError::Exists(format!("{login} is a user already")));
            }
            is_free(login, people)?;
            is_no_formula(name)?;
            users.set(login, name, is_admin(*role)?, *keep);
        }
        Change::RenameUser { login, name } => {
            is_user(login, people)?;
            is_no_formula(name)?;
            users.set(login, name, users.is_admin(login), users.keeps(login));
        }
        Change::RemoveUser { login } => {
            is_user(login, people)?;
            if users.len() == 1 {
                let reason = format!("{login} is the only user, and a server needs one");
                return Err(EditError::Impossible(reason));
            }
            users.remove(login);
            groups.remove_user(login);
        }
        Change::SetRole { login, role } => {
            let name = is_user(login, people)?;
            users.set(login, name, is_admin(*role)?, people.users.keeps(login));
        }
        Change::CreateGroup { group, members } => {
            if groups.members(group).is_some() {
                return Err(EditError::Exists(format!("{group} is a group already")));
            }
            is_free(group, people)?;
            for member in members.iter().chain(founder) {
                is_user(member, people)?;
                groups.add(group, member);
            }
            if groups.members(group).is_none() {
                let reason = format!("{group} has no members; name at least one");
                return Err(EditError::Impossible(reason));
            }
            if let Some(founder) = founder {
                groups.set_admin(group, founder, true);
            }
        }
        Change::RemoveGroup { group } => {
            is_group(group, people)?;
            groups.remove(group);
        }
        Change::AddMembers { group, members } => {
            is_group(group, people)?;
            for member in members {
                is_user(member, people)?;
                groups.add(group, member);
            }
            if groups.same_members(&people.groups) {
                let reason = format!("{} in {group} already", listed(members, "is", "are"));
                return Err(EditError::Exists(reason));
            }
        }
        Change::RemoveMembers { group, members } => {
            is_group(group, people)?;
            for member in members {
                groups.remove_member(group, member);
            }
            if groups.same_members(&people.groups) {
                let reason = format!("{} not in {group}", listed(members, "is", "are"));
                return Err(EditError::Unknown(reason));
            }
            if groups
                .members(group)
                .is_none_or(|members| members.is_empty())
            {
                let reason = format!("{group} would have no members; remove the group instead");
                return Err(EditError::Impossible(reason));
            }
        }
        Change::SetMemberRole {
            group,
            member,
            role,
        } => {
            is_group(group, people)?;
            let members = groups.members(group);
            if !members.is_some_and(|members| members.contains(member)) {
                return Err(EditError::Unknown(format!("{member} is not in {group}")));
            }
            groups.set_admin(group, member, is_admin(*role)?);
        }
    }
    Ok(People::new(users, groups))
}

fn is_admin(role: Option<Role>) -> Result<bool, EditError> {
    match role {
        None => Ok(false),
        Some(Role::Admin) => Ok(true),
        Some(Role::Other) => Err(EditError::Unknown("there is no such role".into())),
    }
}

fn is_user<'a>(login: &Login, people: &'a People) -> Result<&'a Name, EditError> {
    let name = people.users.name(login);
    name.ok_or_else(|| EditError::Unknown(format!("there is no user {login}")))
}

fn is_group(group: &Login, people: &People) -> Result<(), EditError> {
    match people.groups.members(group) {
        Some(_) => Ok(()),
        None => Err(EditError::Unknown(format!("there is no group {group}"))),
    }
}

/// Whether nobody could take this new name for that of somebody else.
fn is_free(name: &Login, people: &People) -> Result<(), EditError> {
    let users = people.users.iter().map(|(login, _)| login);
    let Some(other) = looks_like(name, users.chain(people.groups.names())) else {
        return Ok(());
    };
    let kind = match people.users.contains(other) {
        true => "user",
        false => "group",
    };
    Err(EditError::BadName(match other == name {
        true => format!("{name} is the name of a {kind}; users and groups need names of their own"),
        false => format!("{name} looks like the {kind} {other}; people would mix them up"),
    }))
}

/// A spreadsheet that opens users.csv must not take a name for a formula.
fn is_no_formula(name: &Name) -> Result<(), EditError> {
    let signs = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
    match name.as_str().chars().next() {
        Some(sign) if signs.contains(&sign) => Err(EditError::BadName(format!(
            "a name does not begin with {sign}, which a spreadsheet takes for the beginning of a formula"
        ))),
        _ => Ok(()),
    }
}

fn listed(logins: &[Login], one: &str, several: &str) -> String {
    match logins {
        [] => format!("nobody {one}"),
        [login] => format!("{login} {one}"),
        [first, ..] => format!("{first} and {} more {several}", logins.len() - 1),
    }
}
