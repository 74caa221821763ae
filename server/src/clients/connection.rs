//! A client's connection and its decoder: reads whole lines, writes whole answers. Used by one
//! thread.

use std::{
    io::{self, ErrorKind},
    iter, mem,
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use memchr::memchr_iter;
use mensageiro_protocol::{Decoder, Framing, LineTooLong, Pacing, limits::BARE_JOIN};
use thiserror::Error;

use super::{
    admission::{Full, Permit},
    registry::Place,
};
use crate::{
    budgets::{OverBudget, Paused, Session},
    net::{
        bare_input::EarlyInput,
        peer::Peer,
        transport::{Transport, is_read_limit},
    },
};

/// The most bytes of one read. A longer line takes several reads.
const READ_BYTES: usize = 2 * 1024;

/// The most bytes of one read for a login with little left of its budgets: a login cannot owe much
/// for what is read with one look.
const SMALL_READ_BYTES: usize = 512;

/// The most bytes of one read from a line framed client that sends much.
const LARGE_READ_BYTES: usize = 32 * 1024;

/// Reads stay large while they return this much.
const MUCH_BYTES: usize = 4 * 1024;

/// Output is collected up to this size before it is written. It is kept while the client reads nothing.
const WRITE_BYTES: usize = 16 * 1024;

/// How long a client that is refused without a word waits for the end of its connection.
const END_PAUSE: Duration = Duration::from_secs(1);

/// How often it is looked meanwhile whether it has left.
const LOOK: Duration = Duration::from_millis(50);

/// How long after a write the client's system may take to report that nobody reads any more.
const RESET_WAIT: Duration = Duration::from_millis(50);

/// How long a client that is refused may take to read the reason, and how much it may send
/// meanwhile.
const LAST_WORD_WAIT: Duration = Duration::from_secs(1);
const LAST_WORD_READS: usize = 32;

/// One client's connection.
#[derive(Debug)]
pub struct Connection {
    transport: Arc<Transport>,
    decoder: Decoder,
    early: EarlyInput,
    /// Allocated while reads are large.
    large: Option<Box<[u8]>>,
    /// The socket's current read time limit.
    read_limit: Option<Duration>,
    output: Vec<u8>,
    last_write: Option<Instant>,
    last_read: Option<Instant>,
    /// For bare framing.
    pacing: Pacing,
    /// Bytes that the end of the connection cuts off are not a line.
    whole_lines_only: bool,
    place: Place,
    /// Once its user is known; charged for what it sends.
    session: Option<Session>,
    permit: Permit,
}

/// Why nothing more can be read.
#[derive(Debug, Error)]
pub enum Ended {
    /// The client closed its side in order.
    #[error("it closed the connection")]
    InOrder,
    /// The server hung up.
    #[error("the server hung up")]
    HungUp,
    /// Nothing arrived in time.
    #[error("it said nothing for {} s", .0.as_secs())]
    TimedOut(Duration),
    /// A line is too long. The rest cannot be decoded.
    #[error("{0} (--max-line-bytes)")]
    LineTooLong(#[from] LineTooLong),
    /// The login owes too much for what it has sent and requested.
    #[error("it sent or requested too much (--max-requests-per-minute, --max-bytes-per-minute)")]
    SentTooMuch(OverBudget),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
}

impl Connection {
    /// Reads lines of at most `longest_line` bytes.
    pub fn new(
        transport: Arc<Transport>,
        longest_line: usize,
        place: Place,
        permit: Permit,
    ) -> Self {
        Self {
            transport,
            decoder: Decoder::for_clients(longest_line),
            early: EarlyInput::default(),
            large: None,
            read_limit: None,
            output: Vec::new(),
            last_write: None,
            last_read: None,
            pacing: Pacing::default(),
            whole_lines_only: false,
            place,
            session: None,
            permit,
        }
    }

    /// The client's address.
    pub fn address(&self) -> SocketAddr {
        self.transport.address()
    }

    /// The client, as far as the connection tells: once something was received.
    pub fn peer(&self) -> Peer {
        self.transport.peer()
    }

    /// The transport, for other threads that write to the client.
    pub fn transport(&self) -> Arc<Transport> {
        self.transport.clone()
    }

    /// What was read after the last line, for a client that goes on in another protocol.
    pub fn take_rest(&mut self) -> Vec<u8> {
        let rest = self.decoder.pending().to_vec();
        self.decoder = Decoder::for_clients(self.decoder.longest());
        rest
    }

    /// The client's framing, once its first message has shown it.
    pub fn framing(&self) -> Option<Framing> {
        self.decoder.framing()
    }

    /// Longest line the client may send, in bytes.
    pub fn longest_line(&self) -> usize {
        self.decoder.longest()
    }

    /// From now on, bytes without a line end before the end of the connection are not a line: a
    /// live client sends the line again.
    pub fn take_whole_lines_only(&mut self) {
        self.whole_lines_only = true;
    }

    /// Leaves the pool of connections without a login.
    ///
    /// # Errors
    /// When there are too many connections, or the place in the pool is gone.
    pub fn log_in(&mut self, session: Session) -> Result<(), Full> {
        self.permit.log_in()?;
        self.session = Some(session);
        Ok(())
    }

    /// A moment before the server hangs up on a client for which there is no word: it may try again at
    /// once. Ends early when the server stops.
    pub fn pause_before_end(&self) {
        self.wait_to_answer(END_PAUSE);
    }

    /// Lets a client wait for an answer. Returns whether it is still there; ends early when it is not, or when the server
    /// stops.
    pub fn wait_to_answer(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        loop {
            if self.place.hung_up() || self.transport.is_broken() {
                return false;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(LOOK));
        }
    }

    /// The connection's place in the registry.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Waits for the next line, at most `limit`, and converts it.
    ///
    /// # Errors
    /// [`Ended`] when there is none.
    pub fn receive_one<T>(
        &mut self,
        limit: Duration,
        parse: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, Ended> {
        self.wait_for_line(Some(limit))?;
        match self.decoder.next_line() {
            Some(line) => Ok(parse(line?)),
            None => Err(Ended::InOrder),
        }
    }

    /// Waits for input and converts each whole line: at least one line, and all that one read
    /// returned. `limit`: how long the client may be silent; `None`: for ever.
    ///
    /// # Errors
    /// [`Ended`] when there are no more lines.
    pub fn receive<T>(
        &mut self,
        limit: Option<Duration>,
        mut parse: impl FnMut(&[u8]) -> T,
    ) -> Result<impl Iterator<Item = T>, Ended> {
        self.wait_for_line(limit)?;
        let decoder = &mut self.decoder;
        let first = decoder.next_line().transpose()?.map(&mut parse);
        // The lines before a bad one still count. The next call reports it again.
        let others = iter::from_fn(move || decoder.next_line()?.ok().map(&mut parse));
        Ok(first.into_iter().chain(others))
    }

    /// Sends one message, without its line end: at once in bare framing, otherwise with the next
    /// [`Connection::flush`] at the latest.
    ///
    /// # Errors
    /// When the connection is broken or stuck.
    pub fn send(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        let framing = self.decoder.framing().unwrap_or(Framing::Line);
        write(&mut self.output);
        self.output
            .extend_from_slice(framing.terminator().as_bytes());
        match framing {
            Framing::Line if self.output.len() < WRITE_BYTES => Ok(()),
            Framing::Line => self.flush(),
            Framing::Bare => self.send_bare(),
        }
    }

    /// Collects one message of a line framed client, without its line end, for the next flush. Never waits.
    pub fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.output);
        self.output.push(b'\n');
    }

    /// Writes the collected output in pieces that a bare framed client receives one by one.
    fn send_bare(&mut self) -> io::Result<()> {
        let mut message = mem::take(&mut self.output);
        while let Some(piece) = self.pacing.next_piece(&mut message) {
            if let Some(last) = self.last_write {
                self.pause(self.pacing.gap(&piece).saturating_sub(last.elapsed()))?;
            }
            self.transport.write_all(&piece)?;
            let after = self.last_write.map_or(Duration::MAX, |last| last.elapsed());
            self.pacing.sent(&piece, after);
            self.last_write = Some(Instant::now());
        }
        Ok(())
    }

    /// Sends a last line and hangs up so that the client receives it. Unread input would make the
    /// system discard that line.
    pub fn say_last(&mut self, word: &[u8]) {
        let said = self.send(|line| line.extend_from_slice(word));
        let said = said.and_then(|()| self.flush());
        if said.and_then(|()| self.transport.close_own_side()).is_err() {
            return;
        }
        let until = Instant::now() + LAST_WORD_WAIT;
        let mut bytes = [0; READ_BYTES];
        for _ in 0..LAST_WORD_READS {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.limit_read(Some(left)).is_err() {
                return;
            }
            match self.transport.read(&mut bytes) {
                Ok(1..) => {}
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                _ => return,
            }
        }
    }

    /// Writes bytes unchanged, after the collected output.
    ///
    /// # Errors
    /// When the connection is broken or stuck.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.output.extend_from_slice(bytes);
        self.flush()
    }

    /// Writes the collected output.
    ///
    /// # Errors
    /// When the connection is broken or stuck.
    pub fn flush(&mut self) -> io::Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        self.transport.write_all(&self.output)?;
        self.output.clear();
        self.output.shrink_to(READ_BYTES);
        self.last_write = Some(Instant::now());
        Ok(())
    }

    /// Writes as much of the collected output as the client takes at once. Returns whether that was all; the rest is left to
    /// [`Connection::flush`].
    ///
    /// # Errors
    /// When the connection is broken.
    pub fn flush_at_once(&mut self) -> io::Result<bool> {
        let mut written = 0;
        while written < self.output.len() {
            match self.transport.write_now(&self.output[written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => return Err(e),
            }
        }
        if written > 0 {
            self.last_write = Some(Instant::now());
        }
        // What is left may wait for long, and takes no more memory than it has bytes.
        self.output = self.output[written..].to_vec();
        Ok(self.output.is_empty())
    }

    /// After the client closed its side in order: whether the last output reached a program that
    /// was still reading. If the program had closed both sides, its system answers later output
    /// with a reset. The server's side stays open until this is known, so that a client which waits
    /// for the end finds everything stored. `by_others`: when another thread last wrote to it.
    pub fn was_read(&self, by_others: Option<Instant>) -> bool {
        let is_broken = || self.transport.is_broken();
        let Some(last_write) = self.last_write.max(by_others) else {
            return true;
        };
        while last_write.elapsed() < RESET_WAIT {
            if is_broken() {
                return false;
            }
            thread::sleep(Duration::from_millis(2));
        }
        !is_broken() && !self.place.hung_up()
    }

    /// Waits before the next segment, and meanwhile reads what the client sends: left in the
    /// socket, its messages would be glued together.
    fn pause(&mut self, gap: Duration) -> io::Result<()> {
        let until = Instant::now() + gap;
        let mut bytes = [0; READ_BYTES];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.early.is_full() {
                thread::sleep(left);
                return Ok(());
            }
            self.limit_read(Some(left))?;
            match self.transport.read(&mut bytes) {
                Ok(count) => {
                    charge(self.session.as_ref(), &self.transport, &bytes[..count]);
                    if begins_line(&mut self.last_read) {
                        self.pacing.heard_line();
                    }
                    self.early.push(&bytes[..count], Instant::now());
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {
                    charge(self.session.as_ref(), &self.transport, &[]);
                }
                Err(e) if is_read_limit(&e) => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Reads until the decoder has a line or an error.
    fn wait_for_line(&mut self, limit: Option<Duration>) -> Result<(), Ended> {
        let mut deadline = limit.map(|limit| (Instant::now() + limit, limit));
        let mut bytes = [0; READ_BYTES];
        while !self.decoder.has_line() {
            match self.early.pop() {
                Some((chunk, false)) => {
                    self.decoder.push(&chunk);
                    self.decoder.quiet();
                    continue;
                }
                Some((chunk, true)) => self.decoder.push_full(&chunk),
                None => {}
            }
            if self.early.is_over() {
                return Err(if self.place.hung_up() {
                    Ended::HungUp
                } else {
                    Ended::InOrder
                });
            }
            self.decoder.shrink();
            let quiet = self.decoder.wait();
            let paused = self.pay()?;
            // The client may have said something meanwhile.
            deadline = deadline.map(|(at, limit)| (at + paused, limit));
            let left = deadline.map(|(at, _)| at.saturating_duration_since(Instant::now()));
            if let (Some(Duration::ZERO), Some((_, limit))) = (left, deadline) {
                return Err(Ended::TimedOut(limit));
            }
            self.limit_read(quiet.into_iter().chain(left).min())?;
            let is_low = self.decoder.framing() == Some(Framing::Line)
                && self.session.as_ref().is_some_and(|one| one.is_low());
            let bytes = match &mut self.large {
                _ if is_low => &mut bytes[..SMALL_READ_BYTES],
                Some(large) => &mut large[..],
                None => &mut bytes[..],
            };
            match self.transport.read(bytes) {
                Ok(0) if self.place.hung_up() => return Err(Ended::HungUp),
                // After a write has reported a reset, the read reports an end too.
                Ok(0) if self.whole_lines_only => return Err(Ended::InOrder),
                Ok(0) => {
                    self.decoder.finish();
                    if !self.decoder.has_line() {
                        return Err(Ended::InOrder);
                    }
                }
                Ok(count) => {
                    charge(self.session.as_ref(), &self.transport, &bytes[..count]);
                    if begins_line(&mut self.last_read) {
                        self.pacing.heard_line();
                    }
                    self.pacing.heard();
                    let is_full = count == bytes.len();
                    match is_full {
                        true => self.decoder.push_full(bytes),
                        false => self.decoder.push(&bytes[..count]),
                    }
                    if !is_low {
                        self.expect_more_after(count, is_full);
                    }
                }
                Err(e) if is_read_limit(&e) => {
                    // The shorter one of the two limits, the quiet time, was reached.
                    if quiet.is_some() {
                        self.decoder.quiet();
                    }
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {
                    charge(self.session.as_ref(), &self.transport, &[]);
                }
                Err(_) if self.place.hung_up() => return Err(Ended::HungUp),
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    /// Waits until the user owes nothing. Meanwhile what the client sends waits in the socket.
    /// Returns how long that took.
    fn pay(&self) -> Result<Duration, Ended> {
        let Some(session) = self.session.as_ref().filter(|one| one.owes().is_some()) else {
            return Ok(Duration::ZERO);
        };
        let begin = Instant::now();
        let is_broken = || self.place.hung_up() || self.transport.is_broken();
        match session.pause(is_broken) {
            Paused::Paid => Ok(begin.elapsed()),
            Paused::TooLong(refusal) => Err(Ended::SentTooMuch(refusal)),
            Paused::Gone if self.place.hung_up() => Err(Ended::HungUp),
            Paused::Gone => Err(Ended::Broken(ErrorKind::ConnectionReset.into())),
        }
    }

    /// Chooses the size of the next read from the result of the last one.
    fn expect_more_after(&mut self, count: usize, is_full: bool) {
        if self.large.is_none() && is_full && self.decoder.framing() == Some(Framing::Line) {
            self.large = Some(vec![0; LARGE_READ_BYTES].into());
        } else if count < MUCH_BYTES {
            self.large = None;
        }
    }

    fn limit_read(&mut self, limit: Option<Duration>) -> io::Result<()> {
        if self.read_limit != limit {
            self.transport.set_read_limit(limit)?;
            self.read_limit = limit;
        }
        Ok(())
    }
}

/// Charges what was read to the client's user, with what TLS has added to it.
fn charge(session: Option<&Session>, transport: &Transport, bytes: &[u8]) {
    if let Some(session) = session {
        // A bare framed client ends no line.
        let lines = memchr_iter(b'\n', bytes).count().max(1);
        session.receive(bytes.len() + transport.take_overhead(), lines);
    }
}

/// Whether the bytes just read from a bare framed client are not the rest of what TCP split.
fn begins_line(last_read: &mut Option<Instant>) -> bool {
    let now = Instant::now();
    let last = last_read.replace(now);
    last.is_none_or(|last| now - last >= BARE_JOIN)
}
