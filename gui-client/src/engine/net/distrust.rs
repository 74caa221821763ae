//! What the machine does with a server that is not trusted, or that does not let this device in.

use std::time::{Duration, Instant};

use super::{
    backoff::asked,
    io::Effect,
    machine::{Machine, Phase},
};
use crate::engine::{Distrust, LinkState, trust};

/// How long until a device that is not let in tries again: somebody may have taken it out by mistake.
const LET_IN_AGAIN: Duration = Duration::from_secs(5 * 60);

impl Machine {
    /// The server is not trusted, or does not let this device in. Where it may be another one soon, as in another network,
    /// it is tried again, and nothing is shown of that.
    pub(super) fn distrust(&mut self, now: Instant, distrust: Distrust) {
        if self.is_connected() {
            self.end_live(now);
            self.effects.push(Effect::Close);
        }
        self.online_since = None;
        self.tried.clear();
        self.is_settling = false;
        if self.stop_by.is_some() {
            return self.stop_if_asked();
        }
        let retry_at = match distrust {
            // The person must do something.
            Distrust::Unknown { .. } | Distrust::BadCode => None,
            Distrust::NeedsKey | Distrust::Revoked => Some(now + LET_IN_AGAIN),
            _ => Some(now + self.backoff.next_delay()),
        };
        self.phase = retry_at.map_or(Phase::Refused, |retry_at| Phase::Waiting { retry_at });
        self.show(LinkState::Untrusted(distrust));
    }

    /// The server does not talk without TLS: it is tried again with it, once.
    pub(super) fn needs_tls(&mut self, now: Instant) {
        let was_asked = std::mem::replace(&mut self.is_tls_asked, true);
        if was_asked || self.channel.encryption.is_some() {
            self.is_tls_asked = false;
            return self.distrust(now, Distrust::NeedsTls);
        }
        self.effects.push(Effect::Close);
        self.effects.push(Effect::TryTls);
        self.connect();
    }

    /// Whether the person has to be asked about the key of the server before anything else is said to it.
    pub(super) fn unknown_key(&self, is_closed: bool) -> Option<Distrust> {
        let encryption = self.channel.encryption.as_ref()?;
        let fingerprint = encryption.fingerprint;
        trust::must_ask(encryption.verified, self.channel.is_here, is_closed)
            .then_some(Distrust::Unknown { fingerprint })
    }

    /// The pause that a server asks for before it may be tried again.
    pub(super) fn put_off(&mut self, now: Instant, retry_after: Option<u32>) {
        if let (Some(seconds), Phase::Waiting { retry_at }) = (retry_after, &mut self.phase) {
            *retry_at = (*retry_at).max(now + asked(seconds));
        }
    }
}
