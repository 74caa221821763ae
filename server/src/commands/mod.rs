//! What the program can do besides serving: copying a data folder, and looking whether it is whole.

mod backup;
mod check;

use std::path::PathBuf;

use thiserror::Error;

pub use self::{backup::backup, check::check};
use crate::log::LogError;

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
    /// Nobody reads what is printed, or Ctrl-C cannot be caught.
    #[error("the command cannot go on: {0}")]
    Terminal(#[from] std::io::Error),
}
