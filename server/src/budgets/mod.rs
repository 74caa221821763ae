//! Budgets: what the server does for one login, and for all together. Whoever uses more waits
//! first: the server reads no more from them, and TCP makes their programs wait. Whoever goes on is
//! refused with a reason and the time after which to try again.
//!
//! ```text
//! session ──charge──► LoginBudget ──(if it uses much)──► all logins together
//!         ◄──pause──
//! ```

pub mod cost;
mod disk_usage;
mod login;
mod rate;
mod refusals;

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use mensageiro_protocol::Login;
use parking_lot::Mutex;

use self::rate::Rate;
pub use self::{
    disk_usage::DiskUsage,
    login::{LoginBudget, Paused},
    refusals::{OverBudget, Reason, Refusals},
};

/// When somebody with too many sessions may try again.
const BUSY_PAUSE: Duration = Duration::from_secs(10);

/// When somebody may try again when the disk is nearly full.
const DISK_PAUSE: Duration = Duration::from_secs(60);

/// How often stored bytes and the room on the disk are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// So many logins are remembered before it is looked which of them have their whole budget again.
const FEW_LOGINS: usize = 1_024;

/// What is allowed. 0 stands for any number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetLimits {
    /// Sessions of one login at a time.
    pub sessions: usize,
    /// Bytes that one login sends.
    pub bytes_per_minute: u64,
    /// Requests of one login, in units of [`cost`].
    pub requests_per_minute: u64,
    /// Bytes that all logins send, besides those that send little.
    pub total_bytes_per_minute: u64,
    /// Requests of all logins, besides those that request little.
    pub total_requests_per_minute: u64,
    /// Bytes that one login has in the log.
    pub quota: u64,
    /// Bytes in the log and in messages.csv.
    pub total_quota: u64,
    /// Bytes of the disk that are left alone.
    pub min_free: u64,
}

/// The budgets of all logins.
pub struct Budgets {
    shared: Arc<Shared>,
    logins: Mutex<Logins>,
}

/// What the budgets of all logins have in common.
#[derive(Debug)]
struct Shared {
    limits: BudgetLimits,
    started: Instant,
    bytes: Rate,
    requests: Rate,
    refusals: Arc<Refusals>,
    disk_usage: Box<dyn DiskUsage>,
    /// When it was last looked whether there is room for anything.
    looked_at: AtomicU64,
    room: AtomicU8,
}

/// What was found: there is room, the quota of all is used up, or the disk is nearly full.
const ROOM: u8 = 0;
const NO_QUOTA: u8 = 1;
const NO_DISK: u8 = 2;

#[derive(Default)]
struct Logins {
    /// Those with a session, and those that have used something a moment ago.
    budgets: HashMap<Login, Arc<LoginBudget>>,
    /// With so many it is looked which ones are no longer needed.
    sweep_at: usize,
}

/// A session of a login, which counts until it is dropped.
pub struct Session {
    budgets: Arc<Budgets>,
    budget: Arc<LoginBudget>,
}

impl Budgets {
    /// Nobody has used anything yet.
    pub fn new(limits: BudgetLimits, disk_usage: Box<dyn DiskUsage>) -> Arc<Self> {
        let shared = Shared {
            limits,
            started: Instant::now(),
            bytes: Rate::per_minute(limits.total_bytes_per_minute),
            requests: Rate::per_minute(limits.total_requests_per_minute),
            refusals: Arc::default(),
            disk_usage,
            looked_at: AtomicU64::new(0),
            room: AtomicU8::new(ROOM),
        };
        Arc::new(Self {
            shared: Arc::new(shared),
            logins: Mutex::default(),
        })
    }

    /// Begins a session of a login.
    ///
    /// # Errors
    /// When the login has too many, or owes too much.
    pub fn enter(self: &Arc<Self>, login: &Login) -> Result<Session, OverBudget> {
        let most = self.shared.limits.sessions;
        let (budget, before) = self.begin(login);
        let session = Session {
            budgets: self.clone(),
            budget,
        };
        session.charge(cost::LOGIN);
        let entered = match most > 0 && before >= most {
            true => Err(OverBudget {
                reason: Reason::Sessions,
                retry_after: BUSY_PAUSE,
            }),
            false => session.budget.may_enter(),
        };
        if let Err(refusal) = entered {
            session.note(refusal);
            return Err(refusal);
        }
        if before == 0 {
            let stored = self.shared.disk_usage.of(login);
            session.budget.set_stored(stored);
        }
        Ok(session)
    }

    /// The budget of a login, and how many sessions had it before.
    fn begin(&self, login: &Login) -> (Arc<LoginBudget>, usize) {
        let mut logins = self.logins.lock();
        if let Some(budget) = logins.budgets.get(login) {
            return (budget.clone(), budget.sessions.fetch_add(1, Relaxed));
        }
        if logins.budgets.len() >= logins.sweep_at {
            logins.budgets.retain(|_, budget| budget.is_in_use());
            logins.sweep_at = FEW_LOGINS.max(2 * logins.budgets.len());
        }
        let budget = Arc::new(LoginBudget::new(login.clone(), self.shared.clone()));
        budget.sessions.store(1, Relaxed);
        logins.budgets.insert(login.clone(), budget.clone());
        (budget, 0)
    }

    /// What was refused.
    pub fn refusals(&self) -> &Arc<Refusals> {
        &self.shared.refusals
    }

    /// What is stored.
    pub fn disk_usage(&self) -> &dyn DiskUsage {
        &*self.shared.disk_usage
    }
}

impl Shared {
    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Whether a moment has passed since this was last true for the same place.
    fn is_time(&self, last: &AtomicU64) -> bool {
        let (now, last_look) = (self.now(), last.load(Relaxed));
        let is_time = last_look == 0 || now - last_look.min(now) >= LOOK_EVERY.as_nanos() as u64;
        // Of several threads one looks.
        is_time
            && last
                .compare_exchange(last_look, now, Relaxed, Relaxed)
                .is_ok()
    }

    /// Whether all together may store more.
    fn may_store(&self) -> Result<(), OverBudget> {
        let BudgetLimits {
            total_quota,
            min_free,
            ..
        } = self.limits;
        if total_quota == 0 && min_free == 0 {
            return Ok(());
        }
        if self.is_time(&self.looked_at) {
            let is_full = total_quota > 0 && self.disk_usage.total() >= total_quota;
            let free = (min_free > 0).then(|| self.disk_usage.free()).flatten();
            let room = match free {
                _ if is_full => NO_QUOTA,
                Some(free) if free < min_free => NO_DISK,
                _ => ROOM,
            };
            self.room.store(room, Relaxed);
        }
        let (reason, retry_after) = match self.room.load(Relaxed) {
            NO_QUOTA => (Reason::TotalStored, login::QUOTA_PAUSE),
            NO_DISK => (Reason::Disk, DISK_PAUSE),
            _ => return Ok(()),
        };
        Err(OverBudget {
            reason,
            retry_after,
        })
    }
}

impl Session {
    /// The login's budget, for other threads and longer than the session.
    pub fn budget(&self) -> &Arc<LoginBudget> {
        &self.budget
    }
}

impl Deref for Session {
    type Target = LoginBudget;

    fn deref(&self) -> &LoginBudget {
        &self.budget
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let mut logins = self.budgets.logins.lock();
        let before = self.budget.sessions.fetch_sub(1, Relaxed);
        if before == 1 && !self.budget.is_in_use() {
            logins.budgets.remove(self.budget.login());
        }
    }
}

impl std::fmt::Debug for Budgets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Budgets")
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Session").field(self.budget.login()).finish()
    }
}
