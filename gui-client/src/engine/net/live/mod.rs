//! One live session, from its `welcome` on: what comes in, what goes out, and which answers are
//! due.

mod administration;
mod incoming;
mod list;
mod requests;
mod settings;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use mensageiro_protocol::{
    Decoder, LineTooLong, Login, Text,
    limits::LINE_BYTES,
    live::{About, Bye, Delivered, Event, Got, HistoryRequest, Read, Request, Tag, Welcome},
};

use self::{list::List, settings::Settings};
use super::io::{Effect, LiveUpdate, Outgoing};
use crate::engine::{MessageId, Refusal};

/// The most of a server's own words that are shown, in characters.
const DETAIL: usize = 300;
/// The most messages that are sent and not answered yet.
const WINDOW: usize = 64;
/// During a backlog, at least this many updates are stored at a time,
const STORED_TOGETHER: usize = 50;
/// and no more than this.
const STORED_AT_MOST: usize = 500;
/// The same in bytes of their texts: this many are stored together, however few messages they are.
const STORED_BYTES: usize = 1024 * 1024;
/// The longest line from a server: a roster, or a full line with its text escaped.
const LONGEST_EVENT: usize = 16 * LINE_BYTES;
/// After this much silence, a server that owes an answer is pinged.
const ASK_AFTER: Duration = Duration::from_secs(8);
/// After this much silence, it is considered gone.
const DEAD_AFTER: Duration = Duration::from_secs(20);
/// How long a server that is not silent may leave everything unanswered that waits for an answer.
const UNANSWERED: Duration = Duration::from_secs(120);

/// A live session.
#[derive(Debug)]
pub struct LiveSession {
    login: Login,
    /// The device that the hello names.
    device: Tag,
    decoder: Decoder,
    line_bytes: usize,
    /// The server knows edits and deletions.
    knows_changes: bool,
    /// The server's newest id at the beginning.
    last: u64,
    pub(super) catching_up: bool,
    /// Everything up to this id has been received, or is older than the session.
    told_up_to: u64,
    list: List,
    settings: Settings,
    /// Received and not stored yet.
    updates: Vec<LiveUpdate>,
    /// The bytes of their texts.
    updates_bytes: usize,
    /// There is no room for what others write: it stays at the server.
    is_full: bool,
    /// Something has stayed there.
    has_left: bool,
    /// The newest id received and not stored yet.
    cursor: Option<u64>,
    /// The part of an answer to `history` that has come.
    older: Vec<Delivered>,
    /// The bytes of its texts.
    older_bytes: usize,
    /// More has come than an answer may hold.
    is_older_cut: bool,
    in_flight: VecDeque<Outgoing>,
    /// How many messages at the front of the outbox the server wants to be sent again later.
    put_back: usize,
    send_again_at: Option<Instant>,
    requests: VecDeque<HistoryRequest>,
    /// About devices, users and groups.
    requested: administration::Requests,
    /// Read marks sent to the server, which may not know of it yet.
    reads: Vec<Read>,
    /// How many of them were sent before the last `ping`.
    reads_pinged: usize,
    typing_at: Option<(Login, Instant)>,
    pinged: bool,
    heard_at: Instant,
    /// When the oldest answer that is due was asked for.
    owed_since: Option<Instant>,
    /// When the last answer came, or the first one after it was asked for.
    answered_at: Option<Instant>,
    /// Bytes to be written at the end of this turn.
    out: Vec<u8>,
    effects: Vec<Effect>,
}

/// What a line means for the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing.
    GoesOn,
    /// A message was accepted: the link is good.
    Accepted,
    /// The backlog is complete.
    CaughtUp,
    /// The server ends the session.
    Ended(Bye),
}

/// Whether a server lets messages be edited and deleted.
pub fn knows_changes(welcome: &Welcome) -> bool {
    ["edit", "del"]
        .iter()
        .all(|key| welcome.about.iter().any(|known| known == key))
}

/// A reason in the server's words, as it is shown: harmless, and at most [`DETAIL`] characters of it.
pub fn in_its_words(detail: &str) -> String {
    let detail = Text::from(detail);
    detail.one_line().chars().take(DETAIL).collect()
}

impl LiveSession {
    /// `rest`: what came after the line of the welcome.
    pub fn new(now: Instant, login: Login, device: Tag, welcome: &Welcome, rest: &[u8]) -> Self {
        let mut decoder = Decoder::new(LONGEST_EVENT);
        // A live session is line framed from its first byte on; the welcome has been read.
        decoder.push(b"\n");
        let _ = decoder.next_line();
        decoder.push(rest);
        Self {
            login,
            device,
            decoder,
            line_bytes: welcome.limits.line_bytes,
            knows_changes: knows_changes(welcome),
            last: welcome.last,
            catching_up: true,
            told_up_to: welcome.last,
            list: List::default(),
            settings: Settings::new(welcome.settings.is_some()),
            updates: Vec::new(),
            updates_bytes: 0,
            is_full: false,
            has_left: false,
            cursor: None,
            older: Vec::new(),
            older_bytes: 0,
            is_older_cut: false,
            in_flight: VecDeque::new(),
            put_back: 0,
            send_again_at: None,
            requests: VecDeque::new(),
            requested: administration::Requests::default(),
            reads: Vec::new(),
            reads_pinged: 0,
            typing_at: None,
            pinged: false,
            heard_at: now,
            owed_since: None,
            answered_at: None,
            out: Vec::new(),
            effects: Vec::new(),
        }
    }

    /// Takes the bytes of one `read`.
    pub fn push(&mut self, now: Instant, bytes: &[u8]) {
        self.heard_at = now;
        self.pinged = false;
        self.decoder.push(bytes);
    }

    /// Handles the next line. `None`: there is none yet.
    ///
    /// # Errors
    /// The server sends a line without end; the connection cannot be followed any further.
    pub fn next(
        &mut self,
        now: Instant,
        outbox: &mut VecDeque<Outgoing>,
    ) -> Result<Option<Turn>, LineTooLong> {
        let event = match self.decoder.next_line() {
            None => return Ok(None),
            Some(line) => Event::parse(line?),
        };
        if self.updates.len() >= STORED_AT_MOST || self.updates_bytes >= STORED_BYTES {
            self.store();
        }
        Ok(Some(match event {
            Ok(event) => self.take(now, event, outbox),
            Err(error) => {
                tracing::warn!(%error, "a line of the server cannot be understood");
                Turn::GoesOn
            }
        }))
    }

    /// Called when all lines of a `read` are handled: stores them. During a backlog, small parts
    /// wait for more.
    pub fn end_of_read(&mut self) {
        if !self.catching_up || self.updates.len() >= STORED_TOGETHER {
            self.store();
        }
    }

    /// Whether there is room for what others write. `false`: something has stayed at the server, and there is room
    /// for it now.
    pub fn make_room(&mut self, is_full: bool) -> bool {
        self.is_full = is_full;
        is_full || !self.has_left
    }

    /// Drops the updates that are not stored: the server tells them again.
    pub fn forget_updates(&mut self) {
        self.updates.clear();
        self.updates_bytes = 0;
        self.cursor = None;
    }

    /// Stores the updates so far.
    pub fn store(&mut self) {
        let cursor = self.cursor.take();
        if self.updates.is_empty() && cursor.is_none() {
            return;
        }
        let updates = std::mem::take(&mut self.updates);
        self.updates_bytes = 0;
        self.effects.push(Effect::StoreLive { updates, cursor });
        if let Some(up_to) = cursor {
            Request::Got(Got { up_to }).encode(&mut self.out);
            self.out.push(b'\n');
        }
    }

    /// Sends the messages that may be sent now, in order.
    pub fn fill(&mut self, outbox: &mut VecDeque<Outgoing>) {
        if self.catching_up || self.send_again_at.is_some() {
            return;
        }
        while self.in_flight.len() < WINDOW
            && let Some(message) = outbox.pop_front_if(|message| is_of(message, &self.device))
        {
            if !self.knows_changes && message.about.is_some_and(About::is_change) {
                // There it would be a message.
                let (id, why) = (message.id, Refusal::Other);
                self.updates.push(LiveUpdate::Refused { id, why });
                self.store();
                continue;
            }
            let start = self.out.len();
            self.say(&Request::Send {
                tag: Some(message.tag.clone()),
                about: message.about,
                to: message.to.clone(),
                file: None,
                text: message.text.clone(),
            });
            let line_end = 1;
            if self.out.len() - start - line_end > self.line_bytes {
                self.out.truncate(start);
                let (id, why) = (message.id, Refusal::TooLong);
                self.updates.push(LiveUpdate::Refused { id, why });
                self.store();
            } else {
                self.in_flight.push_back(message);
            }
        }
    }

    /// Whether everything is answered, and the next message was numbered by another device than
    /// this session's.
    pub fn waits_for_another(&self, outbox: &VecDeque<Outgoing>) -> bool {
        let is_idle =
            !self.catching_up && self.send_again_at.is_none() && self.in_flight.is_empty();
        is_idle
            && outbox
                .front()
                .is_some_and(|message| !is_of(message, &self.device))
    }

    /// The effects to carry out now, in order; writing comes last, after storing what it depends
    /// on.
    pub fn effects(&mut self, now: Instant) -> Vec<Effect> {
        if !self.out.is_empty() {
            let out = std::mem::take(&mut self.out);
            self.effects.push(Effect::Write(out));
        }
        let is_owed = self.catching_up
            || self.pinged
            || !self.in_flight.is_empty()
            || !self.requests.is_empty()
            || !self.requested.is_empty()
            || !self.reads.is_empty();
        self.owed_since = is_owed.then(|| self.owed_since.unwrap_or(now));
        let is_asked = !self.in_flight.is_empty() || !self.requests.is_empty();
        self.answered_at = is_asked.then(|| self.answered_at.unwrap_or(now));
        std::mem::take(&mut self.effects)
    }

    /// When [`LiveSession::timer`] is due.
    pub fn deadline(&self) -> Option<Instant> {
        let patience = if self.pinged { DEAD_AFTER } else { ASK_AFTER };
        let silent = self.silent_since().map(|since| since + patience);
        let unanswered = self.answered_at.map(|since| since + UNANSWERED);
        let all = [
            silent,
            unanswered,
            self.send_again_at,
            self.requested.deadline(),
        ];
        all.into_iter().flatten().min()
    }

    /// Handles the passing of time. `false`: the server is gone.
    pub fn timer(&mut self, now: Instant) -> bool {
        if self.send_again_at.is_some_and(|at| at <= now) {
            self.send_again_at = None;
            self.put_back = 0;
        }
        self.give_up_requests(now);
        if self
            .answered_at
            .is_some_and(|since| since + UNANSWERED <= now)
        {
            return false;
        }
        let Some(since) = self.silent_since() else {
            return true;
        };
        if since + ASK_AFTER <= now && !self.pinged {
            self.ping(now);
        }
        since + DEAD_AFTER > now
    }

    fn silent_since(&self) -> Option<Instant> {
        self.owed_since.map(|owed| owed.max(self.heard_at))
    }

    /// Whether a message is sent and not answered.
    pub fn is_in_flight(&self, id: MessageId) -> bool {
        self.in_flight.iter().any(|message| message.id == id)
    }

    /// Ends the session. Returns the messages that were not answered, and the conversations whose
    /// older messages will not come.
    pub fn end(mut self) -> (VecDeque<Outgoing>, Vec<Login>, Vec<Effect>) {
        self.store();
        self.give_up_all_requests();
        self.out.clear();
        let unasked = self.requests.into_iter().map(|request| request.with);
        (self.in_flight, unasked.collect(), self.effects)
    }
}

/// Whether a message may be sent in this session: it has no number, or one of this session's
/// device.
fn is_of(message: &Outgoing, device: &Tag) -> bool {
    let numbered = message.tag.device_and_number();
    numbered.is_none_or(|(name, _)| name == device.as_str())
}
