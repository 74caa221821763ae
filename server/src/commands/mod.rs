//! What the program can do besides serving: copying a data folder, looking whether it is whole, and editing users and groups.

mod backup;
mod check;
mod people;

use std::path::PathBuf;

use thiserror::Error;

pub use self::{
    backup::backup,
    check::check,
    people::{GroupCommand, RoleWord, UserCommand, group, user},
};
use crate::{
    directory::{ReadError, edit::EditError},
    log::LogError,
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
    /// Nobody reads what is printed, or Ctrl-C cannot be caught.
    #[error("the command cannot go on: {0}")]
    Terminal(#[from] std::io::Error),
}
