//! One user's classic session: log in, then one answer for each line (rules S5 to S11).

mod answering;

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use crossbeam_channel::Sender;
use mensageiro_protocol::{
    Addressed, Framing, Login,
    classic::{END, Request},
};
use thiserror::Error;
use tracing::info;

use self::answering::Answering;
use crate::{
    connection::{CAN_WRITE_AT_ONCE, Connection, Ended},
    directory::Directory,
    journal::{Entry, Journal, Read, Refused},
    live::{Job, Online},
    mailbox::Mailboxes,
    message::{Draft, Message, MessageId},
    rules::{Answer, Discarded, Plan},
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
    answering: Arc<Answering>,
    login: Login,
    /// The last to be dropped: the server stops when no connection is left.
    connection: Connection,
}

impl Session {
    pub(crate) fn new(shared: Arc<Shared>, connection: Connection, login: Login) -> Self {
        let answering = Answering::new(shared.clone(), login.clone(), connection.stream());
        Self {
            shared,
            answering,
            login,
            connection,
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
            Failure::Ended(Ended::InOrder) => match self.settle() {
                Ok(()) => info!("{login} logged out"),
                Err(failure) => info!("{login} disconnected: {failure}"),
            },
            Failure::Ended(Ended::HungUp) => info!("{login} disconnected by the server"),
            failure => info!("{login} disconnected: {failure}"),
        }
        self.answering.end();
    }

    /// Answers the login, then every line, until something ends it.
    fn serve(&mut self) -> Result<Infallible, Failure> {
        self.answer(&[Answer::ALL], MessageId(0))?;
        loop {
            self.exchange()?;
        }
    }

    fn exchange(&mut self) -> Result<(), Failure> {
        let received = self
            .connection
            .receive(self.shared.limits.idle, Request::parse);
        let received = received.map(Iterator::collect::<Vec<_>>);
        // Whatever has come, the lines before it are answered first.
        self.finish_answers()?;
        let mut requests = match received {
            // It was answered later than it was waited for.
            Err(Ended::TimedOut(limit)) if self.answering.has_written_within(limit) => {
                return Ok(());
            }
            received => received?.into_iter().peekable(),
        };
        // Only what was delivered before these lines came can have been read.
        let mut read = self.answering.take_unread();
        while requests.peek().is_some() {
            let people = self.shared.directory.people();
            let plan = Plan::new(&self.login, &mut requests, |to| people.recipient(to));
            drop(people);
            self.report(&plan.discarded);
            let (entry, full) = self.entry(plan.drafts, read.take());
            let is_nothing = entry.drafts.is_empty() && entry.reads.is_empty();
            let is_last = requests.peek().is_none();
            if is_last && full.is_none() && !is_nothing && self.can_be_answered_later(&entry.drafts)
            {
                self.answering.answer_later(plan.answers);
                self.shared.journal.submit(entry, self.answering.clone());
                return Ok(());
            }
            let first = match is_nothing {
                true => MessageId(0),
                false => self.store(entry)?,
            };
            if let Some(full) = full {
                return Err(Failure::MailboxFull(full));
            }
            self.answer(&plan.answers, first)?;
        }
        Ok(())
    }

    /// Whether whoever tells of a commit can write the answers. They cannot wait, neither for the client
    /// nor for the disk, so what is answered must be in memory and little: what waits now, and none of
    /// the drafts.
    fn can_be_answered_later(&self, drafts: &[Draft]) -> bool {
        CAN_WRITE_AT_ONCE
            && self.connection.framing() == Some(Framing::Line)
            && !drafts.iter().any(|draft| draft.is_for(&self.login))
            && self.shared.mailboxes.is_at_hand(&self.login)
    }

    /// What is pending has been written when this returns.
    fn finish_answers(&mut self) -> Result<(), Failure> {
        let place = self.connection.place();
        let rest = self.answering.finish(|| place.hung_up())?;
        self.connection.write(&rest)?;
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

    /// What is to be made durable: what the client sent, and up to where it has read. And who can take no
    /// more, if there is somebody: then nothing of what it sent.
    fn entry(&self, drafts: Vec<Draft>, read: Option<MessageId>) -> (Entry, Option<Login>) {
        let full = self.shared.first_full(&drafts);
        let entry = Entry {
            from: self.login.clone(),
            reads: read.map(|up_to| Read::All { up_to }).into_iter().collect(),
            // What was read has been read, whatever becomes of what is sent.
            drafts: if full.is_none() { drafts } else { Vec::new() },
        };
        (entry, full)
    }

    /// Returns the number of the first message when all is durable.
    fn store(&self, entry: Entry) -> Result<MessageId, Refused> {
        let accepted = self.shared.journal.write(entry)?;
        Ok(accepted.first().map_or(MessageId(0), |first| first.id))
    }

    /// Answers lines of which the first message is `first`: the new messages, one at a time, then the end
    /// mark.
    fn answer(&mut self, answers: &[Answer], first: MessageId) -> Result<(), Failure> {
        let Shared {
            mailboxes, store, ..
        } = &*self.shared;
        // What arrives while the answers are written belongs to later ones.
        let ends = mailboxes.ends(&self.login);
        let newest = ends.map_or(MessageId(0), |(_, newest)| newest);
        let mut delivered = self.answering.delivered();
        for answer in answers {
            let last = answer.last(first).min(newest);
            while delivered < last {
                let chunk = mailboxes.peek(&**store, &self.login, (delivered, last), CHUNK)?;
                for message in &chunk {
                    self.connection.send(|line| write_delivery(message, line))?;
                    delivered = message.id;
                }
                self.answering.set_delivered(delivered);
                if chunk.len() < CHUNK {
                    break;
                }
            }
            self.connection.send(|out| out.extend_from_slice(END))?;
        }
        self.connection.flush()?;
        Ok(())
    }

    /// After an orderly close: what was delivered and taken has been read (rule S9).
    fn settle(&mut self) -> Result<(), Failure> {
        self.finish_answers()?;
        let last_write = self.answering.last_write();
        if let Some(unread) = self.answering.take_unread()
            && self.connection.was_read(last_write)
        {
            let (entry, _) = self.entry(Vec::new(), Some(unread));
            self.store(entry)?;
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
