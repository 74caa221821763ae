//! The status of a server, for people (`mensageiro-server status`) and for Prometheus.

mod ask;
mod prometheus;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

pub use self::{
    ask::{AskError, Invitation, ask},
    prometheus::Exposition,
};
use crate::{
    clients::Registry,
    counters::{Counters, Latencies, Totals},
    directory::Directory,
    mailboxes::Mailboxes,
};

/// The state of a server at one moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The server's version.
    pub version: String,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Registered users.
    pub users: usize,
    /// Groups.
    pub groups: usize,
    /// Different users who are connected.
    pub users_online: usize,
    /// Connections that are logged in. A user may have several.
    pub sessions: usize,
    /// Users with unread messages.
    pub mailboxes: usize,
    /// Unread messages.
    pub messages_waiting: usize,
    /// Counts since the start.
    pub totals: Totals,
    /// How long commits took, since the start.
    pub commits: Latencies,
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
}

impl Observer {
    /// The status now.
    pub fn look(&self) -> Status {
        let people = self.directory.people();
        let (users_online, sessions) = self.registry.online();
        let (mailboxes, messages_waiting) = self.mailboxes.totals();
        let counters = &self.counters;
        Status {
            version: env!("CARGO_PKG_VERSION").into(),
            uptime_seconds: counters.uptime().as_secs(),
            users: people.users.len(),
            groups: people.groups.len(),
            users_online,
            sessions,
            mailboxes,
            messages_waiting,
            totals: counters.totals(),
            commits: counters.commits(),
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
        writeln!(
            f,
            "online       {} of {} users (sessions: {})",
            self.users_online, self.users, self.sessions
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
            "logins       {} accepted, {} refused",
            totals.logins, totals.refusals
        )?;
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
        writeln!(f)
    }
}
