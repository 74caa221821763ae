//! Answers edits of users and groups (rules A11 to A13).

use mensageiro_protocol::{
    Login,
    live::{Change, Edit, Edited, Event, RefusalCode, Refused},
};
use tracing::{info, warn};

use crate::{
    context::Context,
    directory::{
        People,
        edit::{Author, EditError},
    },
};

/// When to try again, in seconds, after too many others have made edits.
const BUSY: u32 = 2;

/// What the log stores for a change of a group, besides its members, in bytes.
const GROUP_BYTES: usize = 64;

/// Makes the change, and returns the answer when it is on disk and counts.
pub(super) fn answer(
    context: &Context,
    (login, is_admin): (&Login, bool),
    Edit { tag, change }: Edit,
) -> Event {
    let author = Author::User {
        login,
        is_admin,
        may_create_groups: context.limits.new_groups,
    };
    let Err(error) = context.editor.edit(&change, author) else {
        info!("{login} has edited {}", subject(&change));
        return Event::Edited(Edited { tag });
    };
    let (code, detail) = refusal(&error, is_admin);
    info!("{login} has not edited {}: {error}", subject(&change));
    Event::Refused(Refused {
        tag,
        code,
        detail,
        retry_after: (code == RefusalCode::Busy).then_some(BUSY),
    })
}

/// How many bytes the log stores for a change. It stores all members of a group again.
pub(super) fn stored(change: &Change, people: &People) -> u64 {
    let bytes = |logins: &mut dyn Iterator<Item = &Login>| {
        let all = logins.map(|login| login.as_str().len() + 1);
        all.sum::<usize>()
    };
    let group = match change {
        Change::CreateGroup { group, .. }
        | Change::RemoveGroup { group }
        | Change::AddMembers { group, .. }
        | Change::RemoveMembers { group, .. }
        | Change::SetMemberRole { group, .. } => group,
        Change::AddUser { .. }
        | Change::RenameUser { .. }
        | Change::RemoveUser { .. }
        | Change::SetRole { .. } => return 0,
    };
    let there = people.groups.members(group);
    let there = there.map_or(0, |members| bytes(&mut members.iter()));
    let new = match change {
        Change::CreateGroup { members, .. } | Change::AddMembers { members, .. } => {
            bytes(&mut members.iter())
        }
        _ => 0,
    };
    (GROUP_BYTES + there + new) as u64
}

fn subject(change: &Change) -> String {
    match change {
        Change::AddUser { login, .. }
        | Change::RenameUser { login, .. }
        | Change::RemoveUser { login }
        | Change::SetRole { login, .. } => format!("the user {login}"),
        Change::CreateGroup { group, .. }
        | Change::RemoveGroup { group }
        | Change::AddMembers { group, .. }
        | Change::RemoveMembers { group, .. }
        | Change::SetMemberRole { group, .. } => format!("the group {group}"),
    }
}

fn refusal(error: &EditError, is_admin: bool) -> (RefusalCode, String) {
    let code = match error {
        EditError::NotAllowed(_) => RefusalCode::NotAllowed,
        EditError::Unknown(_) => RefusalCode::Unknown,
        EditError::Exists(_) => RefusalCode::Exists,
        EditError::BadName(_) => RefusalCode::BadName,
        EditError::LastAdministrator(_) => RefusalCode::LastAdmin,
        EditError::TooMany(_) => RefusalCode::Quota,
        EditError::Busy(_) => RefusalCode::Busy,
        EditError::Impossible(_) | EditError::Unencodable { .. } => RefusalCode::CannotEdit,
        EditError::Read(_) | EditError::Write { .. } => {
            warn!("users and groups cannot be edited: {error}");
            RefusalCode::CannotEdit
        }
    };
    let is_of_files = matches!(
        error,
        EditError::Read(_) | EditError::Write { .. } | EditError::Unencodable { .. }
    );
    let detail = match is_of_files && !is_admin {
        // Its files are the operator's.
        true => "the server cannot change its files; ask whoever runs it to look at its log".into(),
        false => error.to_string(),
    };
    (code, detail)
}
