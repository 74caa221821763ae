//! Why something failed that the window waits for: plain values that `ui::error_text` puts into
//! words.

use std::path::PathBuf;

use mensageiro_protocol::Login;

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
        /// Which version that was, if the file says so.
        version: Option<String>,
    },
    /// It is damaged, or not a database.
    Damaged {
        /// The file, or the folder it is in.
        path: PathBuf,
    },
    /// Reading or writing the disk failed.
    Disk {
        /// The file, or the folder it is in.
        path: PathBuf,
        /// Why.
        why: DiskProblem,
    },
    /// The system refused to start a thread.
    NoThread,
    /// The thread that owns the database has ended.
    Stopped,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkProblem {
    /// The address is not `host:port`.
    BadAddress,
    /// The host name is not known.
    UnknownHost,
    /// Nothing listens at that port.
    NobodyListens,
    /// No answer in time.
    TimedOut,
    /// There was a connection, and it broke.
    Broken,
    /// There is no route to it from this computer.
    Unreachable,
    /// This computer blocks the app's network access, perhaps by a firewall.
    NotAllowed,
    /// What answers does not speak the protocol.
    NotThisProtocol,
    /// It answers with a known protocol other than the messenger's.
    Stranger(Stranger),
    /// It hangs up on a login that it accepted before.
    HangsUp(Login),
    /// It says that it does not know this user, whom it knew before.
    UnknownUser(Login),
    /// It took the login for that of another user.
    OtherUser(Login),
    /// It contradicts what it said before, for example by giving one id to two messages.
    Contradicts,
    /// It asks the app to come back later.
    Busy,
    /// It ends each session, for a reason that this app does not know; in its words.
    Ended(String),
    /// Its messages take all the space they may take on this computer, and it cannot keep the next ones.
    NoRoom,
    /// The file with the keys of this account cannot be read or written. Nothing was sent.
    TrustFile {
        /// The file.
        path: PathBuf,
        /// Why.
        why: DiskProblem,
    },
    /// A newer version of the app wrote that file. Nothing was sent.
    TrustNewer {
        /// The file.
        path: PathBuf,
        /// Which version that was, if the file says so.
        version: Option<String>,
    },
    /// The system's keyring does not give the key of this device, for this reason in its words.
    DeviceKey(String),
    /// The system refused to start a thread for the connection.
    NoThread,
    /// Anything else, in the system's words.
    Other(String),
}

/// The kind of server at an address, judged by its first words.
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
    /// A remote desktop (VNC).
    Screen,
    /// Telnet.
    Terminal,
    /// Anything else that says its name.
    Other(&'static str),
}
