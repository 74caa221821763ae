mod any_file;
mod refusals;
mod rows;
mod steps;

use mensageiro_protocol::{Name, live::Role};

use super::*;

const OPERATOR: Author<'static> = Author::Operator { founder: None };

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn logins(names: &[&str]) -> Vec<Login> {
    names.iter().map(|name| login(name)).collect()
}

fn add(name: &str, full: &str) -> Change {
    Change::AddUser {
        login: login(name),
        name: Name::from(full),
        role: None,
        keep: false,
    }
}

fn rename(name: &str, full: &str) -> Change {
    Change::RenameUser {
        login: login(name),
        name: Name::from(full),
    }
}

fn remove(name: &str) -> Change {
    Change::RemoveUser { login: login(name) }
}

fn set_role(name: &str, is_admin: bool) -> Change {
    Change::SetRole {
        login: login(name),
        role: is_admin.then_some(Role::Admin),
    }
}

fn create(group: &str, members: &[&str]) -> Change {
    Change::CreateGroup {
        group: login(group),
        members: logins(members),
    }
}

fn add_members(group: &str, members: &[&str]) -> Change {
    Change::AddMembers {
        group: login(group),
        members: logins(members),
    }
}

fn remove_members(group: &str, members: &[&str]) -> Change {
    Change::RemoveMembers {
        group: login(group),
        members: logins(members),
    }
}

fn set_member_role(group: &str, member: &str, is_admin: bool) -> Change {
    Change::SetMemberRole {
        group: login(group),
        member: login(member),
        role: is_admin.then_some(Role::Admin),
    }
}

fn files() -> [PathBuf; 2] {
    ["users.csv", "groups.csv"].map(PathBuf::from)
}

fn plan(
    users: &[u8],
    groups: &[u8],
    change: &Change,
    author: Author<'_>,
) -> Result<Plan, EditError> {
    let content = Content {
        files: &files(),
        users,
        groups,
    };
    content.plan(change, author)
}
