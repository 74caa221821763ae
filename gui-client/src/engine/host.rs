//! The server on this computer, as the window and the engine speak of it.

use std::{net::IpAddr, path::PathBuf};

use mensageiro_protocol::{Login, Name, trust::InviteLink};

/// What a person does with the server on this computer; answered by [`Event::Host`](super::Event::Host).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostCommand {
    /// Looks whether it runs.
    Look,
    /// Starts it unless it runs, and invites somebody who administers it.
    Start(HostTerms),
    /// Stops it in order.
    Stop,
}

/// How a server is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostTerms {
    /// Who administers it.
    pub login: Login,
    /// That person's full name; empty: none.
    pub name: Name,
    /// Whether people need an invite. A server that runs already stays as it is.
    pub is_closed: bool,
    /// The TCP port, on all of this computer's addresses.
    pub port: u16,
}

/// What is new about the server on this computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostNews {
    /// It does not run, or no longer, as it was told to stop.
    NotRunning {
        /// It has run before: its users and messages are there.
        has_data: bool,
    },
    /// It runs.
    Running(Host),
    /// It runs, and this lets in the person who has started it.
    Started(Host, InviteLink),
    /// It has ended, and nobody has told it to.
    Crashed {
        /// The last line of its log; may be empty.
        said: String,
        /// Its log.
        log: PathBuf,
    },
    /// What was wanted was not done.
    Failed(HostProblem),
}

/// A server that runs on this computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its TCP port.
    pub port: u16,
    /// Whether people need an invite.
    pub is_closed: bool,
    /// This computer's addresses in its networks, the likeliest first; empty: it is in none.
    pub addresses: Vec<IpAddr>,
    /// Its data folder.
    pub data: PathBuf,
    /// Its log.
    pub log: PathBuf,
}

/// Why the server was not started, or not stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostProblem {
    /// The program is not there.
    NoProgram {
        /// Where it should be: the folder of the app.
        folder: PathBuf,
    },
    /// The system does not run the program, for this reason.
    NotRun {
        /// The program.
        program: PathBuf,
        /// What the system says.
        why: String,
    },
    /// The system has no place for the data, as there is no home folder.
    NoPlace,
    /// Another program listens on the port.
    PortTaken {
        /// The port.
        port: u16,
        /// Another one that is free.
        free: Option<u16>,
    },
    /// Another server uses the data folder, and does not answer.
    InUse {
        /// The data folder.
        data: PathBuf,
    },
    /// The program says why it does not do it.
    Refused {
        /// In its own words.
        said: String,
        /// Its log, if there is more in it.
        log: Option<PathBuf>,
    },
    /// The system has no thread left.
    NoThread,
}
