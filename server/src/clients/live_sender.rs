//! The sending side of a live session: the only way to write to its client.

use std::{
    fmt,
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use crossbeam_channel::Sender;
use mensageiro_protocol::{
    Login,
    live::{self, Bye, ByeCode, Event, RefusalCode},
};
use parking_lot::{Condvar, Mutex};
use tracing::info;

use super::{
    registry::Farewell,
    send_queue::{Progress, SendQueue},
    write_retry::{Job, Stuck},
};
use crate::{
    commit::{Origin, Refused},
    model::message::{Message, MessageId, Tag},
    net::transport::Transport,
    state::{Outcome, Refusal},
};

/// The most bytes that may wait for one client. A client that is further behind gets `bye` and
/// resumes later.
pub const QUEUE_BYTES: usize = 1024 * 1024;

/// While more than this waits for a client, nothing that can wait is appended.
const ENOUGH_BYTES: usize = 64 * 1024;

/// So much is not written as long as more may be appended.
const FEW_BYTES: usize = 4 * 1024;

/// How long to wait for room at a time, should the write retry be busy.
const PAUSE: Duration = Duration::from_secs(1);

/// What a client is told that does not take what is sent to it.
const TOO_MUCH: &str = "too much was waiting for you";

/// The sending side of a live session. Any thread with lines for the client, its own or the one
/// that commits, appends whole lines and flushes. Nobody ever waits for the client.
#[derive(Debug)]
pub struct LiveSender {
    key: u64,
    login: Login,
    /// Its client knows messages that change others (rule V17).
    knows_changes: bool,
    queue: Mutex<Queue>,
    /// Notified when there is room, or the session ends.
    written: Condvar,
    /// Something was appended and not written. Only the holder of the queue changes it.
    is_touched: AtomicBool,
    /// The client wants to know what the user's other sessions set.
    wants_settings: AtomicBool,
    retry: Sender<Job>,
    /// A reference to itself, for the write retry.
    own: Weak<Self>,
}

#[derive(Debug)]
struct Queue {
    waiting: SendQueue,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The session's own thread is writing the backlog, past the queue.
    CatchingUp,
    /// Everything newer than this is pushed.
    Live(MessageId),
    /// `bye` is in the queue, and nothing follows it.
    Closing,
    /// The connection is gone.
    Closed,
}

static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

impl LiveSender {
    /// For a session that is about to write its backlog.
    pub fn new(
        login: Login,
        knows_changes: bool,
        transport: Arc<Transport>,
        retry: Sender<Job>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            key: NEXT_KEY.fetch_add(1, Ordering::Relaxed),
            login,
            knows_changes,
            queue: Mutex::new(Queue {
                waiting: SendQueue::new(transport),
                state: State::CatchingUp,
            }),
            written: Condvar::new(),
            is_touched: AtomicBool::new(false),
            wants_settings: AtomicBool::new(false),
            retry,
            own: own.clone(),
        })
    }

    /// A number that is unique to this session.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// The session's user.
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// From now on the session is told what the user's other sessions set.
    pub fn want_settings(&self) {
        self.wants_settings.store(true, Ordering::SeqCst);
    }

    /// Whether the session is told what the user's other sessions set.
    pub fn wants_settings(&self) -> bool {
        self.wants_settings.load(Ordering::SeqCst)
    }

    /// Whether its client knows messages that change others (rule V17).
    pub fn knows_changes(&self) -> bool {
        self.knows_changes
    }

    /// Whether lines can be appended now.
    pub fn is_live(&self) -> bool {
        matches!(self.queue.lock().state, State::Live(_))
    }

    /// Whether nothing can be sent any more, or the client is found to be gone.
    pub fn has_ended(&self) -> bool {
        let queue = self.queue.lock();
        matches!(queue.state, State::Closing | State::Closed)
            || queue.waiting.transport().is_broken()
    }

    /// From now on [`LiveSender::push`] appends everything after `cursor`. If `newest` says that
    /// there is something newer already, that still belongs to the backlog. Returns whether the
    /// session is live.
    pub fn go_live(&self, cursor: MessageId, newest: impl FnOnce() -> MessageId) -> bool {
        let mut queue = self.queue.lock();
        if queue.state == State::CatchingUp && newest() <= cursor {
            queue.state = State::Live(cursor);
        }
        queue.state != State::CatchingUp
    }

    /// Appends the lines of new messages, each without its line end, except those in the backlog, and those of which
    /// `write` writes nothing.
    /// After `true` the caller must call [`LiveSender::flush`]; `false`: nothing was appended, or
    /// somebody else will flush.
    pub fn push(
        &self,
        messages: &[Message],
        mut write: impl FnMut(&Message, &mut Vec<u8>),
    ) -> bool {
        let mut queue = self.queue.lock();
        let mut is_told = false;
        for message in messages {
            match queue.state {
                State::Live(told) if told < message.id => queue.state = State::Live(message.id),
                _ => continue,
            }
            is_told |= self.append(&mut queue, |line| write(message, line));
        }
        is_told && self.touch()
    }

    /// Appends a line, without its line end, if the session is live. After `true` the caller must
    /// call [`LiveSender::flush`].
    pub fn tell(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut queue = self.queue.lock();
        if !matches!(queue.state, State::Live(_)) {
            return false;
        }
        self.append(&mut queue, write);
        self.touch()
    }

    /// Appends one line for each of several things (see [`LiveSender::tell`]).
    fn tell_all<T>(&self, things: impl Iterator<Item = T>, mut write: impl FnMut(T, &mut Vec<u8>)) {
        let mut queue = self.queue.lock();
        let mut is_told = false;
        for thing in things {
            if !matches!(queue.state, State::Live(_)) {
                break;
            }
            self.append(&mut queue, |line| write(thing, line));
            is_told = true;
        }
        if is_told {
            self.touch();
        }
    }

    /// Appends an event (see [`LiveSender::tell`]).
    pub fn tell_event(&self, event: &Event) -> bool {
        self.tell(|line| event.encode(line))
    }

    /// Appends a line, unless nothing is written. Returns whether there is one.
    fn append(&self, queue: &mut Queue, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let bytes = queue.waiting.bytes();
        let before = bytes.len();
        write(bytes);
        if bytes.len() == before {
            return false;
        }
        bytes.push(b'\n');
        if queue.waiting.waiting() > QUEUE_BYTES {
            info!("{} does not take what is sent to it", self.login);
            queue.say_bye(Bye::new(ByeCode::Slow, TOO_MUCH));
            self.written.notify_all();
        }
        true
    }

    /// To be called with the queue held, after appending. Returns whether nobody else is going to
    /// flush.
    fn touch(&self) -> bool {
        !self.is_touched.swap(true, Ordering::AcqRel)
    }

    /// How many bytes wait.
    pub fn waiting(&self) -> usize {
        self.queue.lock().waiting.waiting()
    }

    /// Whether so little waits that something long may be appended.
    pub fn has_room(&self) -> bool {
        self.waiting() <= ENOUGH_BYTES
    }

    /// For the session's own thread: a client that requests more than it reads waits for itself.
    /// Returns whether lines can still be sent. Writes what waits unless that is little.
    pub fn wait_for_room(&self) -> bool {
        loop {
            if self.waiting() > FEW_BYTES {
                self.flush();
            }
            let mut queue = self.queue.lock();
            if !matches!(queue.state, State::Live(_)) {
                return false;
            }
            if queue.waiting.waiting() <= ENOUGH_BYTES {
                return true;
            }
            // Whoever writes says so.
            self.written.wait_for(&mut queue, PAUSE);
        }
    }

    /// Writes as much as the client takes without waiting. The write retry does the rest.
    pub fn flush(&self) {
        // A thread sees its own appends; other threads flush theirs.
        if !self.is_touched.load(Ordering::Acquire) {
            return;
        }
        let mut queue = self.queue.lock();
        if queue.waiting.is_retried() || self.write(&mut queue) {
            return;
        }
        let own = self.own.upgrade().map(|own| own as _);
        queue.waiting.hand_over(own, &self.retry);
    }

    /// Returns whether nothing waits any more, or nothing can ever be written.
    fn write(&self, queue: &mut Queue) -> bool {
        if queue.state == State::CatchingUp {
            return true;
        }
        self.is_touched.store(false, Ordering::Release);
        let progress = queue.waiting.write();
        self.has_written(queue, progress)
    }

    fn has_written(&self, queue: &mut Queue, progress: Progress) -> bool {
        if progress != Progress::Stuck || queue.waiting.waiting() <= ENOUGH_BYTES {
            self.written.notify_all();
        }
        match progress {
            Progress::Stuck => return false,
            Progress::Done if queue.state != State::Closing => {}
            Progress::Done | Progress::Broken(_) => hang_up(queue),
        }
        true
    }
}

impl Farewell for LiveSender {
    fn close(&self, bye: Bye) {
        let mut queue = self.queue.lock();
        match queue.state {
            State::Live(_) => queue.say_bye(bye),
            // Its own thread is in the middle of a line.
            State::CatchingUp => return hang_up(&mut queue),
            State::Closing | State::Closed => {}
        }
        if !self.write(&mut queue) {
            hang_up(&mut queue);
        }
    }
}

/// Breaks the connection. The session's own thread notices it.
fn hang_up(queue: &mut Queue) {
    queue.state = State::Closed;
    queue.waiting.clear();
    queue.waiting.transport().hang_up();
}

impl Queue {
    fn say_bye(&mut self, bye: Bye) {
        let bytes = self.waiting.bytes();
        Event::Bye(bye).encode(bytes);
        bytes.push(b'\n');
        self.state = State::Closing;
    }
}

impl Stuck for LiveSender {
    fn retry(&self, patience: Duration) -> Option<usize> {
        let mut queue = self.queue.lock();
        self.is_touched.store(false, Ordering::Release);
        let progress = queue.waiting.retry(patience);
        let is_stuck = !self.has_written(&mut queue, progress);
        is_stuck.then(|| queue.waiting.memory())
    }

    fn login(&self) -> &Login {
        &self.login
    }

    fn give_up(&self) {
        self.close(Bye::new(ByeCode::Slow, TOO_MUCH));
    }
}

impl Origin for LiveSender {
    fn done(&self, tags: &[Option<Tag>], outcome: Result<&[Outcome], Refused>) {
        let told = match outcome {
            Ok(outcomes) => tags.iter().zip(outcomes),
            Err(refused) => {
                let refused = |tag: &Option<Tag>| no(tag, RefusalCode::Internal, &refused);
                let refused = tags.iter().map(refused);
                return self.tell_all(refused, |refused, line| refused.encode(line));
            }
        };
        // A sender without tags is told only about refusals.
        let told =
            told.filter(|(tag, outcome)| tag.is_some() || matches!(outcome, Outcome::Refused(_)));
        self.tell_all(told, |(tag, outcome), line| match outcome {
            Outcome::Accepted { id, sent_at } | Outcome::Repeat { id, sent_at } => {
                if let Some(tag) = tag {
                    live::Accepted::write(tag, id.0, sent_at.as_millisecond(), line);
                }
            }
            Outcome::Refused(refusal) => {
                info!("a message from {} is not accepted: {refusal}", self.login);
                no(tag, code(refusal), refusal).encode(line);
            }
        });
    }

    fn flush(&self) {
        self.flush();
    }

    fn key(&self) -> Option<u64> {
        Some(self.key)
    }
}

/// Why a message is refused (rule V4).
fn no(tag: &Option<Tag>, code: RefusalCode, detail: &dyn fmt::Display) -> Event {
    Event::Refused(live::Refused {
        tag: tag.clone(),
        code,
        detail: detail.to_string(),
        retry_after: None,
    })
}

fn code(refusal: &Refusal) -> RefusalCode {
    match refusal {
        Refusal::MailboxFull(_) => RefusalCode::MailboxFull,
        Refusal::NoGroup(_) => RefusalCode::UnknownRecipient,
        Refusal::NotAMember(_) => RefusalCode::NotAMember,
        Refusal::TagUsed(_) => RefusalCode::TagUsed,
        Refusal::TagOld(_) => RefusalCode::TagOld,
    }
}
