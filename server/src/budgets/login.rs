//! The budgets of one login: of all its sessions and addresses together.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use mensageiro_protocol::Login;

use super::{OverBudget, Reason, Shared, rate::Rate};

/// A session waits at most so long for what its login owes. If it still owes as much, the server hangs up.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// When somebody whose storage is used up may try again: only an administrator, or time where old
/// messages are dropped (`--keep`), changes that.
pub(super) const QUOTA_PAUSE: Duration = Duration::from_secs(60 * 60);

/// How often a session that waits looks whether its client is gone.
const LOOK: Duration = Duration::from_millis(50);

/// Messages are refused when what they cost exceeds what the login has by this much.
const LONGEST_DEBT: Duration = Duration::from_secs(1);

/// A login that has used less than one of so many parts of its budget is not affected by those of
/// all logins together.
const MODEST: u32 = 64;

/// See the module. Sessions charge it as they go, and wait for it before they read more from their
/// clients.
#[derive(Debug)]
pub struct LoginBudget {
    login: Login,
    shared: Arc<Shared>,
    bytes: Rate,
    requests: Rate,
    pub(super) sessions: AtomicUsize,
    /// Bytes in the log.
    stored: AtomicU64,
    /// When that was last counted.
    counted_at: AtomicU64,
}

/// How a pause ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paused {
    /// Nothing is owed (any more).
    Paid,
    /// The client is gone.
    Gone,
    /// So much is owed that the session should end.
    TooLong(OverBudget),
}

impl LoginBudget {
    pub(super) fn new(login: Login, shared: Arc<Shared>) -> Self {
        let limits = &shared.limits;
        Self {
            login,
            bytes: Rate::per_minute(limits.bytes_per_minute),
            requests: Rate::per_minute(limits.requests_per_minute),
            shared,
            sessions: AtomicUsize::new(0),
            stored: AtomicU64::new(0),
            counted_at: AtomicU64::new(0),
        }
    }

    /// Whose it is.
    pub fn login(&self) -> &Login {
        &self.login
    }

    /// Charges what a session has read from its client.
    pub fn receive(&self, bytes: usize, lines: usize) {
        if self.is_limited() {
            let now = self.shared.now();
            charge(&self.bytes, &self.shared.bytes, bytes as u64, now);
            charge(&self.requests, &self.shared.requests, lines as u64, now);
        }
    }

    /// Charges work, in units of [`cost`](super::cost): beforehand, or when it is known what it
    /// took.
    pub fn charge(&self, units: u64) {
        if self.is_limited() {
            let now = self.shared.now();
            charge(&self.requests, &self.shared.requests, units, now);
        }
    }

    /// Whether the next session must find it as it is.
    pub(super) fn is_in_use(&self) -> bool {
        let now = self.shared.now();
        let is_whole = self.requests.is_full(now) && self.bytes.is_full(now);
        self.sessions.load(Relaxed) > 0 || !is_whole
    }

    fn is_limited(&self) -> bool {
        let all = &self.shared;
        self.requests.is_limited()
            || self.bytes.is_limited()
            || all.requests.is_limited()
            || all.bytes.is_limited()
    }

    /// Why and how long the login has to wait; `None`: it owes nothing.
    pub fn owes(&self) -> Option<OverBudget> {
        if !self.is_limited() {
            return None;
        }
        let now = self.shared.now();
        let requests = debt(&self.requests, &self.shared.requests, now);
        let bytes = debt(&self.bytes, &self.shared.bytes, now);
        let (reason, retry_after) = match requests >= bytes {
            true => (Reason::Requests, requests),
            false => (Reason::Bytes, bytes),
        };
        let refusal = OverBudget {
            reason,
            retry_after,
        };
        (!retry_after.is_zero()).then_some(refusal)
    }

    /// Whether little is left, so that a session should not read much at a time.
    pub fn is_low(&self) -> bool {
        let now = self.shared.now();
        self.requests.is_low(now) || self.bytes.is_low(now)
    }

    /// For a session's own thread: waits as long as the login owes something now. Sessions of the
    /// same login that come later wait longer, so each of them gets its turn. Ends early when `is_gone` says that
    /// nobody is there any more.
    pub fn pause(&self, is_gone: impl Fn() -> bool) -> Paused {
        let Some(mut owed) = self.owes() else {
            return Paused::Paid;
        };
        self.shared.refusals.note_pause();
        loop {
            let mut left = owed.retry_after.min(LONGEST_PAUSE);
            while !left.is_zero() {
                if is_gone() {
                    return Paused::Gone;
                }
                let nap = left.min(LOOK);
                thread::sleep(nap);
                left -= nap;
            }
            if owed.retry_after <= LONGEST_PAUSE {
                return Paused::Paid;
            }
            owed = match self.owes() {
                None => return Paused::Paid,
                Some(still) => still,
            };
            if owed.retry_after > LONGEST_PAUSE {
                self.note(owed);
                return Paused::TooLong(owed);
            }
        }
    }

    /// Whether the login may send something that reaches many people now, when it owed `before` at
    /// the beginning of the lines that are being handled.
    ///
    /// # Errors
    /// When it owes much more than before.
    pub fn may_send(&self, before: Option<OverBudget>) -> Result<(), OverBudget> {
        let Some(owed) = self.owes() else {
            return Ok(());
        };
        let before = before.map_or(Duration::ZERO, |before| before.retry_after);
        if owed.retry_after <= before + LONGEST_DEBT {
            return Ok(());
        }
        Err(owed)
    }

    /// Counts a refusal that was told to a client, and logs it now and then.
    pub fn note(&self, refusal: OverBudget) {
        self.shared.refusals.note(refusal.reason, &self.login);
    }

    /// Whether the login owes so much that it should not come in.
    pub(super) fn may_enter(&self) -> Result<(), OverBudget> {
        match self.owes() {
            Some(owed) if owed.retry_after > LONGEST_PAUSE => Err(owed),
            _ => Ok(()),
        }
    }

    /// Bytes that the login has in the log.
    pub fn stored(&self) -> u64 {
        self.stored.load(Relaxed)
    }

    pub(super) fn set_stored(&self, bytes: u64) {
        self.stored.store(bytes, Relaxed);
    }

    /// Counts bytes that are about to be stored for the login.
    ///
    /// # Errors
    /// When the login has stored as much as it may, or all together have.
    pub fn store(&self, bytes: u64) -> Result<(), OverBudget> {
        self.shared.may_store()?;
        self.has_room(bytes)?;
        self.add_stored(bytes);
        Ok(())
    }

    /// Counts bytes that are stored for the login whatever it has already.
    pub fn add_stored(&self, bytes: u64) {
        self.stored.fetch_add(bytes, Relaxed);
    }

    fn has_room(&self, bytes: u64) -> Result<(), OverBudget> {
        let quota = self.shared.limits.quota;
        if quota == 0 || self.stored() + bytes <= quota {
            return Ok(());
        }
        // Something may have been dropped since it was counted.
        if self.shared.is_time(&self.counted_at) {
            self.set_stored(self.shared.disk_usage.of(&self.login));
            if self.stored() + bytes <= quota {
                return Ok(());
            }
        }
        Err(OverBudget {
            reason: Reason::Stored,
            retry_after: QUOTA_PAUSE,
        })
    }
}

/// Whether what a login uses counts for all logins together too.
fn counts_for_all(own: &Rate, now: u64) -> bool {
    !own.is_limited() || own.has_used(MODEST, now)
}

fn charge(own: &Rate, all: &Rate, units: u64, now: u64) {
    own.charge(units, now);
    if all.is_limited() && counts_for_all(own, now) {
        all.charge(units, now);
    }
}

fn debt(own: &Rate, all: &Rate, now: u64) -> Duration {
    match counts_for_all(own, now) {
        true => own.debt(now).max(all.debt(now)),
        false => own.debt(now),
    }
}
