//! Rounds of a classic session: a line is sent, and new messages come up to the end mark. Also what
//! to do with servers that send none.

use std::time::{Duration, Instant};

use mensageiro_protocol::{Addressed, Framing, limits::BARE_PIECE_BYTES, live::About};

use super::{
    ending::Ending,
    io::{Effect, LiveUpdate, Outgoing, Round},
    machine::{ANSWER, Machine, NO_END, Phase, UNENDED},
};
use crate::engine::{LinkProblem, MessageId, Refusal};

impl Machine {
    /// Sends the next message, or rests: one message per round, in order.
    pub(super) fn next_round(&mut self, now: Instant) {
        if self.stop_by.is_some() {
            return self.close_in_order(now);
        }
        let Some((message, line)) = self.next_message() else {
            self.replies.expect_end(false);
            if self.fetch_again {
                return self.close_in_order(now);
            }
            self.phase = Phase::Idle { next_fetch: None };
            return self.plan_fetch();
        };
        self.replies.expect_end(true);
        self.heard_at = None;
        self.effects.push(Effect::Depart(message.id));
        self.effects.push(Effect::Write(line));
        let patience = match self.ending {
            Ending::Silence => UNENDED,
            Ending::Mark | Ending::Word(_) => ANSWER,
        };
        self.phase = Phase::Sending {
            message,
            answer_by: now + patience,
            is_answered: false,
        };
    }

    /// The next message that can be sent, with its line. A bare server takes what one `recv(1024)`
    /// returns for a message: of a longer one it would lose the rest, and might fail on a character
    /// that is cut.
    fn next_message(&mut self) -> Option<(Outgoing, Vec<u8>)> {
        let framing = self.framing();
        while let Some(message) = self.outbox.pop_front() {
            let is_change = message.about.is_some_and(About::is_change);
            if is_change {
                // Here it would be a message.
                self.refuse_unsent(message.id, Refusal::Other);
                continue;
            }
            let mut line = Vec::new();
            Addressed::encode(&message.to, &message.text, &mut line);
            if framing == Framing::Line || line.len() <= BARE_PIECE_BYTES {
                line.extend_from_slice(framing.terminator().as_bytes());
                return Some((message, line));
            }
            self.refuse_unsent(message.id, Refusal::TooLong);
        }
        None
    }

    fn refuse_unsent(&mut self, id: MessageId, why: Refusal) {
        self.effects.push(Effect::StoreLive {
            updates: vec![LiveUpdate::Refused { id, why }],
            cursor: None,
        });
    }

    /// How long the server may be silent in the middle of an answer.
    pub(super) fn patience_between(&self) -> Duration {
        match self.phase {
            _ if self.ending == Ending::Silence => UNENDED,
            Phase::LoggingIn { .. } if !self.is_trusted => NO_END,
            _ => ANSWER,
        }
    }

    /// An `f`: the received messages are complete, and the sent message is accepted.
    pub(super) fn heard_end(&mut self, now: Instant) {
        let was_late = std::mem::take(&mut self.is_end_late);
        match &mut self.phase {
            Phase::LoggingIn { .. } | Phase::Leaving { .. } => {}
            Phase::Sending {
                answer_by,
                is_answered,
                ..
            } if was_late => {
                // It may belong to the login or to the message: either another one comes, or there
                // was only one.
                *is_answered = true;
                *answer_by = now + NO_END;
                return self.learn(Ending::Mark);
            }
            Phase::Sending { .. } => {}
            Phase::Idle { .. } if was_late => {
                self.learn(Ending::Mark);
                return self.plan_fetch();
            }
            _ => return,
        }
        self.learn(Ending::Mark);
        self.end(now);
    }

    /// The round is over.
    pub(super) fn end(&mut self, now: Instant) {
        let round = match &self.phase {
            Phase::Leaving { .. } => return self.accepted(now),
            Phase::LoggingIn { .. } => Round::Login,
            Phase::Sending { message, .. } => Round::Sent(message.id),
            _ => return,
        };
        self.accepted(now);
        self.store(Some(round));
        self.last_end = Some(now);
        if let Round::Sent(_) = round {
            self.unended = 0;
            self.backoff.reset();
        }
        self.go_on(now);
    }

    /// A server that took the first word of a hello for the login gets the plain login next.
    fn go_on(&mut self, now: Instant) {
        match self.phase {
            Phase::LoggingIn { is_hello: true, .. } => self.close_in_order(now),
            _ => self.next_round(now),
        }
    }

    /// The time for the answer to a message is over.
    pub(super) fn message_unanswered(&mut self, now: Instant) {
        if self.heard_at.is_some() {
            self.unended += 1;
        }
        match &self.phase {
            Phase::Sending {
                is_answered: true, ..
            } => self.end(now),
            // It keeps answering without an `f`: it never sends one.
            _ if self.ending == Ending::Silence || self.unended > 1 => self.end_by_silence(now),
            _ => self.broken(now, LinkProblem::TimedOut),
        }
    }

    /// The server fell silent without an `f`: the received messages are shown, and whether a
    /// message was accepted is unknown.
    pub(super) fn end_by_silence(&mut self, now: Instant) {
        match self.replies.finish() {
            Ok(replies) => self.take(now, replies),
            Err(_) => return self.broken(now, LinkProblem::NotThisProtocol),
        }
        match &self.phase {
            Phase::LoggingIn { .. } => {
                let ending = Ending::of_login(&mut self.received);
                self.learn(ending);
                self.accepted(now);
                self.store(Some(Round::Login));
                self.is_end_late = true;
            }
            Phase::Sending { message, .. } => {
                let id = message.id;
                self.learn(Ending::Silence);
                self.store(None);
                self.effects.push(Effect::Unconfirmed(id));
            }
            _ => return,
        }
        self.last_end = Some(now);
        self.go_on(now);
    }

    fn learn(&mut self, ending: Ending) {
        if self.ending == ending {
            return;
        }
        let had_end = self.ending == Ending::Mark;
        let has_end = ending == Ending::Mark;
        self.ending = ending;
        if had_end != has_end {
            self.effects.push(Effect::RememberEnd(has_end));
        }
    }
}
