//! How `mensageiro-server status` finds a running server and asks it. A file in the data folder
//! names its port and a key, so everybody who may read the folder may ask. The question is a first
//! line that cannot be a login (PROTOCOL.md, "Asking for the status").

use std::{
    fs,
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Status;
use crate::{
    file_rights,
    net::transport::{Transport, is_read_limit},
};

/// The word that begins the question. Its space makes it an invalid login.
const WORD: &str = "status/1 ";

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest answer in bytes; real answers are shorter.
const ANSWER_BYTES: usize = 64 * 1024;

/// The file in the data folder.
const FILE: &str = "running.json";

/// The file that lets others ask a server. It exists as long as the server runs.
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

/// Why there is no status to show.
#[derive(Debug, Error)]
pub enum AskError {
    /// There is no such folder.
    #[error("{0}: there is no such folder; name the one of the server with --data")]
    NoFolder(PathBuf),
    /// The folder has no such file.
    #[error("no server is running on {0}: there is no {FILE} in it")]
    NotRunning(PathBuf),
    /// The file exists, but nobody answers: the server was killed.
    #[error("no server is running on {folder}: {address} does not answer ({source})")]
    NobodyThere {
        /// The data folder.
        folder: PathBuf,
        /// The server's address according to the file.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// Somebody listens there, but does not answer.
    #[error("the server on {folder} does not answer on {address}: {source}")]
    NoAnswer {
        /// The data folder.
        folder: PathBuf,
        /// The server's address according to the file.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
    /// The file was edited.
    #[error("{0}: cannot be understood: {1}; it is written anew when the server starts")]
    NotUnderstood(PathBuf, serde_json::Error),
    /// Another program answered.
    #[error("who answers on {0} is no mensageiro-server of this version: {1}")]
    AnotherProgram(SocketAddr, serde_json::Error),
    /// The file cannot be read.
    #[error("{0}: cannot be read: {1}; only the account that runs the server may ask it")]
    NotReadable(PathBuf, io::Error),
}

impl Invitation {
    /// Writes the file, readable only by its owner.
    ///
    /// # Errors
    /// If it cannot be written, or the system has no random numbers.
    pub fn write(folder: &Path, address: SocketAddr) -> io::Result<Self> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let key = format!("{:032x}", u128::from_be_bytes(random));
        let file = folder.join(FILE);
        let content = Content {
            address,
            key: key.clone(),
        };
        let content = serde_json::to_vec(&content).map_err(io::Error::other)?;
        file_rights::write_private(&file, &content)?;
        Ok(Self { file, key })
    }

    /// Whether the first line of a connection is the question with the right key.
    pub fn accepts(&self, line: &str) -> bool {
        line.strip_prefix(WORD) == Some(&self.key)
    }
}

impl Drop for Invitation {
    fn drop(&mut self) {
        // A file that is left behind names a port on which nobody answers.
        let _ = fs::remove_file(&self.file);
    }
}

/// Asks the server on a data folder.
///
/// # Errors
/// [`AskError`], mostly because no server is running.
pub fn ask(folder: &Path) -> Result<Status, AskError> {
    match fs::metadata(folder) {
        Ok(found) if found.is_dir() => {}
        // Then this account cannot see the file either.
        Err(error) if error.kind() != ErrorKind::NotFound => {}
        _ => return Err(AskError::NoFolder(folder.to_owned())),
    }
    let file = folder.join(FILE);
    let content = fs::read(&file).map_err(|error| match error.kind() {
        ErrorKind::NotFound => AskError::NotRunning(folder.to_owned()),
        _ => AskError::NotReadable(file.clone(), error),
    })?;
    let Content { address, key } =
        serde_json::from_slice(&content).map_err(|error| AskError::NotUnderstood(file, error))?;
    let there = reachable(address);
    let folder = folder.to_owned();
    let stream = match TcpStream::connect_timeout(&there, PATIENCE) {
        Ok(stream) => stream,
        Err(source) => {
            return Err(AskError::NobodyThere {
                folder,
                address,
                source,
            });
        }
    };
    let answer = question(stream, there, &key).map_err(|source| AskError::NoAnswer {
        folder,
        address,
        source,
    })?;
    serde_json::from_slice(&answer).map_err(|error| AskError::AnotherProgram(address, error))
}

fn question(stream: TcpStream, address: SocketAddr, key: &str) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + PATIENCE;
    let transport = Transport::new(stream, address, PATIENCE)?;
    transport.write_all(format!("{WORD}{key}\n").as_bytes())?;
    let mut answer = Vec::new();
    let mut bytes = [0; 4096];
    while answer.len() < ANSWER_BYTES {
        let left = deadline.saturating_duration_since(Instant::now());
        // A limit of zero would mean no limit.
        transport.set_read_limit(Some(left.max(Duration::from_millis(1))))?;
        match transport.read(&mut bytes) {
            Ok(0) if answer.is_empty() => {
                return Err(io::Error::other(
                    "it hung up; it is full, or another program has taken its place",
                ));
            }
            Ok(0) => return Ok(answer),
            Ok(count) => answer.extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_read_limit(&error) => {
                let seconds = PATIENCE.as_secs();
                return Err(io::Error::other(format!("nothing came within {seconds} s")));
            }
            Err(error) => return Err(error),
        }
        if left.is_zero() {
            break;
        }
    }
    // Another program's answer, which the caller will not understand.
    Ok(answer)
}

/// The address of a server on this machine that listens on all addresses.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    address
}
