//! The rules of the connection, without a socket, a clock or a thread: what happened and when
//! goes in, what to do comes out. The effects of one call are done in order; if one fails, those
//! after it are not done.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use mensageiro_protocol::{
    Addressed, Framing, Login, Text,
    classic::Reply,
    live::{Presence, Status, Tag},
};

use super::{
    backoff::Backoff,
    live::LiveSession,
    replies::Replies,
    terms::{Batch, Effect, Input, Memory, Outgoing, Received, Round, Way},
};
use crate::engine::{LinkProblem, LinkState, MessageId, Peer};

/// How long a server may be silent while an answer is due.
pub const ANSWER: Duration = Duration::from_secs(20);
/// How long a server may be silent on a login after it hung up on it in the other framing: if it
/// takes it now, it has something to say at once.
pub(super) const SECOND_ANSWER: Duration = Duration::from_secs(5);
/// How long to wait for the server's end after ours, before reconnecting.
pub const CLOSE: Duration = Duration::from_secs(2);
/// How long stopping may take in all.
pub const STOP: Duration = Duration::from_millis(1500);
/// Nobody fetches more often than this, whatever is asked for.
pub(super) const OFTENEST: Duration = Duration::from_secs(1);
/// A session that lasted this long, or carried a message, was good: trying starts anew.
pub(super) const STEADY: Duration = Duration::from_secs(10);
/// Hanging up is all a server can say in classic. One that has taken this login before may only be
/// full, or behind something that answers in its place: so many refusals in a row are doubted.
pub(super) const DOUBTED_REFUSALS: u32 = 3;
/// Received messages are stored at least this often.
const BATCH: usize = 50;

/// The state of one account's connection.
#[derive(Debug)]
pub struct Machine {
    pub(super) login: Login,
    pub(super) fetch_every: Option<Duration>,
    pub(super) outbox: VecDeque<Outgoing>,
    /// The way of the next login, and of what is sent after it.
    pub(super) way: Way,
    pub(super) remembered: Option<Way>,
    /// In these ways the server hung up on the login just now.
    pub(super) refused: Vec<Way>,
    pub(super) is_live_due: bool,
    /// When a live session was last asked for in vain.
    pub(super) live_refused_at: Option<Instant>,
    pub(super) device: Tag,
    pub(super) position: Option<u64>,
    /// Messages that went out in a live session that broke before the answer.
    pub(super) unanswered: Vec<MessageId>,
    pub(super) status: Status,
    pub(super) refusals: u32,
    /// Somebody asked for the new messages while an answer was under way.
    pub(super) fetch_again: bool,
    pub(super) phase: Phase,
    pub(super) replies: Replies,
    pub(super) received: Vec<Received>,
    pub(super) backoff: Backoff,
    /// Since when the login is accepted.
    pub(super) online_since: Option<Instant>,
    pub(super) last_end: Option<Instant>,
    pub(super) link: LinkState,
    pub(super) stop_by: Option<Instant>,
    pub(super) effects: Vec<Effect>,
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
    },
    Sending {
        message: Outgoing,
        answer_by: Instant,
    },
    Idle {
        next_fetch: Option<Instant>,
    },
    /// A live session is asked for; these bytes have come.
    Greeting {
        answer_by: Instant,
        heard: Vec<u8>,
    },
    Live(Box<LiveSession>),
    Closing {
        until: Instant,
    },
}

impl Machine {
    /// A machine at rest. `outbox`: what waits, in order.
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
            refused: Vec::new(),
            is_live_due: memory.is_live_due,
            live_refused_at: None,
            device: memory.device,
            position: memory.position,
            unanswered: Vec::new(),
            status: Status::default(),
            refusals: 0,
            fetch_again: false,
            phase: Phase::Stopped,
            replies: Replies::new(),
            received: Vec::new(),
            backoff: Backoff::new(seed),
            online_since: None,
            last_end: None,
            link: LinkState::Offline,
            stop_by: None,
            effects: Vec::new(),
        }
    }

    /// Takes what happened at `now`, and says what to do.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) -> Vec<Effect> {
        match input {
            Input::Start if matches!(self.phase, Phase::Stopped) => self.connect(),
            Input::Start => {}
            Input::Connected => self.log_in(now),
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
            Input::Read(read) => self.with_live(|live| live.tell_read(read)),
            Input::Typing(to) => self.with_live(|live| live.tell_typing(now, to)),
            Input::Status { is_away, note } => {
                self.status = status(is_away, note);
                let status = self.status.clone();
                self.with_live(|live| live.tell_status(status));
            }
            Input::History(request) => self.ask_older(request),
            Input::Discard(id) => self.outbox.retain(|message| message.id != id),
            Input::FetchNow => self.fetch_now(now),
            Input::FetchEvery(every) => {
                self.fetch_every = every;
                self.plan_fetch();
            }
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
            &Phase::Greeting { answer_by, .. } => Some(answer_by),
            &Phase::Closing { until } => Some(until),
            &Phase::Waiting { retry_at } => Some(retry_at),
            &Phase::LoggingIn { answer_by } | &Phase::Sending { answer_by, .. } => Some(answer_by),
            &Phase::Idle { next_fetch } => next_fetch,
            Phase::Stopped | Phase::Refused | Phase::Connecting => None,
        };
        let replies = self.is_connected().then(|| self.replies.due()).flatten();
        [phase, replies, self.stop_by].into_iter().flatten().min()
    }

    /// Whether there is nothing left to do until [`Input::Start`].
    pub fn is_stopped(&self) -> bool {
        matches!(self.phase, Phase::Stopped)
    }

    /// Whether the message is on its way, or may have arrived: nobody can take it back now.
    pub fn is_out(&self, id: MessageId) -> bool {
        let is_under_way = match &self.phase {
            Phase::Sending { message, .. } => message.id == id,
            Phase::Live(live) => live.is_in_flight(id),
            _ => false,
        };
        is_under_way || self.unanswered.contains(&id)
    }

    fn bytes(&mut self, now: Instant, bytes: &[u8]) {
        if matches!(self.phase, Phase::Greeting { .. } | Phase::Live(_)) {
            return self.live_bytes(now, bytes);
        }
        let is_leaving = self.way == Way::Live && matches!(self.phase, Phase::Closing { .. });
        if !self.is_connected() || is_leaving {
            return;
        }
        if let Phase::LoggingIn { answer_by } | Phase::Sending { answer_by, .. } = &mut self.phase {
            *answer_by = now + ANSWER;
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
                    self.received(now, Peer::Person(login), text);
                }
                Reply::Other(text) => self.received(now, Peer::Server, text),
                Reply::End => self.end(now),
            }
        }
        // Outside a round no end mark will come: what the server says is stored as it comes.
        if matches!(self.phase, Phase::Idle { .. } | Phase::Closing { .. }) {
            self.store(None);
        }
    }

    fn received(&mut self, now: Instant, from: Peer, text: Text) {
        self.received.push(Received { from, text });
        if self.received.len() >= BATCH {
            // So much is no refusal.
            self.accepted(now);
            self.store(None);
        }
    }

    /// The end mark: what came is complete, and what was sent is accepted.
    fn end(&mut self, now: Instant) {
        let round = match &self.phase {
            Phase::LoggingIn { .. } => Round::Login,
            Phase::Sending { message, .. } => Round::Sent(message.id),
            _ => return,
        };
        self.accepted(now);
        self.store(Some(round));
        self.last_end = Some(now);
        if let Round::Sent(_) = round {
            self.backoff.reset();
        }
        self.next_round(now);
    }

    /// The server talks to us, so the login is accepted.
    fn accepted(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::LoggingIn { .. }) || self.online_since.is_some() {
            return;
        }
        self.online_since = Some(now);
        self.let_in();
        // A classic server does not know their tags.
        for id in std::mem::take(&mut self.unanswered) {
            self.outbox.retain(|message| message.id != id);
            self.effects.push(Effect::Unconfirmed(id));
        }
        self.show_online(None);
    }

    /// The server accepts logins in this way.
    pub(super) fn let_in(&mut self) {
        self.refused.clear();
        self.refusals = 0;
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
                | Phase::Greeting { .. }
                | Phase::Live(_)
                | Phase::Closing { .. }
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
#[path = "machine_tests.rs"]
mod tests;
