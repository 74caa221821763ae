//! One user's classic session: log in, then one answer for each line (rules S5 to S11).

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use crossbeam_channel::Sender;
use mensageiro_protocol::{
    Addressed, Login,
    classic::{END, Request},
};
use thiserror::Error;
use tracing::{info, warn};

use crate::{
    connection::{Connection, Ended},
    directory::Directory,
    journal::{Entry, Journal, Read, Refused},
    live::{Job, Online},
    mailbox::Mailboxes,
    message::{Draft, Message, MessageId},
    rules::{Discarded, Plan},
    status::{Counters, Invitation, Observer},
    store::{Store, StoreError},
};

/// How many messages are taken out of a mailbox at a time while an answer is written.
const CHUNK: usize = 256;

/// What every session of a server shares.
pub struct Shared {
    /// The registered users.
    pub directory: Arc<Directory>,
    /// Their unread messages, and how far they have come.
    pub mailboxes: Arc<Mailboxes>,
    /// All messages. Read only: what is written goes through the journal.
    pub store: Arc<dyn Store>,
    /// Who is there.
    pub online: Arc<Online>,
    /// Who writes what a live client does not take at once.
    pub flusher: Sender<Job>,
    /// The way to the disk.
    pub journal: Journal,
    /// What is told of the server.
    pub observer: Observer,
    /// Who may ask for it; `None` if nobody can be invited.
    pub invitation: Option<Invitation>,
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
    /// How many unread messages a user may have.
    pub mailbox: usize,
    /// How many bytes of text these may have together.
    pub mailbox_bytes: usize,
}

/// Why a session ends other than by the client's wish.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Ended(#[from] Ended),
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error("a message was not accepted: {0}")]
    Refused(#[from] Refused),
    #[error("a message could not be read: {0}")]
    Store(#[from] StoreError),
    #[error(
        "a message was not accepted: the mailbox of {0} is full (--max-mailbox, --max-mailbox-bytes)"
    )]
    MailboxFull(Login),
}

impl Shared {
    /// Whether a first line is the question for the status, with the right key.
    pub(crate) fn is_invited(&self, question: &str) -> bool {
        self.invitation
            .as_ref()
            .is_some_and(|invitation| invitation.accepts(question))
    }

    /// What happens is counted here.
    pub(crate) fn counters(&self) -> &Counters {
        &self.observer.counters
    }

    /// The first user for whom one of these drafts is and who can take no more.
    pub(crate) fn first_full(&self, drafts: &[Draft]) -> Option<Login> {
        let limits = &self.limits;
        self.mailboxes
            .first_full(drafts, limits.mailbox, limits.mailbox_bytes)
    }
}

/// One user's classic session, run by the thread that reads from its client.
pub(crate) struct Session {
    shared: Arc<Shared>,
    connection: Connection,
    login: Login,
    /// The newest message this session has delivered.
    delivered: MessageId,
    /// The newest message that was delivered and has not been read yet.
    unread: Option<MessageId>,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, connection: Connection, login: Login) -> Self {
        Self {
            shared,
            connection,
            login,
            delivered: MessageId(0),
            unread: None,
        }
    }

    /// Serves until something ends it.
    pub(crate) fn run(mut self) {
        let (login, peer) = (self.login.clone(), self.connection.peer());
        let shared = self.shared.clone();
        let _stay = shared.online.enter(&login, None, &shared.journal);
        info!("{login} logged in from {peer}");
        let Err(failure) = self.serve();
        match failure {
            Failure::Ended(Ended::InOrder) => {
                if let Some(failure) = self.settle().err() {
                    warn!("{login}: {failure}");
                }
                info!("{login} logged out");
            }
            Failure::Ended(Ended::HungUp) => info!("{login} disconnected by the server"),
            failure => info!("{login} disconnected: {failure}"),
        }
    }

    /// Answers the login, then every line, until something ends it.
    fn serve(&mut self) -> Result<Infallible, Failure> {
        self.answer(self.newest())?;
        self.connection.flush()?;
        loop {
            self.exchange()?;
        }
    }

    fn exchange(&mut self) -> Result<(), Failure> {
        let requests = self
            .connection
            .receive(self.shared.limits.idle, Request::parse)?;
        let requests: Vec<_> = requests.collect();
        let mut requests = requests.into_iter().peekable();
        // Only what was delivered before these lines came can have been read.
        let mut read = self.unread.take();
        while requests.peek().is_some() {
            let people = self.shared.directory.people();
            let plan = Plan::new(&self.login, &mut requests, |to| people.recipient(to));
            drop(people);
            self.report(&plan.discarded);
            let first = self.store(plan.drafts, read.take())?;
            // What arrives while the answers are written belongs to later ones.
            let newest = self.newest();
            for answer in plan.answers {
                self.answer(answer.last(first).min(newest))?;
            }
        }
        self.connection.flush()?;
        Ok(())
    }

    fn report(&self, discarded: &[Discarded]) {
        self.shared.counters().discarded(discarded.len());
        let login = &self.login;
        for discarded in discarded {
            match discarded {
                Discarded::NotAMessage => info!("a line of {login} is no message"),
                Discarded::UnknownRecipient(to) => {
                    info!("a message from {login} discarded: there is no user {to}");
                }
                Discarded::NotAMember(group) => {
                    info!("a message discarded: {login} does not belong to {group}");
                }
            }
        }
    }

    /// Makes durable what the client sent, and up to where it has read. Returns the number of the
    /// first message.
    fn store(&self, drafts: Vec<Draft>, read: Option<MessageId>) -> Result<MessageId, Failure> {
        if drafts.is_empty() && read.is_none() {
            return Ok(MessageId(0));
        }
        let full = self.shared.first_full(&drafts);
        let entry = Entry {
            from: self.login.clone(),
            reads: read.map(|up_to| Read::All { up_to }).into_iter().collect(),
            // What was read has been read, whatever becomes of what is sent.
            drafts: if full.is_none() { drafts } else { Vec::new() },
        };
        let accepted = self.shared.journal.write(entry)?;
        match full {
            None => Ok(accepted.first().map_or(MessageId(0), |first| first.id)),
            Some(full) => Err(Failure::MailboxFull(full)),
        }
    }

    /// The newest message of the mailbox.
    fn newest(&self) -> MessageId {
        let ends = self.shared.mailboxes.ends(&self.login);
        ends.map_or(MessageId(0), |(_, newest)| newest)
    }

    /// Sends the new messages up to `last`, one at a time, then the end mark.
    fn answer(&mut self, last: MessageId) -> Result<(), Failure> {
        while self.delivered < last {
            let Shared {
                mailboxes, store, ..
            } = &*self.shared;
            let range = (self.delivered, last);
            let chunk = mailboxes.peek(&**store, &self.login, range, CHUNK)?;
            for message in &chunk {
                self.connection.send(|line| write_delivery(message, line))?;
                self.delivered = message.id;
                self.unread = Some(message.id);
            }
            if chunk.len() < CHUNK {
                break;
            }
        }
        self.connection.send(|out| out.extend_from_slice(END))?;
        Ok(())
    }

    /// After an orderly close: what was delivered and taken has been read (rule S9).
    fn settle(&self) -> Result<(), Failure> {
        if self.unread.is_some() && self.connection.was_read() {
            self.store(Vec::new(), self.unread)?;
        }
        Ok(())
    }
}

/// The line that delivers a message (L2, and G2 for groups).
fn write_delivery(message: &Message, line: &mut Vec<u8>) {
    let Message { from, to, text, .. } = message;
    match &message.members {
        None => Addressed::encode(from, text, line),
        Some(_) => Addressed::encode_in_group(to, from, text, line),
    }
}
