//! Handling the lines of a live server.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use mensageiro_protocol::live::{
    About, Accepted, Delivered, Event, HISTORY_MOST, HistoryEnd, RefusalCode, Request,
};

use super::{LiveSession, Turn};
use crate::engine::{
    MessageId, Refusal,
    net::{
        backoff::asked,
        io::{Effect, LiveUpdate, Outgoing},
    },
};

/// The pause before a message is sent again that the server could not store, or that came too
/// early, if the server names none.
const SEND_AGAIN: Duration = Duration::from_secs(5);

/// The most bytes of texts in an answer to `history`. Servers send 256 KiB and a message more, and the last edit of each message.
const OLDER_BYTES: usize = 4 * 1024 * 1024;

impl LiveSession {
    pub(super) fn take(
        &mut self,
        now: Instant,
        event: Event,
        outbox: &mut VecDeque<Outgoing>,
    ) -> Turn {
        match event {
            Event::Message(message) if message.is_old => self.take_older(message),
            Event::Message(message) => self.take_message(message, outbox),
            Event::End if self.catching_up => {
                self.catching_up = false;
                if !self.has_left {
                    self.cursor = self.cursor.max(Some(self.last));
                }
                self.store();
                return Turn::CaughtUp;
            }
            Event::Accepted(accepted) => {
                let Some(message) = self.answered(now, |sent| sent.tag == accepted.tag) else {
                    return Turn::GoesOn;
                };
                self.updates.push(accept(message.id, accepted));
                return Turn::Accepted;
            }
            Event::Refused(refused) => {
                tracing::info!(code = ?refused.code, detail = refused.detail, "refused");
                if self.take_refusal(&refused) || self.set_refused(&refused) {
                    return Turn::GoesOn;
                }
                if let Some(tag) = refused.tag
                    && let Some(message) = self.answered(now, |sent| sent.tag == tag)
                {
                    let later = refused.retry_after;
                    self.refused(now, message, (refused.code, later), outbox);
                } else {
                    self.request_refused(now, refused.code);
                }
            }
            Event::Receipt(receipt) => self.updates.push(LiveUpdate::Receipt(receipt)),
            Event::Read(read) => self.updates.push(LiveUpdate::Read(read)),
            Event::History(end) => self.end_older(now, end),
            Event::Conversations(page) => self.take_list(page),
            Event::Settings(news) => self.take_settings(news),
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
                return Turn::Ended(bye);
            }
            event @ (Event::Devices(_)
            | Event::Invited(_)
            | Event::NewKey(_)
            | Event::Edited(_)) => self.take_answer(event),
            Event::End | Event::Welcome(_) | Event::Joined(_) | Event::Slot(_) | Event::Unknown => {
            }
        }
        Turn::GoesOn
    }

    fn take_message(&mut self, message: Delivered, outbox: &mut VecDeque<Outgoing>) {
        let is_own = message.from == self.login;
        let mut is_waiting = false;
        if let Some(tag) = message.tag.as_ref().filter(|_| is_own) {
            let mut is_it = |waiting: &Outgoing| {
                let is_it = waiting.tag == *tag && waiting.to == message.with;
                is_waiting |= is_it;
                is_it
            };
            outbox.retain(|waiting| !is_it(waiting));
            self.in_flight.retain(|sent| !is_it(sent));
        }
        self.told_up_to = self.told_up_to.max(message.id);
        if self.is_full && !is_waiting {
            self.has_left = true;
            return;
        }
        if !self.has_left {
            self.cursor = self.cursor.max(Some(message.id));
        }
        self.updates_bytes += message.text.as_str().len();
        self.updates.push(LiveUpdate::Message(message));
    }

    /// A part of an answer to `history`. Nothing else belongs to one, whatever a server sends.
    fn take_older(&mut self, message: Delivered) {
        let is_asked_for = self.requests.front().is_some_and(|request| {
            // An edit comes with the message that it is of.
            let change = message.about.filter(|about| about.is_change());
            let of = change.map_or(message.id, About::target);
            let is_before = request.before.is_none_or(|before| of < before);
            request.with == message.with && is_before
        });
        let is_room = self.older.len() < 2 * HISTORY_MOST && self.older_bytes < OLDER_BYTES;
        if is_asked_for && !is_room {
            self.is_older_cut = true;
        } else if is_asked_for && !self.is_full {
            self.older_bytes += message.text.as_str().len();
            self.older.push(message);
        }
    }

    fn end_older(&mut self, now: Instant, end: HistoryEnd) {
        let Some(request) = self.requests.pop_front() else {
            return;
        };
        self.answered_at = Some(now);
        let messages = std::mem::take(&mut self.older);
        self.older_bytes = 0;
        let is_answer = (&end.with, end.before) == (&request.with, request.before);
        // Of an answer without its end nobody knows what is missing.
        let is_whole = !std::mem::take(&mut self.is_older_cut) && !self.is_full;
        self.effects.push(match is_answer && is_whole {
            true => Effect::StoreOlder { messages, end },
            false => Effect::NoOlder(request.with),
        });
        self.next_request();
    }

    fn answered(&mut self, now: Instant, is: impl Fn(&Outgoing) -> bool) -> Option<Outgoing> {
        let at = self.in_flight.iter().position(is)?;
        self.answered_at = Some(now);
        self.in_flight.remove(at)
    }

    fn refused(
        &mut self,
        now: Instant,
        message: Outgoing,
        (code, retry_after): (RefusalCode, Option<u32>),
        outbox: &mut VecDeque<Outgoing>,
    ) {
        let why = match code {
            RefusalCode::UnknownRecipient => Refusal::UnknownRecipient,
            RefusalCode::NotAMember => Refusal::NotAMember,
            RefusalCode::MailboxFull => Refusal::MailboxFull,
            RefusalCode::Quota => Refusal::Quota,
            RefusalCode::Unknown => Refusal::UnknownMessage,
            RefusalCode::BadLine
            | RefusalCode::NotAllowed
            | RefusalCode::Exists
            | RefusalCode::BadName
            | RefusalCode::LastAdmin
            | RefusalCode::CannotEdit
            | RefusalCode::TooLarge
            | RefusalCode::DiskFull
            | RefusalCode::UnknownFile
            | RefusalCode::Other => Refusal::Other,
            RefusalCode::TagUsed | RefusalCode::TagOld => {
                self.effects.push(Effect::Renumber(message.id));
                return;
            }
            RefusalCode::Internal | RefusalCode::Busy | RefusalCode::SlowDown => {
                // Before later messages.
                outbox.insert(self.put_back.min(outbox.len()), message);
                self.put_back += 1;
                let at = now + retry_after.map_or(SEND_AGAIN, asked);
                self.send_again_at = self.send_again_at.max(Some(at));
                return;
            }
        };
        let id = message.id;
        self.updates.push(LiveUpdate::Refused { id, why });
    }

    /// A refusal without a tag can only answer a request for older messages: every other request
    /// has a tag or no answer.
    fn request_refused(&mut self, now: Instant, code: RefusalCode) {
        if code == RefusalCode::BadLine {
            return;
        }
        if let Some(request) = self.requests.pop_front() {
            self.answered_at = Some(now);
            self.older.clear();
            self.older_bytes = 0;
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

fn accept(id: MessageId, accepted: Accepted) -> LiveUpdate {
    LiveUpdate::Accepted {
        id,
        server_id: accepted.id,
        at: accepted.at,
    }
}
