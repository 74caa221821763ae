//! The status of a server, for people (`mensageiro-server status`) and for Prometheus.

mod ask;
mod prometheus;

use std::{collections::BTreeMap, fmt, sync::Arc};

use indicatif::HumanBytes;
use serde::{Deserialize, Serialize};

pub use self::{
    ask::{AskError, Invitation, Question, ask, find, tell_of_access, tell_to_stop},
    prometheus::Exposition,
};
use crate::{
    budgets::Budgets,
    clients::Registry,
    counters::{Counters, Latencies, Totals},
    directory::Directory,
    files::FileStore,
    logging::{MissingLines, missing_lines},
    mailboxes::Mailboxes,
    net::tls::Tls,
};

/// The state of a server at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The server's version.
    pub version: String,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Whether a login needs a device or a program key; a server before 0.1.0 does not say so.
    pub closed: Option<bool>,
    /// Registered users.
    pub users: usize,
    /// Groups.
    pub groups: usize,
    /// Different users who are connected.
    pub users_online: usize,
    /// Connections that are logged in. A user may have several.
    pub sessions: usize,
    /// Those of them that are encrypted.
    pub encrypted_sessions: usize,
    /// Connections that have not sent their login yet.
    pub before_login: usize,
    /// Users with unread messages.
    pub mailboxes: usize,
    /// Unread messages, each for each of its readers; about right if they are many.
    pub messages_waiting: u64,
    /// Counts since the start.
    pub totals: Totals,
    /// How long commits took, since the start.
    pub commits: Latencies,
    /// Bytes in the log and in messages.csv.
    pub stored_bytes: u64,
    /// Bytes that are free on the disk, if the system says so.
    pub free_bytes: Option<u64>,
    /// Who has most bytes in the log.
    pub most_stored: Option<StoredBy>,
    /// How often something was refused since the start because a budget was used up, by the budget's
    /// name.
    pub refused: BTreeMap<String, u64>,
    /// How often a session had to wait since the start, as its user sent too much.
    pub pauses: u64,
    /// Lines that are missing in the diagnostic log.
    #[serde(default)]
    pub log: MissingLines,
    /// By what clients know the server: the SHA-256 of its public key.
    pub fingerprint: String,
    /// TLS handshakes that were completed since the start.
    pub handshakes: u64,
    /// TLS handshakes that were begun and not completed since the start.
    pub failed_handshakes: u64,
    /// The files that people have sent.
    #[serde(default)]
    pub files: FilesStatus,
}

/// How many files there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesStatus {
    /// Files that are whole.
    pub files: usize,
    /// Bytes of them, and of those that are announced. Equal files count once.
    pub bytes: u64,
    /// Files that are being uploaded.
    pub uploading: usize,
    /// Files that were uploaded since the start.
    pub received: u64,
    /// Files that were sent to somebody since the start.
    pub sent: u64,
}

/// How many bytes a user has in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredBy {
    /// Who.
    pub login: String,
    /// How many.
    pub bytes: u64,
}

/// Reads the status of a running server. It holds only shared parts that do not keep the server
/// from ending.
#[derive(Clone, Debug)]
pub struct Observer {
    /// The registered users.
    pub directory: Arc<Directory>,
    /// The connections.
    pub registry: Arc<Registry>,
    /// The mailboxes.
    pub mailboxes: Arc<Mailboxes>,
    /// The counters.
    pub counters: Arc<Counters>,
    /// What each login may use.
    pub budgets: Arc<Budgets>,
    /// The server's key, and the handshakes.
    pub tls: Arc<Tls>,
    /// The files that people send.
    pub files: Arc<FileStore>,
    /// Whether a login needs a device or a program key.
    pub is_closed: bool,
}

impl Observer {
    /// The status now.
    pub fn look(&self) -> Status {
        let people = self.directory.people();
        let (users_online, sessions) = self.registry.online();
        let (mailboxes, messages_waiting) = self.mailboxes.totals();
        let counters = &self.counters;
        let (disk, refusals) = (self.budgets.disk_usage(), self.budgets.refusals());
        let most_stored = disk.largest();
        let handshakes = self.tls.handshakes();
        let files = self.files.totals();
        Status {
            version: env!("CARGO_PKG_VERSION").into(),
            uptime_seconds: counters.uptime().as_secs(),
            closed: Some(self.is_closed),
            users: people.users.len(),
            groups: people.groups.len(),
            users_online,
            sessions,
            encrypted_sessions: self.registry.encrypted(),
            before_login: self.registry.before_login(),
            mailboxes,
            messages_waiting,
            totals: counters.totals(),
            commits: counters.commits(),
            stored_bytes: disk.total(),
            free_bytes: disk.free(),
            most_stored: most_stored.map(|(login, bytes)| StoredBy {
                login: login.to_string(),
                bytes,
            }),
            refused: refusals
                .counts()
                .map(|(reason, count)| (reason.name().to_owned(), count))
                .collect(),
            pauses: refusals.pauses(),
            log: missing_lines(),
            fingerprint: self.tls.fingerprint().to_string(),
            handshakes: handshakes.done,
            failed_handshakes: handshakes.failed,
            files: FilesStatus {
                files: files.files,
                bytes: files.bytes,
                uploading: files.uploading,
                received: files.received,
                sent: files.sent,
            },
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            totals, commits, ..
        } = self;
        let (days, rest) = (self.uptime_seconds / 86_400, self.uptime_seconds % 86_400);
        let (hours, minutes, seconds) = (rest / 3_600, rest % 3_600 / 60, rest % 60);
        writeln!(f, "MeuMensageiro server {}", self.version)?;
        writeln!(
            f,
            "running for  {days} d {hours:02}:{minutes:02}:{seconds:02}"
        )?;
        match self.closed {
            Some(true) => writeln!(f, "access       closed: invited devices and program keys")?,
            Some(false) => writeln!(f, "access       open: a name is enough to log in")?,
            None => {}
        }
        writeln!(
            f,
            "online       {} of {} users (sessions: {}, encrypted: {})",
            self.users_online, self.users, self.sessions, self.encrypted_sessions
        )?;
        writeln!(f, "groups       {}", self.groups)?;
        writeln!(
            f,
            "mailboxes    {} (messages in them: {})",
            self.mailboxes, self.messages_waiting
        )?;
        writeln!(
            f,
            "messages     {} accepted, {} read since the start",
            totals.accepted, totals.read
        )?;
        writeln!(f, "discarded    lines: {}", totals.discarded)?;
        writeln!(
            f,
            "logins       {} accepted, {} refused, {} connections without one now",
            totals.logins, totals.refusals, self.before_login
        )?;
        writeln!(
            f,
            "encryption   {} handshakes, {} more failed",
            self.handshakes, self.failed_handshakes
        )?;
        writeln!(f, "fingerprint  {}", self.fingerprint)?;
        write!(f, "commits      {}", commits.count())?;
        if let (Some(half), Some(most)) = (commits.quantile(0.5), commits.quantile(0.99)) {
            write!(f, ", half within {half} ms, 99 % within {most} ms")?;
        }
        if totals.failed_commits > 0 {
            write!(
                f,
                ", {} REFUSED BY THE DISK (see the log)",
                totals.failed_commits
            )?;
        }
        writeln!(f)?;
        self.tell_stored(f)?;
        let FilesStatus {
            files,
            bytes,
            received,
            sent,
            ..
        } = self.files;
        writeln!(
            f,
            "files        {files} with {}, {received} uploaded and {sent} sent since the start",
            HumanBytes(bytes)
        )?;
        self.tell_refused(f)?;
        let MissingLines { dropped, lost } = self.log;
        writeln!(f, "log          lines dropped: {dropped}, lost: {lost}")
    }
}

impl Status {
    fn tell_stored(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stored       {}", HumanBytes(self.stored_bytes))?;
        if let Some(StoredBy { login, bytes }) = &self.most_stored {
            write!(f, ", most of them by {login}: {}", HumanBytes(*bytes))?;
        }
        if let Some(free) = self.free_bytes {
            write!(f, "; free on the disk: {}", HumanBytes(free))?;
        }
        writeln!(f)
    }

    fn tell_refused(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused = self.refused.iter().filter(|(_, count)| **count > 0);
        let refused: Vec<_> = refused
            .map(|(name, count)| format!("{name}: {count}"))
            .collect();
        let refused = match refused.is_empty() {
            true => "nothing refused".to_owned(),
            false => format!("refused ({})", refused.join(", ")),
        };
        writeln!(f, "budgets      {refused}, {} pauses", self.pauses)
    }
}
