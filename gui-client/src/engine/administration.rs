//! What a person can ask a server to change: devices, invites, users and groups.

use std::time::Duration;

use jiff::Timestamp;
use mensageiro_protocol::{
    Login, Name,
    trust::{DeviceId, InviteLink, Secret},
};

/// A request about devices, users or groups; answered by [`super::Event::Administered`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Lists the devices of a user. Those of others need an administrator.
    Devices(Login),
    /// Takes a device its access.
    Revoke {
        /// Whose it is.
        login: Login,
        /// Which.
        id: DeviceId,
    },
    /// Makes an invite for a device of a user.
    Invite {
        /// The user.
        login: Login,
        /// How long it can be used.
        valid: Duration,
    },
    /// Makes a key for a program of this user.
    ProgramKey {
        /// What the person calls the program.
        name: Name,
    },
    /// Adds a user.
    AddUser {
        /// The login.
        login: Login,
        /// The full name; empty: none.
        name: Name,
    },
    /// Changes the full name of a user.
    RenameUser {
        /// The login.
        login: Login,
        /// The new full name; empty: none.
        name: Name,
    },
    /// Makes a user an administrator, or no longer one.
    SetRole {
        /// The login.
        login: Login,
        /// Administrator, or not.
        is_administrator: bool,
    },
    /// Removes a user with all devices.
    RemoveUser(Login),
    /// Creates a group, of which this user is the first member.
    CreateGroup(Login),
    /// Removes a group.
    RemoveGroup(Login),
    /// Adds a member to a group.
    AddMember {
        /// The group.
        group: Login,
        /// The user.
        login: Login,
    },
    /// Takes a member out of a group.
    RemoveMember {
        /// The group.
        group: Login,
        /// The user.
        login: Login,
    },
    /// Lets a member administer a group, or no longer.
    SetMemberRole {
        /// The group.
        group: Login,
        /// The member.
        login: Login,
        /// Administrator of the group, or not.
        is_administrator: bool,
    },
}

/// What a request led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The devices, the last used first; also after one was revoked.
    Devices(Vec<Device>),
    /// The invite.
    Invited(Invited),
    /// The key of a program. The server does not tell it again.
    ProgramKey(Secret),
    /// It is done. What it changed comes with the roster.
    Done,
}

/// A device that may log in, or a program that may with a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its id.
    pub id: DeviceId,
    /// What its owner calls it; empty: nothing.
    pub name: Name,
    /// It is a program with a key.
    pub is_program: bool,
    /// When it joined.
    pub added: Timestamp,
    /// When it was last used; `None`: never.
    pub seen: Option<Timestamp>,
    /// It is this one.
    pub is_this: bool,
}

/// An invite that can be given to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invited {
    /// Whoever has it can join with it, once.
    pub link: InviteLink,
    /// When it expires.
    pub until: Timestamp,
}

/// Why a request was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestProblem {
    /// This user may not do that, or not with this device.
    NotAllowed,
    /// There is no connection, or it broke before the answer came.
    NoConnection,
    /// There is a user, a group or a member of this name.
    Exists,
    /// There is no such user, group, member or device, or no longer.
    Unknown,
    /// The server does not accept the name, or it is too much like another one.
    BadName,
    /// Somebody must stay an administrator.
    LastAdministrator,
    /// The server's file cannot be changed, for this reason in the server's words.
    CannotEdit(String),
    /// Too many requests have come in a short time.
    Busy,
    /// The user has as many groups as one may have.
    Quota,
    /// The server could not store it.
    NotStored,
    /// For a reason that this app does not know.
    Other,
}
