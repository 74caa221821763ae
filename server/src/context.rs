//! What all sessions of a server share.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use crossbeam_channel::Sender;
use mensageiro_protocol::live::StoreId;
use parking_lot::Mutex;

use crate::{
    access::Access,
    budgets::Budgets,
    clients::{Job, Online},
    commit::Committer,
    counters::Counters,
    directory::{Directory, Editor},
    files::FileStore,
    index::Messages,
    mailboxes::Mailboxes,
    metrics::{Invitation, Observer, Question},
};

/// See the module.
pub struct Context {
    /// Who may log in.
    pub access: Arc<Access>,
    /// The registered users.
    pub directory: Arc<Directory>,
    /// Edits them.
    pub editor: Arc<Editor>,
    /// Their unread messages and cursors.
    pub mailboxes: Arc<Mailboxes>,
    /// All messages, read only. New ones go through the committer.
    pub messages: Messages,
    /// The users who are online.
    pub online: Arc<Online>,
    /// The write retry.
    pub retry: Sender<Job>,
    /// Makes entries durable.
    pub committer: Committer,
    /// Reads the server's status.
    pub observer: Observer,
    /// Lets others ask for the status; `None` if the file could not be written.
    pub invitation: Option<Invitation>,
    /// Tells the supervisor that somebody has asked the server to stop.
    pub stop: Sender<()>,
    /// The store to which the ids belong.
    pub store: StoreId,
    /// Held by the session that reads a portion of its backlog. Many at once would take all processors, and those who
    /// talk would wait for one.
    pub backlog_turn: Mutex<()>,
    /// What each login may use.
    pub budgets: Arc<Budgets>,
    /// The files that people send.
    pub files: Arc<FileStore>,
    /// Limits for each client.
    pub limits: Limits,
}

/// Limits for each client.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a new connection may take to send its login.
    pub login: Duration,
    /// How long a user may be silent; `None`: for ever.
    pub idle: Option<Duration>,
    /// Whether everybody may create groups.
    pub new_groups: bool,
    /// How long a transfer of a file may hardly move.
    pub dead_link_after: Duration,
    /// Where the server listens.
    pub listens: SocketAddr,
    /// The name or address under which others reach it, and perhaps another port.
    pub host: Option<(String, Option<u16>)>,
}

impl Context {
    /// What a first line asks with the right key, if it is a question.
    pub(crate) fn question(&self, line: &str) -> Option<Question> {
        self.invitation.as_ref()?.asks(line)
    }

    /// The server's counters.
    pub(crate) fn counters(&self) -> &Counters {
        &self.observer.counters
    }
}
