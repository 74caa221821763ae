//! What waits to be written to one live client, and the only way to write it.

use std::{
    fmt, io,
    net::{Shutdown, TcpStream},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crossbeam_channel::Sender;
use mensageiro_protocol::{
    Login,
    live::{self, Bye, ByeCode, Event, RefusalCode},
};
use parking_lot::Mutex;
use socket2::SockRef;
use tracing::info;

use super::flusher::{Job, Stuck};
use crate::{
    commit::{Origin, Refused},
    connection::{CAN_WRITE_AT_ONCE, write_now},
    model::message::{Message, MessageId, Tag},
    state::{Outcome, Refusal},
};

/// What may wait for one client. One who is further behind is told `bye` and resumes later.
pub const QUEUE_BYTES: usize = 1024 * 1024;

/// With more than this waiting for a client, nothing that can wait is appended until it has taken
/// some.
const ENOUGH_BYTES: usize = 256 * 1024;

/// How long to wait for that at a time.
const PAUSE: Duration = Duration::from_millis(5);

/// How long a write may wait where there is none that does not.
const LONGEST_WRITE: Duration = Duration::from_millis(100);

/// A queue that is empty keeps at most this much memory.
const KEPT_BYTES: usize = 4 * 1024;

/// The sending side of a live session. Whoever has something for the client, its own thread or
/// the journal's, appends whole lines and flushes; nobody ever waits for the client.
#[derive(Debug)]
pub struct Outlet {
    key: u64,
    login: Login,
    stream: Arc<TcpStream>,
    queue: Mutex<Queue>,
    /// Something was appended and not written; changed by who holds the queue.
    is_touched: AtomicBool,
    flusher: Sender<Job>,
    /// Itself, to be handed to the flusher.
    own: Weak<Self>,
}

#[derive(Debug)]
struct Queue {
    bytes: Vec<u8>,
    /// How much of `bytes` is written.
    written: usize,
    state: State,
    /// Since when nothing could be written, if it is so.
    stuck_since: Option<Instant>,
    /// The flusher has it.
    is_with_flusher: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The session's own thread is writing the backlog, past the queue.
    CatchingUp,
    /// Everything is told that is newer than this.
    Live(MessageId),
    /// `bye` is in the queue; nothing follows it.
    Closing,
    /// The connection is gone.
    Closed,
}

static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

impl Outlet {
    /// For a session that is about to write its backlog.
    pub fn new(login: Login, stream: Arc<TcpStream>, flusher: Sender<Job>) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            key: NEXT_KEY.fetch_add(1, Ordering::Relaxed),
            login,
            stream,
            queue: Mutex::new(Queue {
                bytes: Vec::new(),
                written: 0,
                state: State::CatchingUp,
                stuck_since: None,
                is_with_flusher: false,
            }),
            is_touched: AtomicBool::new(false),
            flusher,
            own: own.clone(),
        })
    }

    /// Tells sessions apart.
    pub fn key(&self) -> u64 {
        self.key
    }

    /// Whose session it is.
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// The socket.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Whether the connection is gone.
    pub fn is_closed(&self) -> bool {
        self.queue.lock().state == State::Closed
    }

    /// Whether the client is told things, and not on its way out.
    pub fn is_live(&self) -> bool {
        matches!(self.queue.lock().state, State::Live(_))
    }

    /// From now on everything after `cursor` is told by [`Outlet::push`], unless there is
    /// something newer already, by `newest`: then that belongs to the backlog still. Returns
    /// whether the session is live.
    pub fn go_live(&self, cursor: MessageId, newest: impl FnOnce() -> MessageId) -> bool {
        let mut queue = self.queue.lock();
        if queue.state == State::CatchingUp && newest() <= cursor {
            queue.state = State::Live(cursor);
        }
        queue.state != State::CatchingUp
    }

    /// Appends the lines of new messages, each without its end, but for those that the backlog
    /// holds. Whoever gets `true` has to [`Outlet::flush`]; `false`: nothing was appended, or
    /// somebody will.
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
            self.append(&mut queue, |line| write(message, line));
            is_told = true;
        }
        is_told && self.touch()
    }

    /// Appends a line, without its end, once the session is live. Whoever gets `true` has to
    /// [`Outlet::flush`].
    pub fn tell(&self, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut queue = self.queue.lock();
        if !matches!(queue.state, State::Live(_)) {
            return false;
        }
        self.append(&mut queue, write);
        self.touch()
    }

    /// Appends a line for each of several things (see [`Outlet::tell`]).
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

    /// Appends an event (see [`Outlet::tell`]).
    pub fn tell_event(&self, event: &Event) -> bool {
        self.tell(|line| event.encode(line))
    }

    fn append(&self, queue: &mut Queue, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut queue.bytes);
        queue.bytes.push(b'\n');
        if queue.waiting() > QUEUE_BYTES {
            info!("{} does not take what is sent to it", self.login);
            queue.say_bye(ByeCode::Slow, "too much was waiting for you");
        }
    }

    /// For who has appended something and holds the queue still. Returns whether nobody else is
    /// going to flush.
    fn touch(&self) -> bool {
        !self.is_touched.swap(true, Ordering::AcqRel)
    }

    /// How many bytes wait.
    pub fn waiting(&self) -> usize {
        self.queue.lock().waiting()
    }

    /// Whether so little waits that something long may be appended.
    pub fn has_room(&self) -> bool {
        self.waiting() <= ENOUGH_BYTES
    }

    /// For the session's own thread: a client that asks for more than it takes waits for itself.
    /// Returns whether anything can still be told.
    pub fn wait_for_room(&self) -> bool {
        self.flush();
        while self.is_live() && !self.has_room() {
            std::thread::sleep(PAUSE);
        }
        self.is_live()
    }

    /// Writes what waits, as far as the client takes it without waiting; the flusher does the
    /// rest.
    pub fn flush(&self) {
        // What this thread appended, it sees; what others did, they flush.
        if !self.is_touched.load(Ordering::Acquire) {
            return;
        }
        let mut queue = self.queue.lock();
        if queue.is_with_flusher || self.write(&mut queue) {
            return;
        }
        let handed = self.own.upgrade().map(|own| Job::Flush(own));
        // Its channel has room for every connection there may be.
        queue.is_with_flusher = handed.is_some_and(|job| self.flusher.try_send(job).is_ok());
    }

    /// Returns whether nothing waits any more, or nothing can be written ever.
    fn write(&self, queue: &mut Queue) -> bool {
        if queue.state == State::CatchingUp {
            return true;
        }
        self.is_touched.store(false, Ordering::Release);
        while queue.written < queue.bytes.len() {
            match write_now(&self.stream, &queue.bytes[queue.written..]) {
                Ok(count) if count > 0 => {
                    queue.written += count;
                    queue.stuck_since = None;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    queue.stuck_since.get_or_insert_with(Instant::now);
                    let written = std::mem::take(&mut queue.written);
                    queue.bytes.drain(..written);
                    return false;
                }
                _ => {
                    self.hang_up(queue);
                    return true;
                }
            }
        }
        queue.clear();
        if queue.state == State::Closing {
            self.hang_up(queue);
        }
        true
    }

    /// Ends the session with a reason, which a client that takes what waits gets to know.
    pub fn close(&self, code: ByeCode, detail: &str) {
        let mut queue = self.queue.lock();
        match queue.state {
            State::Live(_) => queue.say_bye(code, detail),
            // Its own thread is in the middle of a line.
            State::CatchingUp => return self.hang_up(&mut queue),
            State::Closing | State::Closed => {}
        }
        if !CAN_WRITE_AT_ONCE {
            // Nobody reads from it any more either. If the socket is gone, the write says so.
            let _ = self.stream.set_nonblocking(true);
        }
        if !self.write(&mut queue) {
            self.hang_up(&mut queue);
        }
    }

    /// Breaks the connection, which its own thread notices.
    fn hang_up(&self, queue: &mut Queue) {
        queue.state = State::Closed;
        queue.clear();
        // What is gone already needs no more.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

impl Queue {
    fn waiting(&self) -> usize {
        self.bytes.len() - self.written
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
        self.stuck_since = None;
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
    }

    fn say_bye(&mut self, code: ByeCode, detail: &str) {
        let detail = detail.to_owned();
        Event::Bye(Bye { code, detail }).encode(&mut self.bytes);
        self.bytes.push(b'\n');
        self.state = State::Closing;
    }
}

impl Stuck for Outlet {
    fn retry(&self, patience: Duration) -> bool {
        let mut queue = self.queue.lock();
        let is_stuck = !self.write(&mut queue);
        let stuck_since = queue.stuck_since.filter(|_| is_stuck);
        let is_dead = stuck_since.is_some_and(|since| since.elapsed() > patience);
        if is_dead {
            self.hang_up(&mut queue);
        }
        queue.is_with_flusher = is_stuck && !is_dead;
        queue.is_with_flusher
    }
}

impl Origin for Outlet {
    fn done(&self, tags: &[Option<Tag>], outcome: Result<&[Outcome], Refused>) {
        let told = match outcome {
            Ok(outcomes) => tags.iter().zip(outcomes),
            Err(refused) => {
                let refused = |tag: &Option<Tag>| no(tag, RefusalCode::Internal, &refused);
                let refused = tags.iter().map(refused);
                return self.tell_all(refused, |refused, line| refused.encode(line));
            }
        };
        // Who sends without a tag is told only what is wrong.
        let told =
            told.filter(|(tag, outcome)| tag.is_some() || matches!(outcome, Outcome::Refused(_)));
        self.tell_all(told, |(tag, outcome), line| match outcome {
            Outcome::Accepted {
                id,
                sent_at,
                missed_by,
            }
            | Outcome::Repeat {
                id,
                sent_at,
                missed_by,
            } => {
                if let Some(tag) = tag {
                    let missed_by = missed_by.as_deref().unwrap_or_default();
                    live::Accepted::write(tag, id.0, sent_at.as_millisecond(), missed_by, line);
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

/// Why a message is not accepted (rule V4).
fn no(tag: &Option<Tag>, code: RefusalCode, detail: &dyn fmt::Display) -> Event {
    Event::Refused(live::Refused {
        tag: tag.clone(),
        code,
        detail: detail.to_string(),
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

/// Makes [`Outlet::flush`] possible on a socket whose backlog has been written. Where a write may wait,
/// the system takes a whole queue for a client at once, so one for which a write does wait is far behind,
/// and hung up on.
///
/// # Errors
/// When the socket is gone.
pub fn prepare(stream: &TcpStream) -> io::Result<()> {
    if CAN_WRITE_AT_ONCE {
        return Ok(());
    }
    SockRef::from(stream).set_send_buffer_size(QUEUE_BYTES)?;
    stream.set_write_timeout(Some(LONGEST_WRITE))
}
