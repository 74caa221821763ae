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

use mensageiro_protocol::trust::Secret;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

use super::Status;
use crate::{
    file_rights,
    net::transport::{Transport, is_read_limit},
};

/// What a program on this computer may ask a server, or tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// What it is doing.
    Status,
    /// To look who may log in now, as a command has changed that. The answer comes when it has.
    Access,
    /// To stop in order. The answer comes before it does.
    Stop,
}

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
    key: Secret,
}

#[derive(Serialize, Deserialize)]
struct Content {
    address: SocketAddr,
    key: Secret,
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
        let key = Secret::new(random);
        let file = folder.join(FILE);
        let content = Content {
            address,
            key: key.clone(),
        };
        let content = serde_json::to_vec(&content).map_err(io::Error::other)?;
        file_rights::write_private(&file, &content)?;
        Ok(Self { file, key })
    }

    /// What the first line of a connection asks, if it is a question with the right key.
    pub fn asks(&self, line: &str) -> Option<Question> {
        let mut questions = [Question::Status, Question::Access, Question::Stop].into_iter();
        questions.find(|question| {
            let key = line.strip_prefix(question.word()).map(Secret::parse);
            key.is_some_and(|key| key.as_ref() == Ok(&self.key))
        })
    }
}

impl Question {
    /// The word that begins the question. Its space makes it an invalid login.
    fn word(self) -> &'static str {
        match self {
            Self::Status => "status/1 ",
            Self::Access => "access/1 ",
            Self::Stop => "stop/1 ",
        }
    }
}

impl Drop for Invitation {
    fn drop(&mut self) {
        // A file that is left behind names a port on which nobody answers.
        let _ = fs::remove_file(&self.file);
    }
}

/// Asks the server on a data folder what it is doing.
///
/// # Errors
/// [`AskError`], mostly because no server is running.
pub fn ask(folder: &Path) -> Result<Status, AskError> {
    find(folder).map(|(_, status)| status)
}

/// Finds the server on a data folder. Returns where it listens, and what it is doing.
///
/// # Errors
/// [`AskError`], mostly because no server is running.
pub fn find(folder: &Path) -> Result<(SocketAddr, Status), AskError> {
    let (address, answer) = answer(folder, Question::Status)?;
    let status = serde_json::from_slice(&answer);
    let status = status.map_err(|error| AskError::AnotherProgram(address, error))?;
    Ok((address, status))
}

/// Tells the server on a data folder, if one is running, that a command has changed who may log in. When this returns, the
/// change counts. Returns whether a server is running.
///
/// # Errors
/// [`AskError`], when the server does not answer. It notices the change by itself a few seconds later.
pub fn tell_of_access(folder: &Path) -> Result<bool, AskError> {
    match answer(folder, Question::Access) {
        Ok(_) => Ok(true),
        Err(AskError::NotRunning(_) | AskError::NobodyThere { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Asks the server on a data folder to stop in order. It has not stopped yet when this returns.
///
/// # Errors
/// [`AskError`], mostly because no server is running.
pub fn tell_to_stop(folder: &Path) -> Result<(), AskError> {
    answer(folder, Question::Stop).map(drop)
}

/// Asks the server on a data folder. Returns where it listens, and its answer.
fn answer(folder: &Path, asked: Question) -> Result<(SocketAddr, Vec<u8>), AskError> {
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
    let line = Zeroizing::new(format!("{}{}\n", asked.word(), key.plain().as_str()));
    let answer = say(stream, there, &line).map_err(|source| AskError::NoAnswer {
        folder,
        address,
        source,
    })?;
    Ok((address, answer))
}

fn say(stream: TcpStream, address: SocketAddr, line: &str) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + PATIENCE;
    let transport = Transport::new(stream, address, PATIENCE)?;
    transport.write_all(line.as_bytes())?;
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
