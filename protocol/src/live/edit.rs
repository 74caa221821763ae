//! Edits of users and groups (rules A).

use serde::{Deserialize, Serialize};

use super::{Tag, is_false};
use crate::{Login, Name};

/// `edit` from a client: a change of users or groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The client's name for the request. The answer repeats it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// What to change.
    #[serde(flatten)]
    pub change: Change,
}

/// A change of users or groups. The first four are for administrators of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Change {
    /// Adds a user.
    AddUser {
        /// The login of the user.
        login: Login,
        /// The name that others see; it may be empty.
        #[serde(default, skip_serializing_if = "Name::is_empty")]
        name: Name,
        /// What the user may do. Absent: no administrator.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
        /// It is the same person who had the login before, and gets the messages from before.
        #[serde(default, skip_serializing_if = "is_false")]
        keep: bool,
    },
    /// Gives a user another name. A login stays what it is.
    RenameUser {
        /// The user.
        login: Login,
        /// The new name; it may be empty.
        #[serde(default)]
        name: Name,
    },
    /// Removes a user, also from all groups. The next user with this login begins without messages.
    RemoveUser {
        /// The user.
        login: Login,
    },
    /// Makes a user an administrator of the server, or no longer one.
    SetRole {
        /// The user.
        login: Login,
        /// Absent: no administrator.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
    },
    /// Makes a group. The user who does so belongs to it and administers it.
    CreateGroup {
        /// Its name.
        group: Login,
        /// Further members.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        members: Vec<Login>,
    },
    /// Removes a group. The next group with this name begins without messages.
    RemoveGroup {
        /// Its name.
        group: Login,
    },
    /// Adds members to a group.
    AddMembers {
        /// The group.
        group: Login,
        /// The new members, at least one.
        members: Vec<Login>,
    },
    /// Removes members from a group. At least one must stay.
    RemoveMembers {
        /// The group.
        group: Login,
        /// Who leaves it, at least one.
        members: Vec<Login>,
    },
    /// Makes a member an administrator of the group, or no longer one.
    SetMemberRole {
        /// The group.
        group: Login,
        /// The member.
        member: Login,
        /// Absent: no administrator.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Role>,
    },
}

/// What a user may do on a server, or a member in a group, besides writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Administers it.
    Admin,
    /// A role of a later version.
    #[serde(other)]
    Other,
}

/// `edited` from the server: the change is on disk, and counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Edited {
    /// The value in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
}
