//! What every session of a server shares.

use std::{sync::Arc, time::Duration};

use crossbeam_channel::Sender;
use mensageiro_protocol::live::StoreId;

use crate::{
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
    /// Their unread messages, and how far they have come.
    pub mailboxes: Arc<Mailboxes>,
    /// All messages. Read only: what is new goes through the committer.
    pub messages: Messages,
    /// Who is there.
    pub online: Arc<Online>,
    /// Who writes what a client does not take at once.
    pub retry: Sender<Job>,
    /// The way to the disk.
    pub committer: Committer,
    /// What is told of the server.
    pub observer: Observer,
    /// Who may ask for it; `None` if nobody can be invited.
    pub invitation: Option<Invitation>,
    /// Which store gives ids their meaning.
    pub store: StoreId,
    /// Bounds on what one client may do.
    pub limits: Limits,
}

/// Bounds on what one client may do.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long a connection may take to name its user.
    pub login: Duration,
    /// How long a user may be silent; `None`: for ever.
    pub idle: Option<Duration>,
}

impl Context {
    /// Whether a first line is the question for the status, with the right key.
    pub(crate) fn is_invited(&self, question: &str) -> bool {
        let invitation = self.invitation.as_ref();
        invitation.is_some_and(|invitation| invitation.accepts(question))
    }

    /// What happens is counted here.
    pub(crate) fn counters(&self) -> &Counters {
        &self.observer.counters
    }
}
