//! One user's classic session: one answer for the login and for each line (rules S5 to S11).

use std::{convert::Infallible, mem, sync::Arc};

use mensageiro_protocol::{
    Framing, Login,
    classic::{END, Request},
    limits::{CONTROL_GOODBYE, GOODBYE},
};
use tracing::info;

use super::{
    answering::Answering,
    failure::{Failure, check},
    lines::{current_text, write_text},
    rules::{Answer, Discarded, Plan},
};
use crate::{
    budgets::{LoginBudget, cost},
    clients::{Connection, Ended},
    commit::{Draft, Entry},
    context::Context,
    model::{
        event::{Read, Target},
        message::MessageId,
        stored,
    },
    state::Outcome,
};

/// How many messages are taken from a mailbox at a time while an answer is written.
const CHUNK: usize = 256;

/// One user's classic session. It runs in the thread that reads from its client.
pub(crate) struct Session {
    context: Arc<Context>,
    answering: Arc<Answering>,
    login: Login,
    budget: Arc<LoginBudget>,
    /// The last lines, if they are no messages: a program may be saying goodbye, and then they say
    /// nothing about what has been read. At most the lines of one read.
    held: Vec<Request>,
    /// Dropped last: the server stops when no connection is left.
    connection: Box<Connection>,
}

impl Session {
    pub(crate) fn new(
        context: Arc<Context>,
        connection: Box<Connection>,
        login: Login,
        budget: Arc<LoginBudget>,
    ) -> Self {
        let answering = Answering::new(context.clone(), login.clone(), connection.transport());
        Self {
            context,
            answering,
            login,
            budget,
            held: Vec::new(),
            connection,
        }
    }

    /// Serves until something ends the session.
    pub(crate) fn run(mut self) {
        let (login, peer) = (self.login.clone(), self.connection.peer());
        let context = self.context.clone();
        let _stay = context.online.enter(&login, None, &context.committer);
        info!("{login} logged in from {peer}");
        let Err(failure) = self.serve();
        match failure {
            Failure::Ended(Ended::InOrder) => match self.leave() {
                Ok(()) => info!("{login} logged out"),
                Err(failure) => info!("{login} disconnected: {failure}"),
            },
            Failure::Ended(Ended::HungUp) => info!("{login} disconnected by the server"),
            failure => {
                info!("{login} disconnected: {failure}");
                if failure.is_over_budget() {
                    self.connection.pause_before_end();
                }
            }
        }
        self.answering.end();
    }

    /// Answers the login, then every line, until something ends the session.
    fn serve(&mut self) -> Result<Infallible, Failure> {
        // What the user has just read in another session is not given again.
        self.context.committer.settle();
        self.answer(&[Answer::ALL], &[])?;
        loop {
            self.exchange()?;
        }
    }

    fn exchange(&mut self) -> Result<(), Failure> {
        let limit = match self.held.first() {
            None => self.context.limits.idle,
            Some(_) if self.held.iter().all(is_control) => Some(CONTROL_GOODBYE),
            Some(_) => Some(GOODBYE),
        };
        let received = self.connection.receive(limit, Request::parse);
        let received = received.map(Iterator::collect::<Vec<_>>);
        // Whatever has arrived, the lines before it are answered first.
        self.finish_answers()?;
        let requests = match received {
            // The client is still there, so they were lines, though no messages.
            Err(Ended::TimedOut(_)) if !self.held.is_empty() => mem::take(&mut self.held),
            // The answer was written later than the wait began.
            Err(Ended::TimedOut(limit)) if self.answering.has_written_within(limit) => {
                return Ok(());
            }
            received => self.hold_last(received?),
        };
        // Only what was delivered before these lines arrived can have been read.
        let says_something = !requests.iter().all(is_control);
        let read = says_something.then(|| self.answering.take_unread());
        self.serve_lines(requests.into_iter(), read.flatten())
    }

    /// Holds back the last lines if they are no messages. Returns the lines before them, held ones
    /// first.
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
            let people = self.context.directory.people();
            let plan = Plan::new(&mut requests, |to| {
                let to = people.recipient(to)?;
                if let Target::Group(group) = &to {
                    self.budget.charge(cost::fan_out(people.size(group)));
                }
                Some(to)
            });
            drop(people);
            self.report(&plan.discarded);
            self.count_stored(&plan.drafts, read.is_some())?;
            let entry = self.entry(plan.drafts, read.take());
            let is_nothing = entry.drafts.is_empty() && entry.reads.is_empty();
            let is_last = requests.peek().is_none();
            if is_last && !is_nothing && self.can_be_answered_later(&entry.drafts) {
                self.answering.answer_later(plan.answers);
                self.context.committer.submit(entry, self.answering.clone());
                return Ok(());
            }
            let outcomes = match is_nothing {
                true => {
                    // What the user has just read in another session is not given again.
                    self.context.committer.settle();
                    Vec::new()
                }
                false => self.context.committer.write(entry)?,
            };
            check(&self.login, &outcomes).map_err(Failure::MailboxFull)?;
            self.answer(&plan.answers, &outcomes)?;
        }
        Ok(())
    }

    /// Counts what is about to be stored, if the user's quota has room for it.
    fn count_stored(&self, drafts: &[Draft], has_read: bool) -> Result<(), Failure> {
        for draft in drafts {
            let bytes = stored::message(draft.tag.as_ref(), None, &draft.text);
            self.budget.store(bytes).map_err(|refusal| {
                self.budget.note(refusal);
                Failure::OverBudget(refusal)
            })?;
        }
        if has_read {
            self.budget.add_stored(stored::READ);
        }
        Ok(())
    }

    /// Whether the thread that delivers the commit can write the answers. It cannot wait for the
    /// client or the disk, so the answers must be short and in memory: the messages that wait now,
    /// and none of the drafts.
    fn can_be_answered_later(&self, drafts: &[Draft]) -> bool {
        let own = Target::User(self.login.clone());
        self.connection.framing() == Some(Framing::Line)
            && !drafts.iter().any(|draft| draft.to == own)
            && self
                .context
                .mailboxes
                .is_at_hand(&self.login, self.answering.delivered())
    }

    /// Returns when everything that is pending has been written.
    fn finish_answers(&mut self) -> Result<(), Failure> {
        let place = self.connection.place();
        let rest = self.answering.finish(|| place.hung_up())?;
        self.connection.write(&rest)?;
        Ok(())
    }

    fn report(&self, discarded: &[Discarded]) {
        self.context.counters().discarded(discarded.len());
        let login = &self.login;
        for discarded in discarded {
            match discarded {
                Discarded::NotAMessage => info!("a line of {login} is no message"),
                Discarded::UnknownRecipient(to) => {
                    info!("a message from {login} discarded: there is no user {to}");
                }
            }
        }
    }

    /// The entry to make durable: what the client sent, and how far it has read.
    fn entry(&self, drafts: Vec<Draft>, read: Option<MessageId>) -> Entry {
        Entry {
            from: self.login.clone(),
            device: None,
            reads: read.map(|up_to| Read::All { up_to }).into_iter().collect(),
            sets: Vec::new(),
            drafts,
        }
    }

    /// Answers lines whose messages have these outcomes: the new messages, one at a time, then the
    /// end mark.
    fn answer(&mut self, answers: &[Answer], outcomes: &[Outcome]) -> Result<(), Failure> {
        let Context {
            mailboxes,
            messages,
            ..
        } = &*self.context;
        // Messages that arrive while the answers are written belong to later ones.
        let newest = mailboxes.newest(&self.login).unwrap_or_default();
        let mut delivered = self.answering.delivered();
        for answer in answers {
            let last = answer.last(outcomes).min(newest);
            let range = (delivered, last);
            while delivered < last {
                let turn = self.context.backlog_turn.lock();
                let chunk = mailboxes.peek(messages, &self.login, (delivered, last), CHUNK)?;
                drop(turn);
                for message in &chunk {
                    let text = current_text(&self.context, &self.login, message, range)?;
                    if let Some(text) = text {
                        self.connection
                            .send(|line| write_text(message, &text, line))?;
                    }
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

    /// After an orderly close: stores what has been read, and answers the last lines, because the
    /// client may have closed only its own side.
    fn leave(&mut self) -> Result<(), Failure> {
        self.settle()?;
        if !self.held.is_empty() {
            let held = mem::take(&mut self.held);
            self.serve_lines(held.into_iter(), None)?;
            self.settle()?;
        }
        Ok(())
    }

    /// After an orderly close: what was delivered and received has been read (rule S9).
    fn settle(&mut self) -> Result<(), Failure> {
        self.finish_answers()?;
        let last_write = self.answering.last_write();
        if let Some(unread) = self.answering.take_unread()
            && self.connection.was_read(last_write)
        {
            let entry = self.entry(Vec::new(), Some(unread));
            self.context.committer.write(entry)?;
        }
        Ok(())
    }
}

fn is_control(request: &Request) -> bool {
    *request == Request::Control
}
