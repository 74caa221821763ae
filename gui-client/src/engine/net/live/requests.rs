//! Requests to a live server, other than messages.

use std::time::{Duration, Instant};

use mensageiro_protocol::{
    Login,
    live::{HistoryRequest, Read, Request, RosterRequest, Status, Typing},
};

use super::LiveSession;

/// The least time between two notices that the person is typing.
const TYPING_PAUSE: Duration = Duration::from_secs(3);
/// The most requests for older messages that wait for each other.
const REQUESTS: usize = 8;

impl LiveSession {
    /// Pings the server.
    pub fn ping(&mut self, now: Instant) {
        if !self.pinged {
            self.pinged = true;
            self.reads_pinged = self.reads.len();
            self.owed_since.get_or_insert(now);
            self.say(&Request::Ping);
        }
    }

    /// Sends `bye`; the server then closes.
    pub fn say_bye(&mut self) {
        self.say(&Request::Bye);
    }

    /// The person has read on.
    pub fn tell_read(&mut self, read: Read) {
        self.say(&Request::Read(read.clone()));
        match self.reads.iter().position(|known| known.with == read.with) {
            // Those covered by the ping are the first ones.
            Some(at) if at >= self.reads_pinged => self.reads[at] = read,
            _ => self.reads.push(read),
        }
    }

    /// The person types.
    pub fn tell_typing(&mut self, now: Instant, to: Login) {
        let is_told = self
            .typing_at
            .as_ref()
            .is_some_and(|(whom, at)| *whom == to && now < *at + TYPING_PAUSE);
        if !is_told && !self.catching_up {
            self.say(&Request::Typing(Typing { to: to.clone() }));
            self.typing_at = Some((to, now));
        }
    }

    /// Sends the person's presence.
    pub fn tell_status(&mut self, status: Status) {
        self.say(&Request::Status(status));
    }

    /// Asks for the roster, and for its changes from now on.
    pub fn ask_roster(&mut self) {
        self.say(&Request::Roster(RosterRequest { changes: true }));
    }

    /// Asks for older messages, one request after another. `false`: too many are waiting.
    pub fn ask_older(&mut self, request: HistoryRequest) -> bool {
        if self.requests.contains(&request) {
            return true;
        }
        if self.requests.len() >= REQUESTS {
            return false;
        }
        if self.requests.is_empty() {
            self.say(&Request::History(request.clone()));
        }
        self.requests.push_back(request);
        true
    }

    /// Writes a line at the end of this turn.
    pub(super) fn say(&mut self, request: &Request) {
        request.encode(&mut self.out);
        self.out.push(b'\n');
    }
}
