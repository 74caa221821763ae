//! The phases of the connection: connecting, resting, closing, and what happens when it breaks.
//! Logging in is in `logins`, sending in `rounds`.

use std::time::Instant;

use super::{
    io::{Effect, Way},
    machine::{CLOSE, Machine, OFTENEST, Outcome, Phase, STEADY, STOP},
};
use crate::engine::{LinkProblem, LinkState};

impl Machine {
    pub(super) fn connect(&mut self) {
        // Reconnecting to fetch is no news to the person: the shown state stays.
        // Nor is trying again what is not trusted.
        let is_shown = matches!(
            self.link,
            LinkState::Online { .. } | LinkState::Untrusted(_)
        );
        if !is_shown {
            self.show(LinkState::Connecting);
        }
        self.phase = Phase::Connecting;
        self.effects.push(Effect::Connect);
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
            Phase::Waiting { .. } | Phase::Refused => {
                self.show(LinkState::Connecting);
                self.connect();
            }
            Phase::Idle { .. } => self.close_in_order(now),
            // The answer may have been composed before the wanted messages were there.
            Phase::LoggingIn { .. } | Phase::Sending { .. } => self.fetch_again = true,
            Phase::Live(_) => self.with_live(|live| live.ping(now)),
            // A login follows anyway.
            Phase::Connecting
            | Phase::Joining { .. }
            | Phase::Greeting { .. }
            | Phase::Closing { .. }
            | Phase::Leaving { .. }
            | Phase::Stopped => {}
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
            Phase::LoggingIn { answer_by, .. } if answer_by <= now => self.login_unanswered(now),
            Phase::Sending { answer_by, .. } if answer_by <= now => self.message_unanswered(now),
            Phase::LoggingIn { .. } | Phase::Sending { .. }
                if self.shown_by().is_some_and(|by| by <= now) =>
            {
                self.show_so_far();
            }
            Phase::Leaving { until } if until <= now => self.left(now),
            Phase::Idle {
                next_fetch: Some(at),
            } if at <= now => self.close_in_order(now),
            Phase::Closing { until } if until <= now => self.end_connection(),
            Phase::Joining { answer_by, .. } if answer_by <= now => {
                self.broken(now, LinkProblem::TimedOut);
            }
            Phase::Greeting { answer_by, .. } if answer_by <= now => self.greeting_unanswered(now),
            Phase::Live(_) => self.live_timer(now),
            _ => {}
        }
    }

    /// Closes our side, then waits for the server to close. Only between rounds: everything
    /// received is stored, so the server may take it as read.
    pub(super) fn close_in_order(&mut self, now: Instant) {
        self.effects.push(Effect::FinishWriting);
        let until = self.stop_by.unwrap_or(now + CLOSE);
        self.phase = Phase::Closing { until };
    }

    /// The server closed its side.
    pub(super) fn closed(&mut self, now: Instant) {
        match self.phase {
            _ if !self.is_connected() => return,
            Phase::Greeting { .. } => return self.not_live(now, Outcome::HungUp),
            Phase::Joining { .. } | Phase::Live(_) => {
                return self.broken(now, LinkProblem::Broken);
            }
            _ => {}
        }
        match self.replies.finish() {
            Ok(replies) => self.take(now, replies),
            Err(_) => return self.broken(now, LinkProblem::NotThisProtocol),
        }
        match self.phase {
            Phase::Leaving { .. } => {
                if self.online_since.is_some() {
                    self.effects.push(Effect::AllRead);
                }
                self.left(now);
            }
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
            // The last bytes ended the round, and the next line had been begun: it did not arrive.
            _ => self.hung_up(now),
        }
    }

    pub(super) fn broken(&mut self, now: Instant, problem: LinkProblem) {
        if !self.is_connected() {
            return;
        }
        if matches!(self.phase, Phase::Leaving { .. }) {
            return self.left(now);
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
            phase @ (Phase::Joining { .. } | Phase::LoggingIn { .. } | Phase::Greeting { .. }) => {
                // The reading side reports why it hung up.
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
        let delays = match problem {
            LinkProblem::Contradicts => &mut self.doubts,
            _ => &mut self.backoff,
        };
        if lasted.is_some_and(|lasted| lasted >= STEADY) {
            delays.reset();
        }
        self.tried.clear();
        self.is_settling = false;
        let retry_at = now + delays.next_delay();
        self.phase = Phase::Waiting { retry_at };
        self.show(LinkState::Waiting { problem, retry_at });
    }

    /// Puts off the next attempt to connect, if one is due.
    pub(super) fn wait_until(&mut self, at: Instant) {
        if let Phase::Waiting { retry_at } = &mut self.phase
            && *retry_at < at
            && let LinkState::Waiting { problem, .. } = self.link.clone()
        {
            *retry_at = at;
            self.show(LinkState::Waiting {
                problem,
                retry_at: at,
            });
        }
    }

    pub(super) fn stop(&mut self, now: Instant) {
        self.stop_by = Some(now + STOP);
        match &mut self.phase {
            Phase::Idle { .. } => self.close_in_order(now),
            // An orderly end would tell the server that messages under way have been read.
            Phase::Joining { .. } | Phase::LoggingIn { .. } | Phase::Greeting { .. } => {
                self.give_up();
            }
            Phase::Leaving { .. } => self.left(now),
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

    pub(super) fn stop_if_asked(&mut self) {
        if self.stop_by.take().is_some() {
            self.phase = Phase::Stopped;
            self.show(LinkState::Offline);
        }
    }
}
