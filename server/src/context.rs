//! What all sessions of a server share.

use std::{sync::Arc, time::Duration};

use crossbeam_channel::Sender;
use mensageiro_protocol::live::StoreId;

use crate::{
    budgets::Budgets,
    clients::{Job, Online},
    commit::Committer,
    counters::Counters,
    directory::Directory,
    index::Messages,
    mailboxes::Mailboxes,
    metrics::{Invitation, Observer},
};

/// See the module.
pub struct Context {
    /// The registered users.
    pub directory: Arc<Directory>,
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
    /// The store to which the ids belong.
    pub store: StoreId,
    /// What each login may use.
    pub budgets: Arc<Budgets>,
    /// Limits for each client.
    pub limits: Limits,
}

/// Limits for each client.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a new connection may take to send its login.
    pub login: Duration,
    /// How long a user may be silent; `None`: for ever.
    pub idle: Option<Duration>,
}

impl Context {
    /// Whether a first line asks for the status with the right key.
    pub(crate) fn is_invited(&self, question: &str) -> bool {
        let invitation = self.invitation.as_ref();
        invitation.is_some_and(|invitation| invitation.accepts(question))
    }

    /// The server's counters.
    pub(crate) fn counters(&self) -> &Counters {
        &self.observer.counters
    }
}
