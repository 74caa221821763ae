//! Everything that may block: the network and the local database. The window talks to it by
//! channels.
//!
//! One thread, the *worker*, owns the open account: its database and the state machine of its
//! connection. It sleeps until a command, an event of the connection or a deadline comes, asks the
//! machine what to do, and does it in order. Each connection has two more threads that only read
//! and write.

mod account;
mod administration;
mod command;
mod export;
mod fault;
mod groups;
mod history;
mod host;
mod hosting;
mod length;
mod link;
mod message;
mod net;
mod pages;
mod problem;
mod search;
mod trust;
mod wire;
mod worker;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
pub use mensageiro_discovery::Found;

pub use administration::{Answer, Device, Invited, Request, RequestProblem};
pub use command::{Command, Quoted};
pub use export::{Export, Messages};
pub use fault::{ActiveFaults, Fault, FaultNews, MessageFault};
pub use groups::Groups;
pub use host::{Host, HostCommand, HostNews, HostProblem, HostTerms};
pub use hosting::HostPlace;
pub use length::{escaped_bytes, line_bytes};
pub use link::{
    Doubt, Event, LinkState, NotSent, Presence, PresenceNews, QuoteCheck, ReceiptState, Room,
    Roster, RosterGroup, ServerChange, Space,
};
pub use message::{
    Account, Conversation, Delivery, FOR_GOOD, Message, MessageId, Older, Peer, RECEIPTS_AT_MOST,
    Receipt, Refusal, ReportFormat, SettingChange, SortKey, Version,
};
pub use net::{AddressError, ServerAddress};
pub use problem::{LinkProblem, StorageProblem, Stranger};
pub use search::SearchQuery;
pub use trust::{Distrust, Encryption, KeyPlace, Rights, Security, Verified};
pub use wire::{Crossing, Side, WireNews};

use self::{hosting::Hosting, trust::Trust, worker::Worker};

/// The most messages that one answer to a search has.
pub const FOUND_AT_A_TIME: usize = history::FOUND_AT_A_TIME;

/// The most events that wait for the window. When the channel is full, the worker waits for the
/// window, and TCP makes the server wait for the worker.
const EVENTS: usize = 1024;

/// The bytes that the messages of a server may take on this computer, unless the person chooses otherwise.
pub const USUAL_SPACE: u64 = 2 << 30;

/// How long dropping the engine waits for the worker, which needs less unless the disk is stuck.
const END: Duration = Duration::from_secs(2);

/// The folder of a profile in which the databases and what is kept of keys are.
const ACCOUNTS: &str = "accounts";

/// Removes from the system's keyring the keys of devices that a profile's accounts have. Afterwards the profile is of no use for
/// closed servers. Goes on after a failure.
///
/// # Errors
/// The last failure, worded for the log.
pub fn forget_keys(profile: &Path) -> Result<(), String> {
    let mut result = Ok(());
    for entry in fs::read_dir(profile.join(ACCOUNTS)).into_iter().flatten() {
        let Ok(entry) = entry else { continue };
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == "trust")
            && let Err(error) = Trust::forget_key(&path)
        {
            result = Err(format!("{}: {error}", path.display()));
        }
    }
    result
}

/// The window's handle of the background threads. Dropping it, like [`Command::Quit`], closes the
/// connection in order and the database, within 2 s.
#[derive(Debug)]
pub struct Engine {
    commands: Sender<Command>,
    events: Receiver<Event>,
    /// Nothing is ever sent on it: it disconnects when the worker ends.
    ended: Receiver<()>,
}

impl Engine {
    /// Starts the background threads. `folder` is the profile; the databases live in its
    /// `accounts`, and so do the keys of devices. `wake` is called after each event is put in the channel.
    pub fn start(folder: PathBuf, wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self::start_with(folder, KeyPlace::File, HostPlace::default(), wake)
    }

    /// The same. Keys of devices are where `key_place` says, and a server on this computer is where `host_place` says.
    pub fn start_with(
        folder: PathBuf,
        key_place: KeyPlace,
        host_place: HostPlace,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        // Unbounded, since sending must not block the window; a person cannot type fast enough to
        // fill memory.
        let (commands, to_do) = unbounded();
        let (happened, events) = bounded(EVENTS);
        let (alive, ended) = bounded(0);
        let tell = Tell {
            events: happened,
            wake: Arc::new(wake),
        };
        let accounts = folder.join(ACCOUNTS);
        let telling = tell.clone();
        let worker = thread::Builder::new()
            .name("mensageiro-engine".into())
            .spawn(move || {
                let _alive = alive;
                let hosting = Hosting::new(host_place, telling.clone());
                Worker::new(accounts, key_place, hosting, to_do, telling).run();
            });
        if let Err(error) = worker {
            tracing::error!(%error, "no thread for the engine");
            tell.event(Event::StorageFailed(StorageProblem::NoThread));
        }
        Self {
            commands,
            events,
            ended,
        }
    }

    /// The channel of commands. Sending never blocks.
    pub fn commands(&self) -> &Sender<Command> {
        &self.commands
    }

    /// The channel of events.
    pub fn events(&self) -> &Receiver<Event> {
        &self.events
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Quit);
        let until = Instant::now() + END;
        // The worker may be waiting for room in the channel, and nobody else takes events any more.
        while self.events.recv_deadline(until).is_ok() {}
        if self.ended.recv_deadline(until) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the background thread did not end in time");
        }
    }
}

/// The worker's side of the events.
#[derive(Clone)]
struct Tell {
    events: Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Tell {
    fn event(&self, event: Event) {
        // If the window is gone, the event is dropped.
        if self.events.send(event).is_ok() {
            (self.wake)();
        }
    }
}
