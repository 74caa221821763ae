//! Users, groups and their members (rule V12).

use serde::{Deserialize, Serialize};

use super::{PresenceNews, Role, is_false};
use crate::{Login, Name};

/// `roster` from a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RosterRequest {
    /// After an edit, the client wants only the changes. Otherwise everything is sent again.
    #[serde(skip_serializing_if = "is_false")]
    pub changes: bool,
}

/// `roster` from the server: all users and groups, or a part of them. No line is longer than
/// [`EVENT_BYTES`](crate::limits::EVENT_BYTES).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Roster {
    /// It holds only the changes since the last roster.
    #[serde(skip_serializing_if = "is_false")]
    pub changes: bool,
    /// In changes: users and groups that no longer exist, and groups that the user no longer
    /// belongs to. They are removed before the rest of the line is applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Login>,
    /// Users; in changes, those who are new or have another name or role.
    pub users: Vec<RosterUser>,
    /// The user's groups; in changes, those with other members.
    pub groups: Vec<RosterGroup>,
    /// Another `roster` line of the same answer follows.
    pub more: bool,
}

/// A user in a [`Roster`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterUser {
    /// The login and the presence.
    #[serde(flatten)]
    pub presence: PresenceNews,
    /// The name in `users.csv`, if there is one.
    #[serde(default, skip_serializing_if = "Name::is_empty")]
    pub name: Name,
    /// What the user may do on the server. Absent: nothing more than others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
}

/// A group in a [`Roster`], or a part of one. The same name may occur again, in the same line or in
/// a later one of the answer, with further members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterGroup {
    /// Its name, to which messages are addressed.
    pub name: Login,
    /// Its members; in changes, those who are new or have another role.
    #[serde(default)]
    pub members: Vec<Login>,
    /// In changes: members who have left it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Login>,
    /// Those of `members` who administer the group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admins: Vec<Login>,
}
