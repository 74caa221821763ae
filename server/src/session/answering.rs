//! How far the answers of a classic session have come, and answers that are pending until an entry is
//! durable. Those are written by whoever tells of the commit, so that the session's thread need not be
//! woken up for it: it waits for the next line already.

use std::{
    io::ErrorKind,
    mem,
    net::{Shutdown, TcpStream},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use mensageiro_protocol::{Framing, Login, classic::END};
use parking_lot::{Condvar, Mutex};
use tracing::debug;

use super::{Failure, check, write_delivery};
use crate::{
    commit::{Origin, Refused},
    connection,
    context::Context,
    live::{Job, Stuck},
    model::message::{MessageId, Tag},
    rules::Answer,
    state::Outcome,
};

/// How long to wait for the commit before looking whether the server has hung up.
const LOOK: Duration = Duration::from_secs(1);

/// Room for what stands beside the text of a message.
const USUAL_LINE: usize = 32;

/// See the module.
pub(super) struct Answering {
    context: Arc<Context>,
    login: Login,
    stream: Arc<TcpStream>,
    state: Mutex<State>,
    /// Nothing is pending any more, and somebody waits for that.
    answered: Condvar,
    /// Itself, to be handed to the flusher.
    own: Weak<Self>,
}

#[derive(Default)]
struct State {
    /// The newest message that was delivered.
    delivered: MessageId,
    /// The newest message that was delivered and has not been read.
    unread: Option<MessageId>,
    pending: Option<Pending>,
    /// Somebody waits until nothing is pending. Telling when nobody does would cost a call of the system.
    is_awaited: bool,
    /// What the client has not taken at once.
    rest: Vec<u8>,
    is_with_flusher: bool,
    /// When the system last took something that was pending.
    written_at: Option<Instant>,
    /// Since when it takes nothing.
    stuck_since: Option<Instant>,
    broken: Option<Broken>,
}

struct Pending {
    answers: Vec<Answer>,
    /// What became of the messages of their lines.
    outcomes: Vec<Outcome>,
}

/// Why nothing more can be answered.
#[derive(Clone)]
enum Broken {
    Refused(Refused),
    MailboxFull(Login),
    Write(ErrorKind),
}

impl Answering {
    pub(super) fn new(context: Arc<Context>, login: Login, stream: Arc<TcpStream>) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            context,
            login,
            stream,
            state: Mutex::default(),
            answered: Condvar::new(),
            own: own.clone(),
        })
    }

    /// The newest message that was delivered.
    pub(super) fn delivered(&self) -> MessageId {
        self.state.lock().delivered
    }

    /// The session's own thread has delivered everything up to a message.
    pub(super) fn set_delivered(&self, up_to: MessageId) {
        let mut state = self.state.lock();
        if up_to > state.delivered {
            state.unread = Some(up_to);
            state.delivered = up_to;
        }
    }

    /// The newest message that was delivered, once: it counts as read.
    pub(super) fn take_unread(&self) -> Option<MessageId> {
        self.state.lock().unread.take()
    }

    /// When something that was pending was last written.
    pub(super) fn last_write(&self) -> Option<Instant> {
        self.state.lock().written_at
    }

    /// Whether something that was pending was written not longer ago than this.
    pub(super) fn has_written_within(&self, limit: Duration) -> bool {
        let written_at = self.state.lock().written_at;
        written_at.is_some_and(|at| at.elapsed() < limit)
    }

    /// These answers are written when the entry that is submitted next is durable.
    pub(super) fn answer_later(&self, answers: Vec<Answer>) {
        self.state.lock().pending = Some(Pending {
            answers,
            outcomes: Vec::new(),
        });
    }

    /// Waits until nothing is pending, and returns what the client has not taken of it.
    ///
    /// # Errors
    /// When the entry was refused, or what was pending could not be written.
    pub(super) fn finish(&self, hung_up: impl Fn() -> bool) -> Result<Vec<u8>, Failure> {
        let mut state = self.state.lock();
        while state.pending.is_some() {
            if hung_up() {
                return Err(Failure::Ended(connection::Ended::HungUp));
            }
            state.is_awaited = true;
            let _ = self.answered.wait_for(&mut state, LOOK);
        }
        state.stuck_since = None;
        match state.broken.clone() {
            None => Ok(mem::take(&mut state.rest)),
            Some(Broken::Refused(refused)) => Err(refused.into()),
            Some(Broken::MailboxFull(full)) => Err(Failure::MailboxFull(full)),
            Some(Broken::Write(kind)) => Err(Failure::Broken(kind.into())),
        }
    }

    /// The session has ended: nobody writes any more, and whoever still holds this lets go of it.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        state.pending = None;
        state.rest = Vec::new();
        state.broken = Some(Broken::Write(ErrorKind::NotConnected));
    }

    /// Writes what is pending, as much of it as is in memory: what is left belongs to the next answer.
    fn answer(&self, state: &mut State, pending: &Pending) {
        let messages = self.context.mailboxes.at_hand(&self.login, state.delivered);
        let texts: usize = messages.iter().map(|one| one.text.len() + USUAL_LINE).sum();
        let mut out = Vec::with_capacity(texts + 2 * pending.answers.len());
        let end = Framing::Line.terminator().as_bytes();
        let mut messages = messages.iter().peekable();
        for answer in &pending.answers {
            let last = answer.last(&pending.outcomes);
            while let Some(message) = messages.next_if(|one| one.id <= last) {
                write_delivery(message, &mut out);
                out.extend_from_slice(end);
                state.delivered = message.id;
                state.unread = Some(message.id);
            }
            out.extend_from_slice(END);
            out.extend_from_slice(end);
        }
        let written = self.write(state, &out);
        if written < out.len() && state.broken.is_none() {
            out.drain(..written);
            state.rest = out;
        }
    }

    /// Writes without waiting. Returns how much the client has taken.
    fn write(&self, state: &mut State, bytes: &[u8]) -> usize {
        let mut written = 0;
        while written < bytes.len() && state.broken.is_none() {
            match connection::write_now(&self.stream, &bytes[written..]) {
                Ok(count) if count > 0 => {
                    written += count;
                    state.written_at = Some(Instant::now());
                    state.stuck_since = None;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    state.stuck_since.get_or_insert_with(Instant::now);
                    break;
                }
                Err(error) => self.hang_up(state, Broken::Write(error.kind())),
                Ok(_) => self.hang_up(state, Broken::Write(ErrorKind::WriteZero)),
            }
        }
        written
    }

    /// Breaks the connection, which the session's thread notices.
    fn hang_up(&self, state: &mut State, why: Broken) {
        state.broken = Some(why);
        state.rest = Vec::new();
        if let Err(error) = self.stream.shutdown(Shutdown::Both) {
            debug!("{} had left: {error}", self.login);
        }
    }

    fn tell_answered(&self, state: &mut State) {
        if mem::take(&mut state.is_awaited) {
            self.answered.notify_one();
        }
    }
}

impl Origin for Answering {
    fn done(&self, _: &[Option<Tag>], outcome: Result<&[Outcome], Refused>) {
        let mut state = self.state.lock();
        let outcomes = outcome.map_err(Broken::Refused).and_then(|outcomes| {
            let checked = check(&self.login, outcomes);
            checked.map_err(Broken::MailboxFull).map(|()| outcomes)
        });
        match outcomes {
            Ok(outcomes) => {
                if let Some(pending) = &mut state.pending {
                    pending.outcomes = outcomes.to_vec();
                }
            }
            Err(broken) => {
                state.pending = None;
                self.hang_up(&mut state, broken);
                self.tell_answered(&mut state);
            }
        }
    }

    fn flush(&self) {
        let mut state = self.state.lock();
        let Some(pending) = state.pending.take() else {
            return;
        };
        self.answer(&mut state, &pending);
        if !state.rest.is_empty() && !state.is_with_flusher {
            let handed = self.own.upgrade().map(|own| Job::Flush(own));
            // Its channel has room for every connection there may be.
            state.is_with_flusher =
                handed.is_some_and(|job| self.context.flusher.try_send(job).is_ok());
        }
        self.tell_answered(&mut state);
    }

    fn key(&self) -> Option<u64> {
        None
    }
}

impl Stuck for Answering {
    fn retry(&self, patience: Duration) -> bool {
        let mut state = self.state.lock();
        let mut rest = mem::take(&mut state.rest);
        let written = self.write(&mut state, &rest);
        let is_stuck = written < rest.len() && state.broken.is_none();
        if is_stuck {
            rest.drain(..written);
            state.rest = rest;
            if state
                .stuck_since
                .is_some_and(|since| since.elapsed() > patience)
            {
                self.hang_up(&mut state, Broken::Write(ErrorKind::TimedOut));
            }
        }
        state.is_with_flusher = is_stuck && state.broken.is_none();
        state.is_with_flusher
    }
}
