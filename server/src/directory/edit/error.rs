use std::{io, path::PathBuf};

use thiserror::Error;

use super::super::table::ReadError;

/// Why an edit was not made. Nothing has changed then, unless it says so.
#[derive(Debug, Error)]
pub enum EditError {
    /// The author may not do that.
    #[error("{0}")]
    NotAllowed(String),
    /// There is no such user, group or member.
    #[error("{0}")]
    Unknown(String),
    /// It is there already.
    #[error("{0}")]
    Exists(String),
    /// A login, or a name, that cannot be used.
    #[error("{0}")]
    BadName(String),
    /// Nobody would be left who may undo it.
    #[error("{0}")]
    LastAdministrator(String),
    /// The author has made as much as one may.
    #[error("{0}")]
    TooMany(String),
    /// It makes no sense, or the file cannot say it.
    #[error("{0}")]
    Impossible(String),
    /// A file cannot be read as it is.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The encoding of a file lacks a character.
    #[error(
        "{file}: it is saved as {encoding}, which has no {character:?}; open it, save it as CSV (UTF-8), and try again"
    )]
    Unencodable {
        /// The file.
        file: PathBuf,
        /// The name of its encoding.
        encoding: &'static str,
        /// What the encoding lacks.
        character: char,
    },
    /// Another program was editing it all the time.
    #[error("{0}: somebody else is editing it; try again in a moment")]
    Busy(PathBuf),
    /// The system does not let it be replaced.
    #[error(
        "{file}: cannot be replaced: {source}; who makes this edit must be allowed to write the file and its folder, and no other program may have it open"
    )]
    Write {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
