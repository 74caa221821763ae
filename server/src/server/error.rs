//! Why a server cannot start.

use std::{io, net::SocketAddr, path::PathBuf};

use thiserror::Error;

use crate::{
    access::RegisterError, commit::Refused, directory::ReadError, log::LogError,
    migration::MigrationError, net::tls::IdentityError, storage::StorageError,
};

/// The options that name an address, as errors call them.
pub(super) const LISTEN: &str = "--listen";
pub(super) const METRICS: &str = "--metrics";

/// Why a server cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The data folder is not there.
    #[error(
        "{0}: there is no such folder; add --init to make it with some people as an example, or name another with --data"
    )]
    NoFolder(PathBuf),
    /// Something else is there.
    #[error("{0} is a file; --data names the folder that has users.csv in it")]
    NotAFolder(PathBuf),
    /// Nobody can say what is there.
    #[error(
        "{folder}: cannot be opened: {source}; check who may use it, or name another with --data"
    )]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An address cannot be listened on.
    #[error(
        "cannot listen on {address} ({option}): {source}; {}",
        advice(option, source)
    )]
    Listen {
        /// The option that names it.
        option: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The users cannot be read.
    #[error(transparent)]
    Users(#[from] ReadError),
    /// The store cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The folder of the files that people send cannot be used.
    #[error(
        "the files in {folder} cannot be used: {source}; check the disk and who may use the folder"
    )]
    SentFiles {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing to show clients that use TLS.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Who may log in cannot be read or stored.
    #[error(transparent)]
    Access(#[from] RegisterError),
    /// The disk refuses.
    #[error("the store cannot be written; the line before says why")]
    Refused(#[from] Refused),
    /// The system has no thread left.
    #[error(
        "a thread cannot be started: {0}; close other programs, or allow more threads (ulimit -u)"
    )]
    Thread(io::Error),
}

impl StartError {
    /// Whether another server has the store, or what is left of an earlier one.
    pub fn is_in_use(&self) -> bool {
        matches!(
            self,
            Self::Storage(
                StorageError::Log(LogError::InUse(_))
                    | StorageError::Migration(MigrationError::InUse(_))
            )
        )
    }

    /// Whether something else listens at the address of `--listen`.
    pub fn is_taken(&self) -> bool {
        match self {
            Self::Listen { option, source, .. } if *option == LISTEN => match source.kind() {
                io::ErrorKind::AddrInUse => true,
                // Windows says so of a port that another program has for itself.
                io::ErrorKind::PermissionDenied => cfg!(windows),
                _ => false,
            },
            _ => false,
        }
    }
}

/// What to do about an address that cannot be listened on.
fn advice(option: &str, error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse if option == METRICS => {
            "it is taken by another program, or by this one's --listen; choose another port"
        }
        io::ErrorKind::AddrInUse => {
            "it is taken by another program, perhaps by another mensageiro-server; stop that one or choose another port"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this computer has no such address; 0.0.0.0 stands for all it has"
        }
        io::ErrorKind::PermissionDenied if cfg!(unix) => {
            "ports below 1024 are for administrators; choose another one"
        }
        _ => "choose another address or port",
    }
}
