//! One user's classic session: log in, then one answer for each line (rules S5 to S11).

mod answering;

use std::{convert::Infallible, io, mem, sync::Arc, time::Duration};

use crossbeam_channel::Sender;
use mensageiro_protocol::{
    Addressed, Framing, Login,
    classic::{END, Request},
    limits::{CONTROL_GOODBYE, GOODBYE},
    live::MISSED_NAMED,
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
    message::{Draft, Message, MessageId, Recipient},
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

    /// The first user to whom one of these drafts is written and who can take no more. Members of groups who
    /// cannot do not get theirs, and are noted in it.
    pub(crate) fn first_full(&self, drafts: &mut [Draft]) -> Option<Login> {
        let limits = &self.limits;
        let full = self
            .mailboxes
            .first_full(drafts, limits.mailbox, limits.mailbox_bytes);
        if full.is_none() {
            report_missed(drafts);
        }
        full
    }
}

/// One user's classic session, run by the thread that reads from its client.
pub(crate) struct Session {
    shared: Arc<Shared>,
    answering: Arc<Answering>,
    login: Login,
    /// The last lines, if they are no messages: a program may be saying good-bye, and then they say nothing
    /// of what has been read. Not more than one read brings.
    held: Vec<Request>,
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
            held: Vec::new(),
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
            Failure::Ended(Ended::InOrder) => match self.leave() {
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
        let limit = match self.held.first() {
            None => self.shared.limits.idle,
            Some(_) if self.held.iter().all(is_control) => Some(CONTROL_GOODBYE),
            Some(_) => Some(GOODBYE),
        };
        let received = self.connection.receive(limit, Request::parse);
        let received = received.map(Iterator::collect::<Vec<_>>);
        // Whatever has come, the lines before it are answered first.
        self.finish_answers()?;
        let requests = match received {
            // The client is still there, so they were lines, if no good ones.
            Err(Ended::TimedOut(_)) if !self.held.is_empty() => mem::take(&mut self.held),
            // It was answered later than it was waited for.
            Err(Ended::TimedOut(limit)) if self.answering.has_written_within(limit) => {
                return Ok(());
            }
            received => self.hold_last(received?),
        };
        // Only what was delivered before these lines came can have been read.
        let says_something = !requests.iter().all(is_control);
        let read = says_something.then(|| self.answering.take_unread());
        self.serve_lines(requests.into_iter(), read.flatten())
    }

    /// Holds back the last of the lines that have come, as far as they are no messages. Returns those before
    /// them, held ones first.
    fn hold_last(&mut self, mut requests: Vec<Request>) -> Vec<Request> {
        let is_line = |request: &Request| matches!(request, Request::Poll | Request::Send(_));
        let lines = requests.iter().rposition(is_line).map_or(0, |at| at + 1);
        let last = requests.split_off(lines);
        if self.held.is_empty() {
            self.held = last;
            return requests;
        }
        let mut before = mem::replace(&mut self.held, last);
        before.append(&mut requests);
        before
    }

    fn serve_lines(
        &mut self,
        requests: impl ExactSizeIterator<Item = Request>,
        mut read: Option<MessageId>,
    ) -> Result<(), Failure> {
        let mut requests = requests.peekable();
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
    fn entry(&self, mut drafts: Vec<Draft>, read: Option<MessageId>) -> (Entry, Option<Login>) {
        let full = self.shared.first_full(&mut drafts);
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

    /// After an orderly close: what has been read is read, and what was said last is answered, as the client
    /// may have closed only its own side.
    fn leave(&mut self) -> Result<(), Failure> {
        self.settle()?;
        if !self.held.is_empty() {
            let held = mem::take(&mut self.held);
            self.serve_lines(held.into_iter(), None)?;
            self.settle()?;
        }
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

fn is_control(request: &Request) -> bool {
    *request == Request::Control
}

/// Who does not get what is written to a group stands in the log: a classic author has no other way to know.
fn report_missed(drafts: &[Draft]) {
    for run in drafts.chunk_by(|one, next| one.to == next.to) {
        if let (Recipient::Group(group, _), Some(missed_by)) = (&run[0].to, &run[0].missed_by) {
            let named: Vec<_> = missed_by
                .iter()
                .take(MISSED_NAMED)
                .map(Login::as_str)
                .collect();
            info!(
                "{} of {group} do not get what {} writes, as their mailboxes are full: {}",
                missed_by.len(),
                run[0].from,
                named.join(", ")
            );
        }
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
