//! `user` and `group`: edits of users.csv and groups.csv, whether a server runs or not.

use std::{
    fmt::Write as _,
    io::{self, Write},
    path::{Path, PathBuf},
};

use clap::{Subcommand, ValueEnum};
use mensageiro_protocol::{
    Login, Name,
    live::{Change, Role},
};

use super::CommandError;
use crate::directory::{
    Groups, Users,
    edit::{Author, edit},
};

/// What to do with users.
#[derive(Clone, Debug, Subcommand)]
pub enum UserCommand {
    /// Add a user.
    Add {
        /// The login: letters, digits and . _ - + @.
        #[arg(value_parser = login)]
        login: Login,
        /// The name that others see.
        #[arg(value_parser = name)]
        name: Option<Name>,
        /// The user administers the server.
        #[arg(long)]
        admin: bool,
        /// It is the same person who had this login before: the messages from before are there again.
        #[arg(long)]
        keep: bool,
    },
    /// Give a user another name. A login cannot be changed: all messages belong to it.
    Rename {
        /// The user.
        #[arg(value_parser = login)]
        login: Login,
        /// The new name that others see.
        #[arg(value_parser = name)]
        name: Name,
    },
    /// Make a user an administrator of the server, or no longer one.
    Role {
        /// The user.
        #[arg(value_parser = login)]
        login: Login,
        /// What the user may do.
        role: RoleWord,
    },
    /// Remove a user, also from all groups. Whoever gets the login later begins without messages.
    Remove {
        /// The user.
        #[arg(value_parser = login)]
        login: Login,
    },
    /// List all users.
    List,
}

/// What to do with groups.
#[derive(Clone, Debug, Subcommand)]
pub enum GroupCommand {
    /// Make a group.
    Create {
        /// Its name, in the form of a login.
        #[arg(value_parser = login)]
        group: Login,
        /// Its members.
        #[arg(value_parser = login, required_unless_present = "admin")]
        members: Vec<Login>,
        /// A further member, who administers it.
        #[arg(long, value_name = "LOGIN", value_parser = login)]
        admin: Option<Login>,
    },
    /// Remove a group. A later group with this name begins without messages.
    Remove {
        /// The group.
        #[arg(value_parser = login)]
        group: Login,
    },
    /// Add members to a group.
    AddMember {
        /// The group.
        #[arg(value_parser = login)]
        group: Login,
        /// Who joins it.
        #[arg(value_parser = login, required = true)]
        members: Vec<Login>,
    },
    /// Remove members from a group.
    RemoveMember {
        /// The group.
        #[arg(value_parser = login)]
        group: Login,
        /// Who leaves it.
        #[arg(value_parser = login, required = true)]
        members: Vec<Login>,
    },
    /// Make a member an administrator of the group, or no longer one.
    Role {
        /// The group.
        #[arg(value_parser = login)]
        group: Login,
        /// The member.
        #[arg(value_parser = login)]
        member: Login,
        /// What the member may do.
        role: RoleWord,
    },
    /// List all groups with their members.
    List,
}

/// A role as a person types it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum RoleWord {
    /// Administers it.
    Admin,
    /// Only uses it.
    Member,
}

impl RoleWord {
    fn role(self) -> Option<Role> {
        match self {
            Self::Admin => Some(Role::Admin),
            Self::Member => None,
        }
    }
}

/// Edits or lists the users of a data folder.
///
/// # Errors
/// [`CommandError`] says why nothing was changed, and what to do.
pub fn user(data: &Path, command: UserCommand) -> Result<(), CommandError> {
    let files = files(data);
    let (change, told) = match command {
        UserCommand::List => return list_users(&files),
        UserCommand::Add {
            login,
            name,
            admin,
            keep,
        } => {
            let told = format!("{login} is added");
            let role = admin.then_some(Role::Admin);
            let name = name.unwrap_or_default();
            let change = Change::AddUser {
                login,
                name,
                role,
                keep,
            };
            (change, told)
        }
        UserCommand::Rename { login, name } => {
            let told = format!("{login} is called {name} now");
            (Change::RenameUser { login, name }, told)
        }
        UserCommand::Role { login, role } => {
            let told = match role {
                RoleWord::Admin => format!("{login} is an administrator now"),
                RoleWord::Member => format!("{login} is no administrator now"),
            };
            let role = role.role();
            (Change::SetRole { login, role }, told)
        }
        UserCommand::Remove { login } => {
            let told = format!(
                "{login} is removed; a running server notices that within some seconds, and its log says so: only then give \
                 the login to another person"
            );
            (Change::RemoveUser { login }, told)
        }
    };
    let made = edit(&files, &change, Author::Operator { founder: None })?;
    tell(format_args!("{}: {told}\n", files[0].display()))?;
    let groups = match &change {
        Change::AddUser { login, .. } => made.groups_of(login),
        _ => Vec::new(),
    };
    if !groups.is_empty() {
        let (groups, file) = (groups.join(", "), files[1].display());
        tell(format_args!(
            "{file}: has lines for this login already: {groups}\n"
        ))?;
    }
    if made.has_lost_administrators() {
        tell(format_args!(
            "there is no administrator any more; `user role LOGIN admin` makes one\n"
        ))?;
    }
    Ok(())
}

/// Edits or lists the groups of a data folder.
///
/// # Errors
/// [`CommandError`] says why nothing was changed, and what to do.
pub fn group(data: &Path, command: GroupCommand) -> Result<(), CommandError> {
    let files = files(data);
    let mut founder = None;
    let (change, told) = match command {
        GroupCommand::List => return list_groups(&files),
        GroupCommand::Create {
            group,
            members,
            admin,
        } => {
            founder = admin;
            let told = format!("{group} is made");
            (Change::CreateGroup { group, members }, told)
        }
        GroupCommand::Remove { group } => {
            let told = format!("{group} is removed");
            (Change::RemoveGroup { group }, told)
        }
        GroupCommand::AddMember { group, members } => {
            let told = format!("{} added to {group}", listed(&members));
            (Change::AddMembers { group, members }, told)
        }
        GroupCommand::RemoveMember { group, members } => {
            let told = format!("{} removed from {group}", listed(&members));
            (Change::RemoveMembers { group, members }, told)
        }
        GroupCommand::Role {
            group,
            member,
            role,
        } => {
            let told = match role {
                RoleWord::Admin => format!("{member} administers {group} now"),
                RoleWord::Member => format!("{member} does not administer {group} now"),
            };
            let role = role.role();
            let change = Change::SetMemberRole {
                group,
                member,
                role,
            };
            (change, told)
        }
    };
    let founder = founder.as_ref();
    edit(&files, &change, Author::Operator { founder })?;
    tell(format_args!("{}: {told}\n", files[1].display()))
}

fn list_users(files: &[PathBuf; 2]) -> Result<(), CommandError> {
    let users = Users::read(&files[0])?;
    let mut all: Vec<_> = users.iter().collect();
    all.sort_unstable();
    let width = |text: &str| text.chars().count();
    let logins = all.iter().map(|(login, _)| width(login.as_str())).max();
    let logins = logins.unwrap_or(0);
    let mut list = String::new();
    for (login, name) in all {
        let role = match users.is_admin(login) {
            true => "  (administrator)",
            false => "",
        };
        let pad = " ".repeat(logins - width(login.as_str()));
        let line = format!("{login}{pad}  {name}{role}");
        list += line.trim_end();
        list.push('\n');
    }
    tell(format_args!("{list}"))
}

fn list_groups(files: &[PathBuf; 2]) -> Result<(), CommandError> {
    let groups = Groups::read(&files[1], &Users::read(&files[0])?)?;
    let mut list = String::new();
    for (group, members) in groups.iter() {
        let members = members
            .iter()
            .map(|member| match groups.is_admin(group, member) {
                true => format!("{member} (administrator)"),
                false => member.to_string(),
            });
        let members: Vec<_> = members.collect();
        // Writing to a string cannot fail.
        let _ = writeln!(list, "{group}: {}", members.join(", "));
    }
    tell(format_args!("{list}"))
}

fn files(data: &Path) -> [PathBuf; 2] {
    ["users.csv", "groups.csv"].map(|file| data.join(file))
}

fn listed(logins: &[Login]) -> String {
    let names: Vec<_> = logins.iter().map(Login::as_str).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", "))
}

/// Prints it. Whoever has read enough, as `head` does, misses nothing.
fn tell(text: std::fmt::Arguments<'_>) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    match out.write_fmt(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        told => Ok(told?),
    }
}

fn login(text: &str) -> Result<Login, String> {
    Login::parse(text).map_err(|error| error.to_string())
}

fn name(text: &str) -> Result<Name, String> {
    let name = Name::from(text);
    match name.is_empty() && !text.is_empty() {
        true => Err("nothing would be seen of this name".into()),
        false => Ok(name),
    }
}
