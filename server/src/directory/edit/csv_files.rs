//! The changes of each file.

use std::path::Path;

use mensageiro_protocol::{Login, Name};

use super::{
    super::{
        Users,
        decoding::decode,
        header::{Columns, GroupColumns, UserColumns},
        table::{BadLine, ReadError},
    },
    EditError,
    draft::{Draft, Fields, Found},
};

/// What the value of a role or history column is.
const ADMIN: &str = "admin";
const KEEP: &str = "keep";

/// What becomes of the row of a user.
#[derive(Clone, Copy, Debug)]
pub(super) enum UserRow<'a> {
    Add {
        name: &'a Name,
        is_admin: bool,
        keeps: bool,
    },
    Rename(&'a Name),
    SetAdmin(bool),
    Remove,
}

/// What becomes of rows of groups.
#[derive(Clone, Copy, Debug)]
pub(super) enum GroupRows<'a> {
    /// These members are added; `admin` administers the group.
    Add {
        group: &'a Login,
        members: &'a [Login],
        admin: Option<&'a Login>,
    },
    /// These members, or all of them, are removed.
    Remove {
        group: &'a Login,
        members: Option<&'a [Login]>,
    },
    SetAdmin {
        group: &'a Login,
        member: &'a Login,
        is_admin: bool,
    },
    /// A user is removed from all groups.
    RemoveUser(&'a Login),
}

/// users.csv after a change.
pub(super) fn users(
    (file, bytes): (&Path, &[u8]),
    login: &Login,
    row: UserRow<'_>,
) -> Result<Vec<u8>, EditError> {
    let decoded = read(file, decode(bytes))?;
    let is_it = |row: &[&str], columns: UserColumns| is(row, columns.login, login).then_some(());
    let words = (Columns::new(UserColumns::PLAIN), ["login", "name"]);
    let draft = Draft::read(&decoded, words, UserColumns::of, is_it);
    let (mut draft, columns, found) = read(file, draft)?;
    for (place, ()) in &found {
        match row {
            UserRow::Rename(name) => {
                let column = draft.column(columns.name, "name");
                draft.set(place, &[(column, name.as_str())]);
            }
            UserRow::SetAdmin(is_admin) => {
                let column = draft.column(columns.role, "role");
                draft.set(place, &[(column, if is_admin { ADMIN } else { "" })]);
            }
            UserRow::Remove => draft.remove(place),
            UserRow::Add { .. } => {}
        }
    }
    if let UserRow::Add {
        name,
        is_admin,
        keeps,
    } = row
    {
        let mut fields = vec![(columns.login, login.as_str())];
        if !name.is_empty() {
            fields.push((draft.column(columns.name, "name"), name.as_str()));
        }
        if is_admin {
            fields.push((draft.column(columns.role, "role"), ADMIN));
        }
        if keeps {
            fields.push((draft.column(columns.history, "history"), KEEP));
        }
        draft.add(None, &[fields]);
    }
    finish(file, draft)
}

/// groups.csv after a change; `None` if it has no such rows.
pub(super) fn groups(
    (file, bytes): (&Path, &[u8]),
    users: &Users,
    change: GroupRows<'_>,
) -> Result<Option<Vec<u8>>, EditError> {
    let decoded = read(file, decode(bytes))?;
    let found = |row: &[&str], columns: GroupColumns| match change {
        GroupRows::Add { group, .. } => is(row, columns.group, group).then_some(()),
        GroupRows::Remove { group, members } => {
            let is_leaving = |members: &[Login]| {
                let mut members = members.iter();
                members.any(|member| is(row, columns.member, member))
            };
            (is(row, columns.group, group) && members.is_none_or(is_leaving)).then_some(())
        }
        GroupRows::SetAdmin { group, member, .. } => {
            (is(row, columns.group, group) && is(row, columns.member, member)).then_some(())
        }
        GroupRows::RemoveUser(login) => is(row, columns.member, login).then_some(()),
    };
    let is_user = |login: &Login| users.contains(login);
    let header = |row: &[&str]| GroupColumns::of(row, is_user);
    // A line with a user in its second column is no header.
    let mut words = ["member", "membro", "participant"].into_iter();
    let member = words.find(|word| Login::parse(word).is_ok_and(|login| !is_user(&login)));
    let words = ["group", member.unwrap_or("members")];
    let draft = Draft::read(
        &decoded,
        (Columns::new(GroupColumns::PLAIN), words),
        header,
        found,
    );
    let (mut draft, columns, found) = read(file, draft)?;
    match change {
        GroupRows::Add {
            group,
            members,
            admin,
        } => {
            let role = admin.map(|_| draft.column(columns.role, "role"));
            let rows = members.iter().map(|member| {
                let mut fields: Fields<'_> = vec![
                    (columns.group, group.as_str()),
                    (columns.member, member.as_str()),
                ];
                fields.extend(
                    role.filter(|_| admin == Some(member))
                        .map(|role| (role, ADMIN)),
                );
                fields
            });
            let rows: Vec<_> = rows.collect();
            draft.add(found.last().map(|(place, ())| place), &rows);
        }
        GroupRows::SetAdmin { is_admin, .. } => {
            let column = draft.column(columns.role, "role");
            for (place, ()) in &found {
                draft.set(place, &[(column, if is_admin { ADMIN } else { "" })]);
            }
        }
        GroupRows::Remove { .. } | GroupRows::RemoveUser(_) => remove_all(&mut draft, &found),
    }
    let is_change = !found.is_empty() || matches!(change, GroupRows::Add { .. });
    is_change.then(|| finish(file, draft)).transpose()
}

fn remove_all(draft: &mut Draft<'_>, found: &[Found<()>]) {
    for (place, ()) in found {
        draft.remove(place);
    }
}

fn is(row: &[&str], column: usize, login: &Login) -> bool {
    let field = row.get(column).map(|field| Login::parse(field));
    matches!(field, Some(Ok(found)) if found == *login)
}

fn read<T>(file: &Path, read: Result<T, BadLine>) -> Result<T, EditError> {
    Ok(read.map_err(|bad| ReadError::bad_lines(file, vec![bad]))?)
}

fn finish(file: &Path, draft: Draft<'_>) -> Result<Vec<u8>, EditError> {
    draft.finish().map_err(|lacks| EditError::Unencodable {
        file: file.to_owned(),
        encoding: lacks.encoding,
        character: lacks.character,
    })
}
