//! How `mensageiro-server status` finds and asks a running server: by a file in the data folder
//! that names its port and a key, so that whoever may read the folder may ask. The question is
//! a first line that can be no login (PROTOCOL.md, "Asking for the status").

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Status;

/// The word that begins the question; the space after it makes it no login.
const WORD: &str = "status/1 ";

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The file in the data folder.
const FILE: &str = "running.json";

/// A server's invitation to ask it, for as long as it runs.
#[derive(Debug)]
pub struct Invitation {
    file: PathBuf,
    key: String,
}

#[derive(Serialize, Deserialize)]
struct Content {
    address: SocketAddr,
    key: String,
}

/// Why a status cannot be told.
#[derive(Debug, Error)]
pub enum AskError {
    /// There is no invitation.
    #[error("no server is running on {0}: there is no {FILE} in it")]
    NotRunning(PathBuf),
    /// There is one, but nobody answers: the server was killed.
    #[error("no server is running on {folder}: {address} does not answer ({source})")]
    NoAnswer {
        /// The data folder.
        folder: PathBuf,
        /// Where it should be.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// Another program's answer, or a file that was edited.
    #[error("{0} cannot be understood: {1}")]
    NotUnderstood(PathBuf, serde_json::Error),
    /// The file cannot be read.
    #[error("{0} cannot be read: {1}")]
    NotReadable(PathBuf, io::Error),
}

impl Invitation {
    /// Writes the file, for the owner's eyes only.
    ///
    /// # Errors
    /// When it cannot be written, or the system has no random numbers.
    pub fn write(folder: &Path, address: SocketAddr) -> io::Result<Self> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let key = format!("{:032x}", u128::from_be_bytes(random));
        let file = folder.join(FILE);
        // The old one may be readable by others, or be somebody's trap.
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let content = Content {
            address,
            key: key.clone(),
        };
        create(&file)?.write_all(&serde_json::to_vec(&content).map_err(io::Error::other)?)?;
        Ok(Self { file, key })
    }

    /// Whether the first line of a connection is the question with the right key.
    pub fn accepts(&self, line: &str) -> bool {
        line.strip_prefix(WORD) == Some(&self.key)
    }
}

impl Drop for Invitation {
    fn drop(&mut self) {
        // What is left behind names a port that does not answer.
        let _ = fs::remove_file(&self.file);
    }
}

#[cfg(unix)]
fn create(file: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
}

/// Windows gives the file the rights of its folder.
#[cfg(not(unix))]
fn create(file: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(file)
}

/// Asks the server that runs on a data folder.
///
/// # Errors
/// [`AskError`], mostly that there is none.
pub fn ask(folder: &Path) -> Result<Status, AskError> {
    let file = folder.join(FILE);
    let content = fs::read(&file).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => AskError::NotRunning(folder.to_owned()),
        _ => AskError::NotReadable(file.clone(), error),
    })?;
    let Content { address, key } = serde_json::from_slice(&content)
        .map_err(|error| AskError::NotUnderstood(file.clone(), error))?;
    let answer = question(reachable(address), &key).map_err(|source| AskError::NoAnswer {
        folder: folder.to_owned(),
        address,
        source,
    })?;
    serde_json::from_slice(&answer).map_err(|error| AskError::NotUnderstood(file, error))
}

fn question(address: SocketAddr, key: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{WORD}{key}\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    if answer.is_empty() {
        return Err(io::Error::other("another program listens there"));
    }
    Ok(answer)
}

/// Where to reach, on this machine, a server that listens everywhere.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    address
}
