//! The registry of connections: how other threads reach a connection.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use mensageiro_protocol::{
    Login,
    live::{Bye, ByeCode},
    trust::DeviceId,
};
use parking_lot::{Condvar, Mutex};

use crate::net::transport::Transport;

/// A session that can be told why it ends.
pub trait Farewell: Send + Sync {
    /// Ends the session with a reason, which a client that still reads gets to know. Never waits.
    fn close(&self, bye: Bye);
}

/// All open connections. Each one is in it from its acceptance until its [`Place`] is dropped.
#[derive(Default)]
pub struct Registry {
    next: AtomicU64,
    connections: Mutex<HashMap<u64, Entry>>,
    left: Condvar,
}

struct Entry {
    transport: Arc<Transport>,
    login: Option<Login>,
    known: Option<Known>,
    /// For a live session: how to tell it why it ends.
    farewell: Option<Arc<dyn Farewell>>,
    hung_up: Arc<AtomicBool>,
}

/// How a user was recognised by more than a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The device or program key.
    pub id: DeviceId,
    /// It is a device, so TLS has proved it, and not a program key that was typed.
    pub is_device: bool,
}

/// A connection's place in the registry.
pub struct Place {
    registry: Arc<Registry>,
    key: u64,
    known: OnceLock<Known>,
    hung_up: Arc<AtomicBool>,
}

impl Registry {
    /// Adds a new connection.
    pub fn enter(self: &Arc<Self>, transport: Arc<Transport>) -> Place {
        let key = self.next.fetch_add(1, Ordering::Relaxed);
        let hung_up = Arc::new(AtomicBool::new(false));
        let entry = Entry {
            transport,
            login: None,
            known: None,
            farewell: None,
            hung_up: hung_up.clone(),
        };
        self.connections.lock().insert(key, entry);
        Place {
            registry: self.clone(),
            key,
            known: OnceLock::new(),
            hung_up,
        }
    }

    /// Hangs up on every user for whom `gone` holds.
    pub fn hang_up_on(&self, gone: impl Fn(&Login) -> bool) {
        self.hang_up(ByeCode::Removed, "you are no longer a user", |entry| {
            entry.login.as_ref().is_some_and(&gone)
        });
    }

    /// Hangs up on every session of a device or program key for which `revoked` holds. Returns how many there were.
    pub fn hang_up_on_devices(&self, revoked: impl Fn(&Login, &DeviceId) -> bool) -> usize {
        let is_revoked = |entry: &Entry| {
            let known = entry.login.as_ref().zip(entry.known);
            known.is_some_and(|(login, known)| revoked(login, &known.id))
        };
        self.hang_up(ByeCode::Revoked, "this device was revoked", is_revoked)
    }

    /// Hangs up on everybody and waits until all have left, at most `patience`. Returns whether all
    /// have.
    pub fn close(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        self.hang_up(ByeCode::Shutdown, "the server stops", |_| true);
        let mut connections = self.connections.lock();
        while !connections.is_empty() {
            if self.left.wait_until(&mut connections, deadline).timed_out() {
                return connections.is_empty();
            }
        }
        true
    }

    /// The number of connections without a login.
    pub fn before_login(&self) -> usize {
        let connections = self.connections.lock();
        let entries = connections.values();
        entries.filter(|entry| entry.login.is_none()).count()
    }

    /// The number of users who are logged in, and of their connections.
    pub fn online(&self) -> (usize, usize) {
        let connections = self.connections.lock();
        let logins: Vec<_> = connections
            .values()
            .filter_map(|entry| entry.login.as_ref())
            .collect();
        (logins.iter().collect::<HashSet<_>>().len(), logins.len())
    }

    /// The number of connections with a login inside TLS.
    pub fn encrypted(&self) -> usize {
        let connections = self.connections.lock();
        let logged_in = connections.values().filter(|entry| entry.login.is_some());
        logged_in
            .filter(|entry| entry.transport.peer().is_encrypted)
            .count()
    }

    fn hang_up(&self, code: ByeCode, detail: &str, chosen: impl Fn(&Entry) -> bool) -> usize {
        let mut count = 0;
        for entry in self
            .connections
            .lock()
            .values()
            .filter(|entry| chosen(entry))
        {
            entry.hung_up.store(true, Ordering::SeqCst);
            if let Some(farewell) = &entry.farewell {
                farewell.close(Bye::new(code, detail));
            }
            entry.transport.hang_up();
            count += 1;
        }
        count
    }
}

impl Place {
    /// Notes the connection's user, and how it was recognised by more than a name.
    pub fn set_login(&self, login: Login, known: Option<Known>) {
        known.map(|known| self.known.set(known));
        if let Some(entry) = self.registry.connections.lock().get_mut(&self.key) {
            (entry.login, entry.known) = (Some(login), known);
        }
    }

    /// How the user was recognised by more than a name.
    pub fn known(&self) -> Option<Known> {
        self.known.get().copied()
    }

    /// Notes how to tell the session why it ends, which makes it a live session.
    pub fn set_farewell(&self, farewell: Arc<dyn Farewell>) {
        if let Some(entry) = self.registry.connections.lock().get_mut(&self.key) {
            entry.farewell = Some(farewell);
        }
    }

    /// Whether the server hung up. The end of input then says nothing about what the client has
    /// read.
    pub fn hung_up(&self) -> bool {
        self.hung_up.load(Ordering::SeqCst)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.registry.connections.lock().remove(&self.key);
        self.registry.left.notify_all();
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Place")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
