//! The progress of a classic session's answers, and answers that wait until an entry is durable.
//! The thread that delivers the commit writes those, so that the session's thread need not be woken
//! up for it: it already waits for the next line.

use std::{
    io::ErrorKind,
    mem,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use mensageiro_protocol::{Framing, Login, classic::END};
use parking_lot::{Condvar, Mutex};

use super::{
    failure::{Failure, check},
    lines::write_delivery,
    rules::Answer,
};
use crate::{
    clients::{Ended, Progress, SendQueue, Stuck},
    commit::{Origin, Refused},
    context::Context,
    model::message::{MessageId, Tag},
    net::transport::Transport,
    state::Outcome,
};

/// How long to wait for the commit before checking whether the server has hung up.
const LOOK: Duration = Duration::from_secs(1);

/// Bytes that are reserved for a line besides the text.
const USUAL_LINE: usize = 32;

/// See the module.
pub(super) struct Answering {
    context: Arc<Context>,
    login: Login,
    state: Mutex<State>,
    /// Signals that nothing is pending any more.
    answered: Condvar,
    /// A reference to itself, for the write retry.
    own: Weak<Self>,
}

struct State {
    /// The newest message that was delivered.
    delivered: MessageId,
    /// The newest message that was delivered and not read yet.
    unread: Option<MessageId>,
    pending: Option<Pending>,
    /// Somebody waits until nothing is pending. Signalling without a waiter would cost a system
    /// call.
    is_awaited: bool,
    /// What the client has not taken at once.
    queue: SendQueue,
    broken: Option<Broken>,
}

struct Pending {
    answers: Vec<Answer>,
    /// The outcomes of the messages of their lines.
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
    pub(super) fn new(context: Arc<Context>, login: Login, transport: Arc<Transport>) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            context,
            login,
            state: Mutex::new(State {
                delivered: MessageId(0),
                unread: None,
                pending: None,
                is_awaited: false,
                queue: SendQueue::new(transport),
                broken: None,
            }),
            answered: Condvar::new(),
            own: own.clone(),
        })
    }

    /// The newest message that was delivered.
    pub(super) fn delivered(&self) -> MessageId {
        self.state.lock().delivered
    }

    /// Notes that the session's own thread has delivered everything up to a message.
    pub(super) fn set_delivered(&self, up_to: MessageId) {
        let mut state = self.state.lock();
        if up_to > state.delivered {
            state.unread = Some(up_to);
            state.delivered = up_to;
        }
    }

    /// The newest message that was delivered, returned once: it counts as read.
    pub(super) fn take_unread(&self) -> Option<MessageId> {
        self.state.lock().unread.take()
    }

    /// When pending output was last written.
    pub(super) fn last_write(&self) -> Option<Instant> {
        self.state.lock().queue.written_at()
    }

    /// Whether pending output was written within this time.
    pub(super) fn has_written_within(&self, limit: Duration) -> bool {
        let written_at = self.state.lock().queue.written_at();
        written_at.is_some_and(|at| at.elapsed() < limit)
    }

    /// Has these answers written when the next entry is durable.
    pub(super) fn answer_later(&self, answers: Vec<Answer>) {
        self.state.lock().pending = Some(Pending {
            answers,
            outcomes: Vec::new(),
        });
    }

    /// Waits until nothing is pending, and returns what the client has not taken of it.
    ///
    /// # Errors
    /// When the entry was refused, or pending output could not be written.
    pub(super) fn finish(&self, hung_up: impl Fn() -> bool) -> Result<Vec<u8>, Failure> {
        let mut state = self.state.lock();
        while state.pending.is_some() {
            if hung_up() {
                return Err(Failure::Ended(Ended::HungUp));
            }
            state.is_awaited = true;
            let _ = self.answered.wait_for(&mut state, LOOK);
        }
        match state.broken.clone() {
            None => Ok(state.queue.take()),
            Some(Broken::Refused(refused)) => Err(refused.into()),
            Some(Broken::MailboxFull(full)) => Err(Failure::MailboxFull(full)),
            Some(Broken::Write(kind)) => Err(Failure::Broken(kind.into())),
        }
    }

    /// Notes that the session has ended: nobody writes any more, and references to it are dropped.
    pub(super) fn end(&self) {
        let mut state = self.state.lock();
        state.pending = None;
        state.queue.clear();
        state.broken = Some(Broken::Write(ErrorKind::NotConnected));
    }

    /// Writes pending answers, as far as they are in memory. The rest belongs to the next answer.
    fn answer(&self, state: &mut State, pending: &Pending) {
        let messages = self.context.mailboxes.at_hand(&self.login, state.delivered);
        let texts: usize = messages.iter().map(|one| one.text.len() + USUAL_LINE).sum();
        let State {
            delivered,
            unread,
            queue,
            ..
        } = &mut *state;
        let out = queue.bytes();
        out.reserve(texts + 2 * pending.answers.len());
        let end = Framing::Line.terminator().as_bytes();
        let mut messages = messages.iter().peekable();
        for answer in &pending.answers {
            let last = answer.last(&pending.outcomes);
            while let Some(message) = messages.next_if(|one| one.id <= last) {
                write_delivery(message, out);
                out.extend_from_slice(end);
                *delivered = message.id;
                *unread = Some(message.id);
            }
            out.extend_from_slice(END);
            out.extend_from_slice(end);
        }
        if state.broken.is_some() {
            return state.queue.clear();
        }
        if let Progress::Broken(kind) = state.queue.write() {
            Self::hang_up(state, Broken::Write(kind));
        }
    }

    /// Breaks the connection. The session's thread notices it.
    fn hang_up(state: &mut State, why: Broken) {
        state.broken = Some(why);
        state.queue.clear();
        state.queue.transport().hang_up();
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
                Self::hang_up(&mut state, broken);
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
        if state.queue.waiting() > 0 && !state.queue.is_retried() {
            let own = self.own.upgrade().map(|own| own as _);
            state.queue.hand_over(own, &self.context.retry);
        }
        self.tell_answered(&mut state);
    }

    fn key(&self) -> Option<u64> {
        None
    }
}

impl Stuck for Answering {
    fn retry(&self, patience: Duration) -> Option<usize> {
        let mut state = self.state.lock();
        match state.queue.retry(patience) {
            Progress::Done => None,
            Progress::Stuck if state.broken.is_some() => None,
            Progress::Stuck => Some(state.queue.memory()),
            Progress::Broken(kind) => {
                Self::hang_up(&mut state, Broken::Write(kind));
                None
            }
        }
    }

    fn login(&self) -> &Login {
        &self.login
    }

    fn give_up(&self) {
        let mut state = self.state.lock();
        Self::hang_up(&mut state, Broken::Write(ErrorKind::TimedOut));
    }
}
