//! Joining with an invite: the first line of a connection registers the key of this device. The hello follows on the same
//! connection.

use std::time::{Duration, Instant};

use mensageiro_protocol::live::{ByeCode, Event};

use super::{
    io::{Effect, Way},
    live_phases::LONGEST_WELCOME,
    machine::{Machine, Phase},
};
use crate::engine::{Distrust, LinkProblem};

/// How long a server may take for the answer. It takes its time after wrong codes from the same address.
const JOINING: Duration = Duration::from_secs(30);

impl Machine {
    /// Sends the code, if there is one. `false`: there is none.
    pub(super) fn join(&mut self, now: Instant) -> bool {
        let Some(join) = &self.join else {
            return false;
        };
        // Never to anybody who could listen.
        if self.channel.encryption.is_none() {
            self.phase = Phase::Connecting;
            self.effects.push(Effect::Leave);
            self.distrust(now, Distrust::NeedsTls);
            return true;
        }
        let mut line = Vec::new();
        join.encode(&mut line);
        line.push(b'\n');
        self.effects.push(Effect::Write(line));
        self.phase = Phase::Joining {
            answer_by: now + JOINING,
            heard: Vec::new(),
        };
        true
    }

    /// Takes the answer.
    pub(super) fn joining_bytes(&mut self, now: Instant, bytes: &[u8]) {
        let Phase::Joining { heard, .. } = &mut self.phase else {
            return;
        };
        heard.extend_from_slice(bytes);
        let Some(lf) = heard.iter().position(|&byte| byte == b'\n') else {
            if heard.len() > LONGEST_WELCOME {
                self.broken(now, LinkProblem::NotThisProtocol);
            }
            return;
        };
        let heard = std::mem::take(heard);
        match Event::parse(&heard[..lf]) {
            Ok(Event::Joined(joined)) if joined.login == self.login => {
                self.forget_invite();
                self.way = Way::Live;
                self.remember();
                self.greet(now);
                let rest = &heard[lf + 1..];
                if !rest.is_empty() {
                    self.live_bytes(now, rest);
                }
            }
            Ok(Event::Bye(bye)) => {
                match bye.code {
                    ByeCode::NeedsKey => {
                        self.forget_invite();
                        self.distrust(now, Distrust::BadCode);
                    }
                    ByeCode::Busy | ByeCode::SlowDown => {
                        self.distrust(now, Distrust::TooManyTries);
                    }
                    ByeCode::UnknownUser | ByeCode::Removed => {
                        self.forget_invite();
                        self.distrust(now, Distrust::BadCode);
                    }
                    _ => self.broken(now, LinkProblem::Broken),
                }
                self.put_off(now, bye.retry_after);
            }
            _ => self.broken(now, LinkProblem::NotThisProtocol),
        }
    }

    /// The code is used, or good for nothing.
    fn forget_invite(&mut self) {
        self.join = None;
        self.effects.push(Effect::ForgetInvite);
    }
}
