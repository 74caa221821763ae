//! What was refused, and why: counted for each reason, and logged once for many.

use std::{
    collections::HashMap,
    fmt,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, Instant},
};

use mensageiro_protocol::live::{Bye, ByeCode, RefusalCode, Refused, Tag};
use parking_lot::Mutex;
use tracing::warn;

/// The same reason for the same login or address is logged at most once in this time.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The most logins and addresses that are told apart in the log. All others share one line for each reason.
const MOST_NAMED: usize = 1_000;

/// The budget that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// What a login sends, in bytes.
    Bytes,
    /// What a login requests, weighted by its cost.
    Requests,
    /// The sessions of a login.
    Sessions,
    /// All connections with a login.
    Connections,
    /// The connections of an address.
    Address,
    /// The connections that have not sent a login yet.
    BeforeLogin,
    /// The bytes that wait for all clients together.
    Waiting,
    /// What a login has stored.
    Stored,
    /// What all logins together have stored.
    TotalStored,
    /// The room that is left on the disk.
    Disk,
}

/// A refusal, with what its client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverBudget {
    /// The budget that is used up.
    pub reason: Reason,
    /// When it makes sense to try again.
    pub retry_after: Duration,
}

/// Counts refusals and logs some of them.
#[derive(Debug, Default)]
pub struct Refusals {
    counts: [AtomicU64; Reason::ALL.len()],
    pauses: AtomicU64,
    logged: Mutex<Lines>,
}

/// The last line in the log for each reason and login or address.
#[derive(Debug, Default)]
struct Lines {
    last: HashMap<(Reason, String), Logged>,
    swept_at: Option<Instant>,
}

#[derive(Debug)]
struct Logged {
    at: Instant,
    /// How many were refused since then.
    untold: u64,
}

impl Reason {
    /// All of them, each at the place of its number.
    pub const ALL: [Self; 10] = [
        Self::Bytes,
        Self::Requests,
        Self::Sessions,
        Self::Connections,
        Self::Address,
        Self::BeforeLogin,
        Self::Waiting,
        Self::Stored,
        Self::TotalStored,
        Self::Disk,
    ];

    /// Its name in the status and the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Requests => "requests",
            Self::Sessions => "sessions",
            Self::Connections => "connections",
            Self::Address => "address",
            Self::BeforeLogin => "before-login",
            Self::Waiting => "waiting",
            Self::Stored => "stored",
            Self::TotalStored => "total-stored",
            Self::Disk => "disk",
        }
    }

    /// What the log says of whoever is refused.
    fn fact(self) -> &'static str {
        match self {
            Self::Bytes => "sends too many bytes",
            Self::Requests => "sends or requests too much",
            Self::Sessions => "has too many sessions already",
            Self::Connections => "is refused, as there are too many connections",
            Self::Address => "has too many connections already",
            Self::BeforeLogin => {
                "has the most connections without a login, and the oldest was closed"
            }
            Self::Waiting => "was disconnected, as too much waits for clients that do not read",
            Self::Stored => "has stored as much as a login may, and more is refused",
            Self::TotalStored => "is refused a message, as the store has reached its quota",
            Self::Disk => "is refused a message, as the disk is nearly full",
        }
    }

    /// The option that says how much is allowed.
    fn option(self) -> &'static str {
        match self {
            Self::Bytes => "--max-bytes-per-minute, --max-total-bytes-per-minute",
            Self::Requests => "--max-requests-per-minute, --max-total-requests-per-minute",
            Self::Sessions => "--max-sessions-per-login",
            Self::Connections => "--max-connections",
            Self::Address => "--max-connections-per-address",
            Self::BeforeLogin => "--max-connections-before-login",
            Self::Waiting => "--max-waiting-bytes",
            Self::Stored => "--quota",
            Self::TotalStored => "--total-quota",
            Self::Disk => "--min-free-bytes",
        }
    }
}

/// What a client is told.
impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bytes | Self::Requests => "you send too much; slow down",
            Self::Sessions => "you have too many sessions",
            Self::Connections => "the server has too many connections",
            Self::Address => "your address has too many connections",
            Self::BeforeLogin => "too many connections wait for their login",
            Self::Waiting => "too much was waiting for you",
            Self::Stored => "you have stored as much as you may",
            Self::TotalStored => "the server has stored as much as it may",
            Self::Disk => "the server's disk is nearly full",
        })
    }
}

impl OverBudget {
    /// The answer to a line that is refused (rule V4).
    pub fn no(self, tag: Option<Tag>) -> Refused {
        let code = match self.bye_code() {
            ByeCode::Quota => RefusalCode::Quota,
            ByeCode::SlowDown => RefusalCode::SlowDown,
            _ => RefusalCode::Busy,
        };
        Refused {
            tag,
            code,
            detail: self.reason.to_string(),
            retry_after: Some(self.seconds()),
        }
    }

    /// The last line of a session that ends (rule V13).
    pub fn bye(self) -> Bye {
        Bye {
            code: self.bye_code(),
            detail: self.reason.to_string(),
            retry_after: Some(self.seconds()),
        }
    }

    fn bye_code(self) -> ByeCode {
        match self.reason {
            Reason::Bytes | Reason::Requests => ByeCode::SlowDown,
            Reason::Stored | Reason::TotalStored | Reason::Disk => ByeCode::Quota,
            Reason::Waiting => ByeCode::Slow,
            Reason::Sessions | Reason::Connections | Reason::Address | Reason::BeforeLogin => {
                ByeCode::Busy
            }
        }
    }

    /// When to try again, in whole seconds, at least 1.
    fn seconds(self) -> u32 {
        let seconds = self.retry_after.as_secs_f64().ceil();
        (seconds as u32).max(1)
    }
}

impl Refusals {
    /// Counts a refusal, and logs it unless that was done a moment ago. `who`: a login or an address.
    pub fn note(&self, reason: Reason, who: &dyn fmt::Display) {
        self.counts[reason as usize].fetch_add(1, Relaxed);
        let now = Instant::now();
        let mut logged = self.logged.lock();
        let who = match logged.has_room(now) {
            true => who.to_string(),
            false => "somebody".into(),
        };
        let line = logged.last.entry((reason, who));
        let who = line.key().1.clone();
        let mut is_due = false;
        let last = line.or_insert_with(|| {
            is_due = true;
            Logged { at: now, untold: 0 }
        });
        if !is_due && now - last.at < LOG_EVERY {
            last.untold += 1;
            return;
        }
        let untold = std::mem::take(&mut last.untold);
        last.at = now;
        drop(logged);
        let option = reason.option();
        let fact = reason.fact();
        match untold {
            0 => warn!("{who} {fact} ({option})"),
            more => warn!("{who} {fact} ({option}); {more} times more since the last such line"),
        }
    }

    /// Counts that a session had to wait until its login owed nothing.
    pub(super) fn note_pause(&self) {
        self.pauses.fetch_add(1, Relaxed);
    }

    /// How many times a session had to wait because of what it had sent.
    pub fn pauses(&self) -> u64 {
        self.pauses.load(Relaxed)
    }

    /// How many refusals there were, for each reason.
    pub fn counts(&self) -> impl Iterator<Item = (Reason, u64)> {
        let counts = Reason::ALL.into_iter().zip(&self.counts);
        counts.map(|(reason, count)| (reason, count.load(Relaxed)))
    }
}

impl Lines {
    fn has_room(&mut self, now: Instant) -> bool {
        let is_swept = self.swept_at.is_some_and(|at| now - at < LOG_EVERY);
        if self.last.len() >= MOST_NAMED && !is_swept {
            self.last.retain(|_, last| now - last.at < LOG_EVERY);
            self.swept_at = Some(now);
        }
        self.last.len() < MOST_NAMED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_place_a_name_and_a_code() {
        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
            let refusal = OverBudget {
                reason,
                retry_after: Duration::from_millis(1_200),
            };
            assert_eq!(refusal.seconds(), 2);
            assert_ne!(refusal.bye_code(), ByeCode::Other);
        }
    }

    #[test]
    fn many_refusals_of_many_are_counted_and_take_little_memory() {
        let refusals = Refusals::default();
        for number in 0..5_000 {
            refusals.note(Reason::BeforeLogin, &format_args!("10.0.{number}"));
            refusals.note(Reason::Sessions, &"ana");
        }
        let counts: Vec<_> = refusals.counts().filter(|(_, count)| *count > 0).collect();
        assert_eq!(
            counts,
            [(Reason::Sessions, 5_000), (Reason::BeforeLogin, 5_000)]
        );
        assert!(refusals.logged.lock().last.len() <= MOST_NAMED + Reason::ALL.len());
    }
}
