//! Handling the lines of a live server.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use mensageiro_protocol::live::{Event, HISTORY_MOST, RefusalCode, Request};

use super::{LiveSession, Turn};
use crate::engine::{
    Missed, Refusal,
    net::io::{Effect, LiveUpdate, Outgoing},
};

/// The pause before a message is sent again that the server could not store.
const STORE_AGAIN: Duration = Duration::from_secs(5);

impl LiveSession {
    pub(super) fn take(
        &mut self,
        now: Instant,
        event: Event,
        outbox: &mut VecDeque<Outgoing>,
    ) -> Turn {
        match event {
            Event::Message(message) if message.is_old => {
                // An answer has no more, whatever a server sends.
                if self.older.len() < HISTORY_MOST {
                    self.older.push(message);
                }
            }
            Event::Message(message) => {
                if let Some(tag) = message.tag.as_ref().filter(|_| message.from == self.login) {
                    outbox.retain(|waiting| waiting.tag != *tag);
                    self.in_flight.retain(|sent| sent.tag != *tag);
                }
                self.cursor = self.cursor.max(Some(message.id));
                self.told_up_to = self.told_up_to.max(message.id);
                self.updates.push(LiveUpdate::Message(message));
            }
            Event::End if self.catching_up => {
                self.catching_up = false;
                self.cursor = self.cursor.max(Some(self.last));
                self.store();
                return Turn::CaughtUp;
            }
            Event::Accepted(accepted) => {
                let Some(id) = self.answered(|sent| sent.tag == accepted.tag).map(|m| m.id) else {
                    return Turn::GoesOn;
                };
                self.updates.push(LiveUpdate::Accepted {
                    id,
                    server_id: accepted.id,
                    at: accepted.at,
                    missed: Missed {
                        named: accepted.missed,
                        more: accepted.missed_more,
                    },
                });
                return Turn::Accepted;
            }
            Event::Refused(refused) => {
                tracing::info!(code = ?refused.code, detail = refused.detail, "refused");
                if let Some(tag) = refused.tag
                    && let Some(message) = self.answered(|sent| sent.tag == tag)
                {
                    self.refused(now, message, refused.code, outbox);
                } else {
                    self.request_refused(refused.code);
                }
            }
            Event::Receipt(receipt) => self.updates.push(LiveUpdate::Receipt(receipt)),
            Event::Read(read) => self.updates.push(LiveUpdate::Read(read)),
            Event::History(end) => {
                let messages = std::mem::take(&mut self.older);
                self.requests.pop_front();
                self.effects.push(Effect::StoreOlder { messages, end });
                self.next_request();
            }
            Event::Conversations(page) => self.take_list(page),
            Event::Pong => {
                if self.reads_pinged > 0 {
                    let told = self.reads.drain(..self.reads_pinged).collect();
                    self.reads_pinged = 0;
                    self.effects.push(Effect::ReadsTold(told));
                }
            }
            event @ (Event::Typing(_) | Event::Presence(_) | Event::Roster(_)) => {
                self.effects.push(Effect::News(event));
            }
            Event::Bye(bye) => {
                tracing::info!(code = ?bye.code, detail = bye.detail, "the server says bye");
                return Turn::Ended(bye.code);
            }
            Event::End | Event::Welcome(_) | Event::Unknown => {}
        }
        Turn::GoesOn
    }

    fn answered(&mut self, is: impl Fn(&Outgoing) -> bool) -> Option<Outgoing> {
        let at = self.in_flight.iter().position(is)?;
        self.in_flight.remove(at)
    }

    fn refused(
        &mut self,
        now: Instant,
        message: Outgoing,
        code: RefusalCode,
        outbox: &mut VecDeque<Outgoing>,
    ) {
        let why = match code {
            RefusalCode::UnknownRecipient => Refusal::UnknownRecipient,
            RefusalCode::NotAMember => Refusal::NotAMember,
            RefusalCode::MailboxFull => Refusal::MailboxFull,
            RefusalCode::BadLine | RefusalCode::Other => Refusal::Other,
            RefusalCode::TagUsed | RefusalCode::TagOld => {
                self.effects.push(Effect::Renumber(message.id));
                return;
            }
            RefusalCode::Internal => {
                // Before later messages.
                outbox.insert(self.put_back.min(outbox.len()), message);
                self.put_back += 1;
                self.send_again_at = Some(now + STORE_AGAIN);
                return;
            }
        };
        let id = message.id;
        self.updates.push(LiveUpdate::Refused { id, why });
    }

    /// A refusal without a tag can only answer a request for older messages: every other request
    /// has a tag or no answer.
    fn request_refused(&mut self, code: RefusalCode) {
        if code == RefusalCode::BadLine {
            return;
        }
        if let Some(request) = self.requests.pop_front() {
            self.older.clear();
            self.effects.push(Effect::NoOlder(request.with));
            self.next_request();
        }
    }

    fn next_request(&mut self) {
        if let Some(request) = self.requests.front().cloned() {
            self.say(&Request::History(request));
        }
    }
}
