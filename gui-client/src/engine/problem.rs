//! Why something that the window waits for cannot be done: values, which the window words.

use std::path::PathBuf;

use crate::disk::DiskProblem;

/// Why the local database cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageProblem {
    /// Another window of the app has this account open.
    Locked,
    /// A newer version of the app wrote it.
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// It is no database, or a broken one.
    Damaged {
        /// The file, or the folder it is in.
        path: PathBuf,
    },
    /// The disk does not give it, or does not take what is to be written.
    Disk {
        /// The file, or the folder it is in.
        path: PathBuf,
        /// Why.
        why: DiskProblem,
    },
    /// The system gives the app no thread to work with.
    NoThread,
    /// The thread that works with it has ended.
    Stopped,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkProblem {
    /// `host:port` cannot be understood.
    BadAddress,
    /// The host name is not known.
    UnknownHost,
    /// Nobody listens there.
    NobodyListens,
    /// No answer in time.
    TimedOut,
    /// There was a connection, and it broke.
    Broken,
    /// No way leads there from this computer.
    Unreachable,
    /// This computer does not let the app use the network: a firewall perhaps.
    NotAllowed,
    /// What answers does not speak the protocol.
    NotThisProtocol,
    /// What answers is known, and is no messenger server.
    Stranger(Stranger),
    /// The system gives no thread for a connection.
    NoThread,
    /// Anything else, in the system's words.
    Other(String),
}

/// What is at an address in place of a messenger server, as its first words show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stranger {
    /// HTTP.
    Web,
    /// Something encrypted: HTTPS, most often.
    Tls,
    /// SSH.
    Ssh,
    /// SMTP, POP3 or IMAP.
    Mail,
    /// FTP.
    Files,
    /// IRC or XMPP.
    Chat,
    /// A database.
    Database,
    /// A remote screen (VNC).
    Screen,
    /// Telnet.
    Terminal,
    /// Anything else that says its name.
    Other(&'static str),
}
