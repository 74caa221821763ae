//! TLS 1.3 on the server's port. A connection whose first byte is that of a handshake speaks it, all others are plain.

mod certificates;
mod identity;
mod reload;
mod session;
mod turns;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use mensageiro_protocol::trust::Fingerprint;
use parking_lot::RwLock;
use rustls::ServerConfig;

pub(super) use self::session::Session;
use self::turns::Turns;
pub use self::{
    identity::{Identity, IdentityError, PemFiles},
    reload::Reload,
};

/// The first byte of a TLS connection: a record with a handshake message. No login begins with it.
pub(super) const FIRST_BYTE: u8 = 0x16;

/// What all connections inside TLS share.
#[derive(Debug)]
pub struct Tls {
    identity: RwLock<Identity>,
    turns: Turns,
    handshake_limit: Duration,
    handshakes: AtomicU64,
    failed_handshakes: AtomicU64,
}

/// Limits on handshakes.
#[derive(Clone, Copy, Debug)]
pub struct HandshakeLimits {
    /// How many are computed at a time; `None`: as many as half of the processors.
    pub at_a_time: Option<usize>,
    /// How long one may take, with the time that it waits for its turn.
    pub time: Duration,
}

/// How many handshakes there were since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handshakes {
    /// Completed.
    pub done: u64,
    /// Begun, and ended otherwise.
    pub failed: u64,
}

impl Tls {
    /// Shows clients this identity.
    pub fn new(identity: Identity, limits: HandshakeLimits) -> Arc<Self> {
        let half = || thread::available_parallelism().map_or(1, |all| all.get().div_ceil(2));
        Arc::new(Self {
            identity: RwLock::new(identity),
            turns: Turns::new(limits.at_a_time.unwrap_or_else(half)),
            handshake_limit: limits.time,
            handshakes: AtomicU64::new(0),
            failed_handshakes: AtomicU64::new(0),
        })
    }

    /// What clients know the server by.
    pub fn fingerprint(&self) -> Fingerprint {
        self.identity.read().fingerprint()
    }

    /// Shows another identity to those who connect from now on.
    pub fn replace(&self, identity: Identity) {
        *self.identity.write() = identity;
    }

    /// The handshakes since the start.
    pub fn handshakes(&self) -> Handshakes {
        Handshakes {
            done: self.handshakes.load(Relaxed),
            failed: self.failed_handshakes.load(Relaxed),
        }
    }

    fn identity(&self) -> Identity {
        self.identity.read().clone()
    }

    fn config(&self) -> Arc<ServerConfig> {
        self.identity.read().config()
    }

    fn turns(&self) -> &Turns {
        &self.turns
    }

    fn handshake_limit(&self) -> Duration {
        self.handshake_limit
    }

    fn count_handshake(&self) {
        self.handshakes.fetch_add(1, Relaxed);
    }

    fn count_failed_handshake(&self) {
        self.failed_handshakes.fetch_add(1, Relaxed);
    }
}
