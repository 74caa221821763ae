//! Logging in: which way is tried, how long to wait, and what the server's reaction means.

use std::time::{Duration, Instant};

use mensageiro_protocol::Framing;

use super::{
    ending::Ending,
    io::{Effect, Way},
    machine::{
        ANSWER, DOUBTED_REFUSALS, DOUBTED_SILENCES, Machine, Outcome, PROBE, PROBE_CLOSE, Phase,
        UNENDED,
    },
};
use crate::engine::{LinkProblem, LinkState, Peer};

const LINE: Way = Way::Classic(Framing::Line);
const BARE: Way = Way::Classic(Framing::Bare);

impl Machine {
    pub(super) fn log_in(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Connecting) {
            return;
        }
        self.forget_connection();
        if self.join(now) {
            return;
        }
        if self.wants_live(now) {
            self.way = Way::Live;
        }
        let framing = match self.way {
            Way::Live => return self.greet(now),
            Way::Classic(_) if self.is_full => {
                self.effects.push(Effect::Leave);
                return self.wait(now, LinkProblem::NoRoom);
            }
            Way::Classic(framing) => framing,
        };
        self.is_trusted = self.remembered == Some(self.way) && self.ending == Ending::Mark;
        self.phase = Phase::LoggingIn {
            answer_by: now + self.patience(),
            is_hello: false,
        };
        let line = format!("{}{}", self.login, framing.terminator());
        self.effects.push(Effect::Write(line.into_bytes()));
    }

    /// How long the server may be silent after a login in the current way. A way that worked before
    /// is not given up easily, and neither is a slow server.
    fn patience(&self) -> Duration {
        let is_known = self.remembered == Some(self.way);
        let is_unended = is_known && self.ending == Ending::Silence;
        if self.is_settling || is_unended {
            UNENDED
        } else if is_known || self.is_patient() {
            ANSWER
        } else {
            PROBE
        }
    }

    /// Nothing is known about the server, and it was silent in every way: it may only be slow. So
    /// each connection tries one way, with time for an answer.
    pub(super) fn is_patient(&self) -> bool {
        self.remembered.is_none() && self.silences > 0
    }

    /// The time for an answer to the login is over.
    pub(super) fn login_unanswered(&mut self, now: Instant) {
        let is_known = self.remembered == Some(self.way);
        let is_unended = is_known && self.ending == Ending::Silence;
        if self.online_since.is_some() || self.is_settling || is_unended {
            return self.end_by_silence(now);
        }
        let said = self.received.iter().find(|one| one.from == Peer::Server);
        self.outcome = Some(match said {
            Some(said) => Outcome::Spoke(said.text.clone()),
            None => Outcome::Silent,
        });
        self.effects.push(Effect::FinishWriting);
        let until = now + PROBE_CLOSE;
        self.phase = Phase::Leaving { until };
    }

    /// The connection of an unanswered login was closed. If an answer came at last, the way was
    /// right.
    pub(super) fn left(&mut self, now: Instant) {
        self.effects.push(Effect::Leave);
        let outcome = self.outcome.take().unwrap_or(Outcome::Silent);
        if self.stop_by.is_some() {
            return self.stop_if_asked();
        }
        if self.online_since.take().is_some() {
            return self.connect();
        }
        self.tried(now, outcome);
    }

    /// The server hung up before it sent a message or an end mark: it does not know this login, or
    /// not in this way. (It may hang up on one framing and be silent on the other.)
    pub(super) fn hung_up(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Greeting { .. }) {
            return self.not_live(now, Outcome::HungUp);
        }
        let is_login = matches!(self.phase, Phase::LoggingIn { .. });
        if !is_login || self.online_since.is_some() {
            return self.broken(now, LinkProblem::Broken);
        }
        self.effects.push(Effect::Leave);
        self.tried(now, Outcome::HungUp);
    }

    /// The login failed in this way: tries another one, or gives up.
    pub(super) fn tried(&mut self, now: Instant, outcome: Outcome) {
        self.tried.push((self.way, outcome));
        if let Some(next) = self.next_way().filter(|_| self.stop_by.is_none()) {
            self.way = next;
            return self.connect();
        }
        self.conclude(now);
    }

    /// A way that was not tried yet. If a login worked in one way before, that way is doubted first
    /// before the server is considered a different one.
    fn next_way(&self) -> Option<Way> {
        let is_silent = matches!(self.tried.last(), Some((_, Outcome::Silent)));
        if self.remembered == Some(Way::Live) && self.refusals < DOUBTED_REFUSALS {
            return None;
        }
        if is_silent && (self.is_patient() || self.is_silence_doubted()) {
            return None;
        }
        let mut ways = vec![LINE, BARE];
        if let Some(way) = self.remembered {
            ways.retain(|&other| other != way);
            ways.insert(0, way);
            // It may have been replaced since.
            ways.push(Way::Live);
        }
        ways.into_iter().find(|way| !self.was_tried(*way))
    }

    /// The known way was silent, but not often: one slow answer means nothing.
    fn is_silence_doubted(&self) -> bool {
        self.remembered == Some(self.way) && self.silences + 1 < DOUBTED_SILENCES
    }

    fn was_tried(&self, way: Way) -> bool {
        self.tried.iter().any(|(tried, _)| *tried == way)
    }

    /// No way is left.
    fn conclude(&mut self, now: Instant) {
        let last = self.way;
        self.way = self.remembered.unwrap_or(LINE);
        let was_settling = std::mem::take(&mut self.is_settling);
        let let_in = self.let_in_without_a_word();
        if let Some(way) = let_in.filter(|_| !was_settling && self.stop_by.is_none()) {
            self.is_settling = true;
            self.way = way;
            return self.connect();
        }
        if self.tried.iter().all(|(_, what)| *what == Outcome::Silent) {
            self.silences += 1;
            if self.remembered.is_none() && self.silences == 1 && self.stop_by.is_none() {
                self.tried.clear();
                return self.connect();
            }
            if self.remembered.is_none() {
                self.way = self.after(last);
            }
            return self.wait(now, LinkProblem::TimedOut);
        }
        // All ways are refused. The person is shown what the server said.
        self.store(None);
        if self.remembered.is_some() && self.refusals < DOUBTED_REFUSALS {
            self.refusals += 1;
            return self.wait(now, LinkProblem::Broken);
        }
        let speaks = |(_, what): &(_, Outcome)| matches!(what, Outcome::Spoke(_));
        let problem = match self.tried.iter().any(speaks) {
            true => LinkProblem::NotThisProtocol,
            false => LinkProblem::HangsUp(self.login.clone()),
        };
        self.refuse(now, problem);
    }

    /// The way in which the server seems to have accepted the login, though it does not say so.
    ///
    /// A classic server does not know the user that a live hello names. If it answered the hello or
    /// hung up, but reacts to the plain login in another way or not at all, it has accepted it. A live
    /// server says so: whoever does not is a stranger at its address.
    fn let_in_without_a_word(&self) -> Option<Way> {
        if self.remembered == Some(Way::Live) {
            return None;
        }
        let of = |way| {
            let found = self.tried.iter().find(|(tried, _)| *tried == way);
            found.map(|(_, outcome)| outcome)
        };
        let hello = of(Way::Live);
        let says_another = |way: &Way| {
            let outcome = of(*way);
            matches!(outcome, Some(Outcome::Spoke(_))) && outcome != hello
        };
        let is_told = matches!(hello, Some(Outcome::HungUp | Outcome::Spoke(_)));
        let by_silence = (is_told && of(LINE) == Some(&Outcome::Silent)).then_some(LINE);
        [LINE, BARE].into_iter().find(says_another).or(by_silence)
    }

    /// The ways in turn.
    fn after(&self, way: Way) -> Way {
        match way {
            LINE => BARE,
            BARE if self.is_live_due => Way::Live,
            _ => LINE,
        }
    }

    /// The server does not let this user in. If it did before, it is asked again and again: it may be a stranger at
    /// its address, or a mistake in its list of users.
    pub(super) fn refuse(&mut self, now: Instant, problem: LinkProblem) {
        if self.remembered.is_some() || self.was_live {
            return self.wait(now, problem);
        }
        self.tried.clear();
        self.phase = Phase::Refused;
        self.show(LinkState::Refused);
        self.stop_if_asked();
    }

    /// The framing of a classic login.
    pub(super) fn framing(&self) -> Framing {
        match self.way {
            Way::Classic(framing) => framing,
            Way::Live => Framing::Line,
        }
    }
}
