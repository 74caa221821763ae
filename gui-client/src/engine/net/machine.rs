//! The connection's state machine, without a socket, a clock or a thread: inputs and the time go
//! in, effects come out. The effects of one call are carried out in order; if one fails, those
//! after it are dropped.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use mensageiro_protocol::{
    Addressed, Framing, Login, Text,
    classic::Reply,
    live::{Join, Presence, Status, Tag},
};

use super::{
    backoff::Backoff,
    ending::{Ending, may_be_word},
    io::{
        Batch, Channel, Effect, Input, Memory, Outgoing, Received, Round, StoreEpoch, Unsent, Way,
    },
    live::LiveSession,
    replies::Replies,
    strangers,
};
use crate::engine::{LinkProblem, LinkState, MessageId, Peer};

/// How long a server may be silent while an answer is due.
pub const ANSWER: Duration = Duration::from_secs(20);
/// How long it may be silent after a login in a way that has never worked, before another one is
/// tried.
pub(super) const PROBE: Duration = Duration::from_secs(4);
/// How long to wait for it to close then.
pub(super) const PROBE_CLOSE: Duration = Duration::from_secs(1);
/// How long to wait for the `f` after the messages of a login. It still counts when it comes later.
pub(super) const NO_END: Duration = Duration::from_secs(5);
/// The same for a server that is known to send no `f`.
pub(super) const UNENDED: Duration = Duration::from_secs(2);
/// After this much silence, received messages are shown, complete or not.
const SHOWN: Duration = Duration::from_secs(1);
/// How long to wait for the server to close after us, before reconnecting.
pub const CLOSE: Duration = Duration::from_secs(2);
/// The longest time for stopping.
pub const STOP: Duration = Duration::from_millis(1500);
/// The least time between two fetches.
pub(super) const OFTENEST: Duration = Duration::from_secs(1);
/// A session that lasted this long, or carried a message, was good: the delays start again.
pub(super) const STEADY: Duration = Duration::from_secs(10);
/// A classic server can only refuse by hanging up. One that accepted this login before may just be
/// full, or unreachable behind something else: this many refusals in a row are doubted.
pub(super) const DOUBTED_REFUSALS: u32 = 3;
/// A server that accepted the login before is tried this often without an answer before another way
/// is tried.
pub(super) const DOUBTED_SILENCES: u32 = 2;
/// Received messages are stored at least this often.
const BATCH: usize = 50;
/// After this many texts in a row that are neither messages nor end marks, the server is no
/// messenger.
const BABBLE: usize = 500;

/// The state of one account's connection.
#[derive(Debug)]
pub struct Machine {
    pub(super) login: Login,
    pub(super) fetch_every: Option<Duration>,
    pub(super) outbox: VecDeque<Outgoing>,
    /// The way of the next login and of the session after it.
    pub(super) way: Way,
    pub(super) remembered: Option<Way>,
    /// What became of the login in these ways on this connection or the last ones.
    pub(super) tried: Vec<(Way, Outcome)>,
    /// What became of the login that is being given up.
    pub(super) outcome: Option<Outcome>,
    /// How many logins in a row got no answer.
    pub(super) silences: u32,
    /// The login counts as accepted, though the server does not say so.
    pub(super) is_settling: bool,
    pub(super) ending: Ending,
    /// The login got no `f` yet; it may still come.
    pub(super) is_end_late: bool,
    /// The first bytes from the server on this connection.
    opening: Vec<u8>,
    /// When it last sent something in this round.
    pub(super) heard_at: Option<Instant>,
    /// The server accepted the login in this way before, and sent an `f`.
    pub(super) is_trusted: bool,
    /// How many answers in a row had no `f`.
    pub(super) unended: u32,
    /// How many texts came in a row that are neither messages nor an end.
    babble: usize,
    pub(super) is_live_due: bool,
    /// The server has led live sessions. It is asked for one at each connection: a stranger at its address does
    /// not make it another server.
    pub(super) was_live: bool,
    /// When a live session was last refused.
    pub(super) live_refused_at: Option<Instant>,
    pub(super) device: Tag,
    pub(super) cursor: Option<u64>,
    /// What the cursor is an id of, if the server told.
    pub(super) store: Option<StoreEpoch>,
    /// The highest id that any message has here.
    pub(super) highest: u64,
    /// Messages that were refused for their number since one was accepted, and how often each was.
    pub(super) renumbered: Vec<MessageId>,
    /// The list of conversations has been told.
    pub(super) is_listed: bool,
    /// Messages sent in a live session that broke before the answer.
    pub(super) unanswered: Vec<MessageId>,
    pub(super) status: Status,
    pub(super) refusals: u32,
    /// A fetch was asked for while an answer was under way.
    pub(super) fetch_again: bool,
    pub(super) phase: Phase,
    pub(super) replies: Replies,
    pub(super) received: Vec<Received>,
    pub(super) backoff: Backoff,
    /// The delays after contradictions, which a session that accepts messages does not end.
    pub(super) doubts: Backoff,
    /// The server's messages take all the space they may take.
    pub(super) is_full: bool,
    /// Since when the login is accepted.
    pub(super) online_since: Option<Instant>,
    pub(super) last_end: Option<Instant>,
    pub(super) link: LinkState,
    /// How the connection is protected.
    pub(super) channel: Channel,
    /// The server wanted TLS on the last connection, which tried it first.
    pub(super) is_tls_asked: bool,
    /// What this device joins with first.
    pub(super) join: Option<Join>,
    pub(super) stop_by: Option<Instant>,
    pub(super) effects: Vec<Effect>,
}

/// What became of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server hung up.
    HungUp,
    /// It said nothing and kept the connection.
    Silent,
    /// It said this, which is neither a message nor an end mark, and kept the connection.
    Spoke(Text),
}

#[derive(Debug)]
pub(super) enum Phase {
    Stopped,
    Refused,
    Waiting {
        retry_at: Instant,
    },
    Connecting,
    LoggingIn {
        answer_by: Instant,
        /// It took the first word of a live hello for the login.
        is_hello: bool,
    },
    Sending {
        message: Outgoing,
        answer_by: Instant,
        /// An `f` came, which may answer the login.
        is_answered: bool,
    },
    Idle {
        next_fetch: Option<Instant>,
    },
    /// The code of an invite was sent; these bytes have come.
    Joining {
        answer_by: Instant,
        heard: Vec<u8>,
    },
    /// A live session was asked for; these bytes have come.
    Greeting {
        answer_by: Instant,
        heard: Vec<u8>,
    },
    Live(Box<LiveSession>),
    Closing {
        until: Instant,
    },
    /// We closed our side after an unanswered login; a late answer still counts.
    Leaving {
        until: Instant,
    },
}

impl Machine {
    /// A machine at rest. `outbox`: the waiting messages, in order.
    pub fn new(
        login: Login,
        outbox: impl IntoIterator<Item = Outgoing>,
        memory: Memory,
        fetch_every: Option<Duration>,
        seed: u64,
    ) -> Self {
        Self {
            login,
            fetch_every,
            outbox: outbox.into_iter().collect(),
            way: memory.way.unwrap_or(Way::Classic(Framing::Line)),
            remembered: memory.way,
            tried: Vec::new(),
            outcome: None,
            silences: 0,
            is_settling: false,
            ending: match memory.has_no_end {
                true => Ending::Silence,
                false => Ending::Mark,
            },
            is_end_late: false,
            opening: Vec::new(),
            heard_at: None,
            is_trusted: false,
            unended: 0,
            babble: 0,
            is_live_due: memory.is_live_due,
            was_live: memory.was_live,
            live_refused_at: None,
            device: memory.device,
            cursor: memory.cursor,
            store: memory.store,
            highest: memory.highest,
            renumbered: Vec::new(),
            is_listed: memory.is_listed,
            unanswered: Vec::new(),
            status: Status::default(),
            refusals: 0,
            fetch_again: false,
            phase: Phase::Stopped,
            replies: Replies::new(),
            received: Vec::new(),
            backoff: Backoff::new(seed),
            doubts: Backoff::new(seed),
            is_full: false,
            online_since: None,
            last_end: None,
            link: LinkState::Offline,
            channel: Channel::default(),
            is_tls_asked: false,
            join: memory.join,
            stop_by: None,
            effects: Vec::new(),
        }
    }

    /// Takes an input at `now`, and returns the effects.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) -> Vec<Effect> {
        match input {
            Input::Start if matches!(self.phase, Phase::Stopped) => self.connect(),
            Input::Start => {}
            Input::Connected(channel) => {
                self.channel = channel;
                self.log_in(now);
            }
            Input::Distrusted(distrust) if matches!(self.phase, Phase::Connecting) => {
                self.distrust(now, distrust);
            }
            Input::Distrusted(_) => {}
            Input::ConnectFailed(problem) if matches!(self.phase, Phase::Connecting) => {
                self.wait(now, problem);
            }
            Input::ConnectFailed(_) => {}
            Input::Bytes(bytes) => self.bytes(now, bytes),
            Input::Closed => self.closed(now),
            Input::Reset => self.hung_up(now),
            Input::Broken(problem) => self.broken(now, problem),
            Input::WriteFailed { written } => self.write_failed(now, written),
            Input::Send(message) => {
                self.outbox.push_back(message);
                if matches!(self.phase, Phase::Idle { .. }) {
                    self.next_round(now);
                }
            }
            Input::Renumbered(message) => self.renumbered(message),
            Input::Read(read) => self.with_live(|live| live.tell_read(read)),
            Input::Set { known, sets } => self.with_live(|live| {
                if let Some(known) = known {
                    live.ask_settings(known);
                }
                sets.into_iter().for_each(|set| live.tell_set(set));
            }),
            Input::Typing(to) => self.with_live(|live| live.tell_typing(now, to)),
            Input::Status { is_away, note } => {
                self.status = status(is_away, note);
                let status = self.status.clone();
                self.with_live(|live| live.tell_status(status));
            }
            Input::History(request) => self.ask_older(request),
            Input::Administer(request) => self.administer(now, request),
            Input::Discard(id) => self.outbox.retain(|message| message.id != id),
            Input::FetchNow => self.fetch_now(now),
            Input::FetchEvery(every) => {
                self.fetch_every = every;
                self.plan_fetch();
            }
            Input::Full(is_full) => self.fill_up(now, is_full),
            Input::Contradicted(outbox) => self.contradicted(now, outbox),
            Input::Timer => self.timer(now),
            Input::Stop => self.stop(now),
        }
        self.go_on_live(now);
        std::mem::take(&mut self.effects)
    }

    /// When [`Input::Timer`] is due; earlier ones do no harm.
    pub fn deadline(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Live(live) => {
                return [live.deadline(), self.stop_by].into_iter().flatten().min();
            }
            &Phase::Joining { answer_by, .. } | &Phase::Greeting { answer_by, .. } => {
                Some(answer_by)
            }
            &Phase::Closing { until } | &Phase::Leaving { until } => Some(until),
            &Phase::Waiting { retry_at } => Some(retry_at),
            &Phase::LoggingIn { answer_by, .. } | &Phase::Sending { answer_by, .. } => {
                Some(self.shown_by().map_or(answer_by, |by| by.min(answer_by)))
            }
            &Phase::Idle { next_fetch } => next_fetch,
            Phase::Stopped | Phase::Refused | Phase::Connecting => None,
        };
        let replies = self.is_connected().then(|| self.replies.due()).flatten();
        [phase, replies, self.stop_by].into_iter().flatten().min()
    }

    /// Drops the connection.
    pub fn into_unsent(self) -> Unsent {
        let (in_flight, departed) = match self.phase {
            Phase::Live(live) => (live.end().0, None),
            Phase::Sending { message, .. } => (VecDeque::new(), Some(message)),
            _ => (VecDeque::new(), None),
        };
        Unsent {
            waiting: in_flight.into_iter().chain(self.outbox).collect(),
            departed,
        }
    }

    /// Whether the server has led live sessions.
    pub fn was_live(&self) -> bool {
        self.was_live
    }

    /// Whether the server has let the user in.
    pub fn is_online(&self) -> bool {
        self.link.is_online()
    }

    /// Whether nothing is left to do until [`Input::Start`].
    pub fn is_stopped(&self) -> bool {
        matches!(self.phase, Phase::Stopped)
    }

    /// Whether the message is being sent or may have arrived, so that it cannot be withdrawn.
    pub fn is_out(&self, id: MessageId) -> bool {
        let is_under_way = match &self.phase {
            Phase::Sending { message, .. } => message.id == id,
            Phase::Live(live) => live.is_in_flight(id),
            _ => false,
        };
        is_under_way || self.unanswered.contains(&id)
    }

    pub(super) fn bytes(&mut self, now: Instant, bytes: &[u8]) {
        let is_first = matches!(self.phase, Phase::Joining { .. } | Phase::Greeting { .. });
        if is_first && self.is_stranger(now, bytes) {
            return;
        }
        if matches!(self.phase, Phase::Joining { .. }) {
            return self.joining_bytes(now, bytes);
        }
        if matches!(self.phase, Phase::Greeting { .. } | Phase::Live(_)) {
            return self.live_bytes(now, bytes);
        }
        let is_leaving = self.way == Way::Live && matches!(self.phase, Phase::Closing { .. });
        if !self.is_connected() || is_leaving || self.is_stranger(now, bytes) {
            return;
        }
        self.heard_at = Some(now);
        let patience = self.patience_between();
        if let Phase::LoggingIn { answer_by, .. } | Phase::Sending { answer_by, .. } =
            &mut self.phase
        {
            *answer_by = now + patience;
        }
        match self.replies.push(now, bytes) {
            Ok(replies) => self.take(now, replies),
            Err(_) => self.broken(now, LinkProblem::NotThisProtocol),
        }
    }

    pub(super) fn take(&mut self, now: Instant, replies: Vec<Reply>) {
        for reply in replies {
            match reply {
                Reply::Message(Addressed { login, text }) => {
                    self.accepted(now);
                    self.babble = 0;
                    self.received(now, Peer::Person(login), text);
                }
                Reply::Other(text) if self.ending.is(&text) => self.end(now),
                Reply::Other(text) => {
                    self.babble += 1;
                    self.received(now, Peer::Server, text);
                }
                Reply::End => {
                    self.babble = 0;
                    self.heard_end(now);
                }
            }
        }
        if self.babble > BABBLE {
            return self.broken(now, LinkProblem::NotThisProtocol);
        }
        // Outside a round no end mark comes: messages are stored as they arrive.
        let is_outside = matches!(self.phase, Phase::Idle { .. } | Phase::Closing { .. });
        let is_late = matches!(self.phase, Phase::Leaving { .. }) && self.online_since.is_some();
        if is_outside || is_late {
            self.store(None);
        }
    }

    fn received(&mut self, now: Instant, from: Peer, text: Text) {
        self.received.push(Received { from, text });
        // This much text is no refusal, unless the server sends nonsense.
        if self.received.len() >= BATCH && self.babble < self.received.len() {
            self.accepted(now);
        }
        if self.received.len() >= BATCH && self.online_since.is_some() {
            self.store(None);
        }
    }

    /// The server speaks a known protocol, and it is not the messenger's.
    fn is_stranger(&mut self, now: Instant, bytes: &[u8]) -> bool {
        let is_open = matches!(
            self.phase,
            Phase::Joining { .. }
                | Phase::Greeting { .. }
                | Phase::LoggingIn { .. }
                | Phase::Leaving { .. }
        );
        if !is_open || self.online_since.is_some() {
            return false;
        }
        let room = strangers::LOOKED_AT.saturating_sub(self.opening.len());
        self.opening.extend(bytes.iter().take(room));
        let Some(stranger) = strangers::recognise(&self.opening) else {
            return false;
        };
        self.received.clear();
        self.effects.push(Effect::Leave);
        self.wait(now, LinkProblem::Stranger(stranger));
        true
    }

    /// When to show what has come so far of a round.
    pub(super) fn shown_by(&self) -> Option<Instant> {
        let is_there = self.online_since.is_some() && self.to_show() > 0;
        self.heard_at.filter(|_| is_there).map(|at| at + SHOWN)
    }

    /// Shows it.
    pub(super) fn show_so_far(&mut self) {
        let held = self.received.split_off(self.to_show());
        self.store(None);
        self.received = held;
    }

    /// How many messages can be shown: the last one only if it cannot be the end mark.
    fn to_show(&self) -> usize {
        let is_login = matches!(self.phase, Phase::LoggingIn { .. });
        let last = self.received.last().filter(|_| is_login);
        self.received.len() - usize::from(last.is_some_and(may_be_word))
    }

    /// A connection has just been made.
    pub(super) fn forget_connection(&mut self) {
        self.replies = Replies::new();
        self.received.clear();
        self.online_since = None;
        self.fetch_again = false;
        self.is_end_late = false;
        self.opening.clear();
        self.heard_at = None;
        self.babble = 0;
    }

    /// The server sends messages, so the login is accepted.
    pub(super) fn accepted(&mut self, now: Instant) {
        let is_login = matches!(self.phase, Phase::LoggingIn { .. } | Phase::Leaving { .. });
        if !is_login || self.online_since.is_some() {
            return;
        }
        self.online_since = Some(now);
        self.let_in();
        self.remember();
        if std::mem::take(&mut self.is_live_due) {
            // It did not answer the hello. It is asked again at the app's next start.
            self.live_refused_at = Some(now);
        }
        // A classic server does not know their tags.
        for id in std::mem::take(&mut self.unanswered) {
            self.outbox.retain(|message| message.id != id);
            self.effects.push(Effect::Unconfirmed(id));
        }
        self.show_online(None);
    }

    /// The server accepts logins in this way.
    pub(super) fn let_in(&mut self) {
        self.tried.clear();
        self.is_settling = false;
        self.refusals = 0;
        self.silences = 0;
    }

    /// The next connection begins in this way.
    pub(super) fn remember(&mut self) {
        self.was_live |= self.way == Way::Live;
        if self.remembered != Some(self.way) {
            self.remembered = Some(self.way);
            self.effects.push(Effect::Remember(self.way));
        }
    }

    pub(super) fn store(&mut self, ends: Option<Round>) {
        let received = std::mem::take(&mut self.received);
        if !received.is_empty() || ends.is_some() {
            self.effects.push(Effect::Store(Batch { received, ends }));
        }
    }

    pub(super) fn show_online(&mut self, next_fetch: Option<Instant>) {
        self.show(LinkState::Online {
            framing: self.replies.framing(),
            next_fetch,
            doubt: self.ending.doubt(),
        });
    }

    pub(super) fn show(&mut self, link: LinkState) {
        if self.link != link {
            self.link = link.clone();
            self.effects.push(Effect::Link(link));
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        matches!(
            self.phase,
            Phase::LoggingIn { .. }
                | Phase::Sending { .. }
                | Phase::Idle { .. }
                | Phase::Joining { .. }
                | Phase::Greeting { .. }
                | Phase::Live(_)
                | Phase::Closing { .. }
                | Phase::Leaving { .. }
        )
    }
}

fn status(is_away: bool, note: Text) -> Status {
    let state = if is_away {
        Presence::Away
    } else {
        Presence::Online
    };
    Status { state, note }
}

#[cfg(test)]
#[path = "tests/mod.rs"]
mod tests;
