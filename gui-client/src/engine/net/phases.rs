//! From one phase of the connection to the next: connecting, logging in, sending, closing,
//! and what happens when it breaks.

use std::time::Instant;

use mensageiro_protocol::{Addressed, Framing};

use super::{
    machine::{
        ANSWER, CLOSE, DOUBTED_REFUSALS, Machine, OFTENEST, Phase, SECOND_ANSWER, STEADY, STOP,
    },
    replies::Replies,
    terms::{Effect, Way},
};
use crate::engine::{LinkProblem, LinkState};

impl Machine {
    pub(super) fn connect(&mut self) {
        // Fetching by reconnecting is no news to the person: the link stays shown as it is.
        if !matches!(self.link, LinkState::Online { .. }) {
            self.show(LinkState::Connecting);
        }
        self.phase = Phase::Connecting;
        self.effects.push(Effect::Connect);
    }

    pub(super) fn log_in(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Connecting) {
            return;
        }
        self.replies = Replies::new();
        self.received.clear();
        self.online_since = None;
        self.fetch_again = false;
        if self.wants_live(now) {
            self.way = Way::Live;
        }
        let framing = match self.way {
            Way::Live => return self.greet(now),
            Way::Classic(framing) => framing,
        };
        let patience = if self.other_refused() {
            SECOND_ANSWER
        } else {
            ANSWER
        };
        let answer_by = now + patience;
        self.phase = Phase::LoggingIn { answer_by };
        let line = format!("{}{}", self.login, framing.terminator());
        self.effects.push(Effect::Write(line.into_bytes()));
    }

    /// Sends the next message, or rests: one message a round, in order.
    pub(super) fn next_round(&mut self, now: Instant) {
        if self.stop_by.is_some() {
            return self.close_in_order(now);
        }
        let Some(message) = self.outbox.pop_front() else {
            self.replies.expect_end(false);
            if self.fetch_again {
                return self.close_in_order(now);
            }
            self.phase = Phase::Idle { next_fetch: None };
            return self.plan_fetch();
        };
        self.replies.expect_end(true);
        let mut line = Vec::new();
        Addressed::encode(&message.to, &message.text, &mut line);
        line.extend_from_slice(self.framing().terminator().as_bytes());
        self.effects.push(Effect::Depart(message.id));
        self.effects.push(Effect::Write(line));
        let answer_by = now + ANSWER;
        self.phase = Phase::Sending { message, answer_by };
    }

    pub(super) fn plan_fetch(&mut self) {
        let planned = self.fetch_every.zip(self.last_end);
        let planned = planned.map(|(every, last)| last + every.max(OFTENEST));
        if let Phase::Idle { next_fetch } = &mut self.phase {
            *next_fetch = planned;
            self.show_online(planned);
        }
    }

    pub(super) fn fetch_now(&mut self, now: Instant) {
        match self.phase {
            Phase::Waiting { .. } | Phase::Refused => self.connect(),
            Phase::Idle { .. } => self.close_in_order(now),
            // This answer may have been begun before what is wanted was there.
            Phase::LoggingIn { .. } | Phase::Sending { .. } => self.fetch_again = true,
            Phase::Live(_) => self.with_live(|live| live.ping(now)),
            // A login follows anyway.
            Phase::Connecting | Phase::Greeting { .. } | Phase::Closing { .. } | Phase::Stopped => {
            }
        }
    }

    pub(super) fn timer(&mut self, now: Instant) {
        if self.is_connected() {
            match self.replies.quiet(now) {
                Ok(replies) => self.take(now, replies),
                Err(_) => return self.broken(now, LinkProblem::NotThisProtocol),
            }
        }
        if self.stop_by.is_some_and(|by| by <= now) {
            return self.give_up();
        }
        match self.phase {
            Phase::Waiting { retry_at } if retry_at <= now => self.connect(),
            Phase::LoggingIn { answer_by } if answer_by <= now => {
                // A server that reads lines waits for ever for the end of a bare login.
                if self.other_refused() {
                    return self.hung_up(now);
                }
                if self.online_since.is_none() && self.framing() == Framing::Bare {
                    self.way = Way::Classic(Framing::Line);
                }
                self.broken(now, LinkProblem::TimedOut);
            }
            Phase::Sending { answer_by, .. } if answer_by <= now => {
                self.broken(now, LinkProblem::TimedOut);
            }
            Phase::Idle {
                next_fetch: Some(at),
            } if at <= now => self.close_in_order(now),
            Phase::Closing { until } if until <= now => self.end_connection(),
            Phase::Greeting { answer_by, .. } if answer_by <= now => self.greeting_unanswered(now),
            Phase::Live(_) => self.live_timer(now),
            _ => {}
        }
    }

    /// Ends our side, then waits for the server's end. Only between rounds: all that was sent to
    /// us is stored, so the server may take it as read.
    fn close_in_order(&mut self, now: Instant) {
        self.effects.push(Effect::FinishWriting);
        let until = self.stop_by.unwrap_or(now + CLOSE);
        self.phase = Phase::Closing { until };
    }

    /// The server closed its side.
    pub(super) fn closed(&mut self, now: Instant) {
        match self.phase {
            _ if !self.is_connected() => return,
            Phase::Greeting { .. } => return self.not_live(now),
            Phase::Live(_) => return self.broken(now, LinkProblem::Broken),
            _ => {}
        }
        match self.replies.finish() {
            Ok(replies) => self.take(now, replies),
            Err(_) => return self.broken(now, LinkProblem::NotThisProtocol),
        }
        match self.phase {
            Phase::Closing { .. } => {
                if self.way != Way::Live {
                    self.effects.push(Effect::AllRead);
                }
                self.end_connection();
            }
            Phase::Idle { .. } => {
                self.effects.push(Effect::FinishWriting);
                self.broken(now, LinkProblem::Broken);
            }
            // The last bytes ended the round, and the next line was begun: it got nowhere.
            _ => self.hung_up(now),
        }
    }

    /// The server hung up, which before it has sent a message or an end mark means that it does
    /// not know this login, or does not know it in this way. (It may also have hung up on one
    /// framing, and be silent on the other.)
    pub(super) fn hung_up(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Greeting { .. }) {
            return self.not_live(now);
        }
        let is_login = matches!(self.phase, Phase::LoggingIn { .. });
        if !is_login || self.online_since.is_some() {
            return self.broken(now, LinkProblem::Broken);
        }
        self.effects.push(Effect::Close);
        self.refused_so(now);
    }

    /// The login is refused in this way: tries another, or gives up.
    pub(super) fn refused_so(&mut self, now: Instant) {
        self.refused.push(self.way);
        if let Some(next) = self.other_way().filter(|_| self.stop_by.is_none()) {
            self.way = next;
            return self.connect();
        }
        self.way = match self.remembered {
            Some(way) => way,
            None => Way::Classic(Framing::Line),
        };
        // All ways are refused. What the server said of it is for the person.
        self.store(None);
        if self.remembered.is_some() && self.refusals < DOUBTED_REFUSALS {
            self.refusals += 1;
            return self.wait(now, LinkProblem::Broken);
        }
        self.refuse();
    }

    /// The server does not know this user.
    pub(super) fn refuse(&mut self) {
        self.refused.clear();
        self.phase = Phase::Refused;
        self.show(LinkState::Refused);
        self.stop_if_asked();
    }

    /// A way in which this login was not refused yet. A server that was live before is doubted
    /// before it is taken for another one.
    fn other_way(&self) -> Option<Way> {
        if self.remembered == Some(Way::Live) && self.refusals < DOUBTED_REFUSALS {
            return None;
        }
        let classic = |framing| Way::Classic(framing);
        let mut ways = vec![classic(Framing::Line), classic(Framing::Bare)];
        if let Some(way) = self.remembered {
            ways.retain(|&other| other != way);
            ways.insert(0, way);
            // It may have become another server since.
            ways.push(Way::Live);
        }
        ways.into_iter().find(|way| !self.refused.contains(way))
    }

    /// The framing of a classic login.
    pub(super) fn framing(&self) -> Framing {
        match self.way {
            Way::Classic(framing) => framing,
            Way::Live => Framing::Line,
        }
    }

    /// Whether the server hung up on the login in the other framing just now.
    fn other_refused(&self) -> bool {
        self.refused.iter().any(|way| *way != Way::Live)
    }

    pub(super) fn broken(&mut self, now: Instant, problem: LinkProblem) {
        if !self.is_connected() {
            return;
        }
        self.store(None);
        self.end_live(now);
        self.effects.push(Effect::Close);
        match std::mem::replace(&mut self.phase, Phase::Stopped) {
            Phase::Closing { .. } => self.after_close(),
            Phase::Sending { message, .. } => {
                self.effects.push(Effect::Unconfirmed(message.id));
                self.wait(now, problem);
            }
            _ => self.wait(now, problem),
        }
    }

    pub(super) fn write_failed(&mut self, now: Instant, written: usize) {
        match std::mem::replace(&mut self.phase, Phase::Stopped) {
            Phase::Sending { message, .. } if written == 0 => {
                self.effects.push(Effect::Return(message.id));
                self.outbox.push_front(message);
                self.phase = Phase::Idle { next_fetch: None };
                self.broken(now, LinkProblem::Broken);
            }
            phase @ (Phase::LoggingIn { .. } | Phase::Greeting { .. }) => {
                // Why it hung up is for the reading side to say.
                self.phase = phase;
            }
            phase => {
                self.phase = phase;
                self.broken(now, LinkProblem::Broken);
            }
        }
    }

    pub(super) fn wait(&mut self, now: Instant, problem: LinkProblem) {
        if self.stop_by.is_some() {
            return self.stop_if_asked();
        }
        let lasted = self.online_since.take().map(|since| now - since);
        if lasted.is_some_and(|lasted| lasted >= STEADY) {
            self.backoff.reset();
        }
        self.refused.clear();
        let retry_at = now + self.backoff.next_delay();
        self.phase = Phase::Waiting { retry_at };
        self.show(LinkState::Waiting { problem, retry_at });
    }

    pub(super) fn stop(&mut self, now: Instant) {
        self.stop_by = Some(now + STOP);
        match &mut self.phase {
            Phase::Idle { .. } => self.close_in_order(now),
            // An end in order would tell the server that messages under way have been read.
            Phase::LoggingIn { .. } | Phase::Greeting { .. } => self.give_up(),
            Phase::Live(_) => self.leave_live(now),
            Phase::Closing { until } => *until = now + STOP,
            // Its answer may come yet.
            Phase::Sending { .. } => {}
            _ => self.stop_if_asked(),
        }
    }

    /// Stops now, whatever is under way.
    fn give_up(&mut self) {
        if self.is_connected() {
            self.store(None);
            self.effects.push(Effect::Close);
        }
        if let Phase::Sending { message, .. } = &self.phase {
            self.effects.push(Effect::Unconfirmed(message.id));
        }
        self.stop_if_asked();
    }

    fn end_connection(&mut self) {
        self.effects.push(Effect::Close);
        self.after_close();
    }

    fn after_close(&mut self) {
        self.online_since = None;
        if self.stop_by.is_some() {
            self.stop_if_asked();
        } else {
            self.connect();
        }
    }

    fn stop_if_asked(&mut self) {
        if self.stop_by.take().is_some() {
            self.phase = Phase::Stopped;
            self.show(LinkState::Offline);
        }
    }
}
