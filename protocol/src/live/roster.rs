//! Who there is (rule V12).

use serde::{Deserialize, Serialize};

use super::{PresenceNews, is_false};
use crate::Login;

/// `roster` from a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RosterRequest {
    /// After an edit only what has changed is wanted; otherwise everything comes again.
    #[serde(skip_serializing_if = "is_false")]
    pub changes: bool,
}

/// `roster` from the server: the users and groups, or a part of them. No line is longer than
/// [`EVENT_BYTES`](crate::limits::EVENT_BYTES).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Roster {
    /// It holds what has changed since the last roster, and nothing else.
    #[serde(skip_serializing_if = "is_false")]
    pub changes: bool,
    /// Of changes: users and groups that are no more, or that one no longer belongs to. They go
    /// before the others of the line come.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Login>,
    /// Users; of changes, those who are new or have another name.
    pub users: Vec<RosterUser>,
    /// Groups that one belongs to; of changes, those whose members are others.
    pub groups: Vec<RosterGroup>,
    /// Another `roster` line follows that belongs to this one.
    pub more: bool,
}

/// A user in a [`Roster`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterUser {
    /// The login, and whether the user is there.
    #[serde(flatten)]
    pub presence: PresenceNews,
    /// The second column of `users.csv`, if there is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// A group in a [`Roster`], or a part of one: the same name may come again, in the same line or
/// in one that belongs to it, with further members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterGroup {
    /// Its name, which one writes to.
    pub name: Login,
    /// Its members; of changes, those who are new in it.
    #[serde(default)]
    pub members: Vec<Login>,
    /// Of changes: members who have left it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<Login>,
}
