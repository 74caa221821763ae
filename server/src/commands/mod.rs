//! What the program can do besides serving: copying a data folder, looking whether it is whole, editing users and groups, and
//! saying who may log in.

mod access;
mod backup;
mod check;
mod people;
mod stop;

use std::path::PathBuf;

use mensageiro_protocol::Login;
use thiserror::Error;

pub use self::{
    access::{Invitation, invite, key, list_devices, revoke},
    backup::backup,
    check::check,
    people::{GroupCommand, RoleWord, UserCommand, group, user},
    stop::stop,
};
use crate::{
    access::RegisterError,
    directory::{ReadError, edit::EditError},
    log::LogError,
    metrics::AskError,
    net::tls::IdentityError,
};

/// Why a command has not done what it should.
#[derive(Debug, Error)]
pub enum CommandError {
    /// The log cannot be read or copied.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What was found to be damaged has been printed.
    #[error(
        "{folder}: {damages} damaged places (see above); keep a copy of the folder and restore it from a backup, or start the server once with --repair to go on without what cannot be read"
    )]
    Damaged {
        /// The data folder.
        folder: PathBuf,
        /// How many damaged places were found.
        damages: u64,
    },
    /// Users or groups cannot be changed.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// Users or groups cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Who may log in cannot be read or changed.
    #[error(transparent)]
    Access(#[from] RegisterError),
    /// There is no such user.
    #[error("{users}: there is no user {login} in it; add a line for them first")]
    NoUser {
        /// The file with the users.
        users: PathBuf,
        /// Who is missing.
        login: Login,
    },
    /// No device of a user has this id, or several have this beginning of one.
    #[error(
        "{login} has {found} devices or program keys whose id begins like this; `mensageiro-server devices list {login}` shows them"
    )]
    WhichDevice {
        /// Whose.
        login: Login,
        /// How many.
        found: usize,
    },
    /// The server has no key that an invitation could name.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The server cannot be asked to stop.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The server was asked to stop, and has not.
    #[error("the server on {0} has not stopped yet; its log says what it waits for")]
    NotStopped(PathBuf),
    /// Nobody reads what is printed, or Ctrl-C cannot be caught.
    #[error("the command cannot go on: {0}")]
    Terminal(#[from] std::io::Error),
}
