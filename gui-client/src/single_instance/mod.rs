//! The windows of a profile: a second start of the app with the same profile brings the first one's
//! window to the front instead of opening another.
//!
//! Each window listens on the loopback interface. Its port, and a key without which it does
//! nothing, are in its own file in the profile's folder `windows`, readable only by its user.
//! Beside it is a file that the window holds locked: whoever gets that lock knows that the window
//! has died.

mod listener;
mod request;

use std::{
    fs::{File, TryLockError},
    io::{self, Read},
    net::TcpStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

pub use listener::{Asked, Instance};
pub use request::{Other, bring_forward, others};

use crate::{model::WindowPlace, private};

/// How long a window may take to come forward before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long one side waits for a line of the other.
const LINE: Duration = Duration::from_secs(1);

/// How long a start waits for another one that is under way.
const TURN: Duration = Duration::from_secs(5);

/// Bytes of a line at most.
const LINE_BYTES: usize = 4096;

/// Files of windows that are looked at.
const WINDOWS_AT_MOST: usize = 64;

/// What is in the file of a window.
#[derive(Debug, Serialize, Deserialize)]
struct Address {
    port: u16,
    key: String,
}

/// One line that a window is asked.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    key: String,
    forward: Option<Forward>,
}

/// Which window is to come forward.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forward {
    /// Whatever it shows.
    Any,
    /// If it has this account open ([`crate::model::account_key`]).
    With(String),
}

/// One line that it answers.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    /// It has come forward, as far as the system lets it.
    came: bool,
    /// Where it is, if the system tells.
    place: Option<WindowPlace>,
}

fn folder(profile: &Path) -> PathBuf {
    profile.join("windows")
}

/// Keeps other starts waiting until it is dropped, so that of two at a time one finds the other.
/// `None`: it cannot be kept here, or another start takes too long; nothing else depends on it.
pub fn take_turn(profile: &Path) -> Option<File> {
    /// How often to look.
    const LOOK: Duration = Duration::from_millis(20);
    let folder = folder(profile);
    private::create_folder(&folder).ok()?;
    let lock = open_lock(&folder.join("starting.lock")).ok()?;
    let until = Instant::now() + TURN;
    loop {
        match lock.try_lock() {
            Ok(()) => return Some(lock),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                std::thread::sleep(LOOK);
            }
            Err(_) => return None,
        }
    }
}

/// Reads up to the end of a line or of the connection, for so long in all, however the bytes come.
fn read_line(mut connection: &TcpStream, patience: Duration) -> io::Result<Vec<u8>> {
    let until = Instant::now() + patience;
    let (mut line, mut chunk) = (Vec::new(), [0; 512]);
    while line.len() < LINE_BYTES && !line.contains(&b'\n') {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        connection.set_read_timeout(Some(left))?;
        match connection.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => line.extend_from_slice(&chunk[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(line)
}

/// Opens the file that a window holds locked as long as it lives.
fn open_lock(path: &Path) -> io::Result<File> {
    private::options().open(path)
}
