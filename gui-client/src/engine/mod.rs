//! Everything that may wait: network, local database. The window talks to it by channels.
//!
//! One thread, the *worker*, owns the account that is open: its database and its connection's
//! state machine. It sleeps until a command, news of the connection or a deadline comes, asks
//! the machine what to do and does it in order. Each connection has two more threads, which only
//! read and write.

mod account;
mod command;
mod export;
mod groups;
mod history;
mod length;
mod link;
mod message;
mod net;
mod pages;
mod problem;
mod wire;
mod worker;

use std::{
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

pub use command::Command;
pub use export::{Export, Messages};
pub use groups::Groups;
pub use length::{escaped_bytes, line_bytes};
pub use link::{
    Doubt, Event, LinkState, NotSent, Presence, PresenceNews, ReceiptState, Roster, RosterGroup,
    ServerChange,
};
pub use message::{
    Account, Conversation, Delivery, Message, MessageId, Missed, Older, Peer, Place,
    RECEIPTS_AT_MOST, Receipt, Refusal, ReportFormat,
};
pub use net::{AddressError, ServerAddress};
pub use problem::{LinkProblem, StorageProblem, Stranger};
pub use wire::{Crossing, Side, WireNews};

use self::worker::Worker;

/// Messages that a search finds at most; there may be more where there are so many.
pub const MOST_FOUND: usize = history::MOST_FOUND;

/// Events the window has not taken yet. When there are so many, the worker waits for the window,
/// and the server, by TCP's own means, for the worker.
const EVENTS: usize = 4096;

/// How long dropping the engine waits for the worker; it needs less, unless the disk is stuck.
const END: Duration = Duration::from_secs(2);

/// The background threads, from the window's side. Dropping it, like [`Command::Quit`], closes
/// the connection in order and the database, in at most 2 s.
#[derive(Debug)]
pub struct Engine {
    commands: Sender<Command>,
    events: Receiver<Event>,
    /// Nothing is ever sent on it: it disconnects when the worker has ended.
    ended: Receiver<()>,
}

impl Engine {
    /// Starts the background threads. `folder` is the profile; the databases live in its
    /// `accounts`. `wake` is called after each event is put in the channel.
    pub fn start(folder: PathBuf, wake: impl Fn() + Send + Sync + 'static) -> Self {
        // Unbounded, as sending must not block the window: a person types them.
        let (commands, to_do) = unbounded();
        let (happened, events) = bounded(EVENTS);
        let (alive, ended) = bounded(0);
        let tell = Tell {
            events: happened,
            wake: Arc::new(wake),
        };
        let accounts = folder.join("accounts");
        let telling = tell.clone();
        let worker = thread::Builder::new()
            .name("mensageiro-engine".into())
            .spawn(move || {
                let _alive = alive;
                Worker::new(accounts, to_do, telling).run();
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

    /// What the window asks for. Sending never blocks.
    pub fn commands(&self) -> &Sender<Command> {
        &self.commands
    }

    /// What happened.
    pub fn events(&self) -> &Receiver<Event> {
        &self.events
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Quit);
        let until = Instant::now() + END;
        // The worker may be waiting for room: nobody takes the events any more but us.
        while self.events.recv_deadline(until).is_ok() {}
        if self.ended.recv_deadline(until) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the background thread did not end in time");
        }
    }
}

/// How the worker talks to the window.
#[derive(Clone)]
struct Tell {
    events: Sender<Event>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

impl Tell {
    fn event(&self, event: Event) {
        // A window that has gone needs no news.
        if self.events.send(event).is_ok() {
            (self.wake)();
        }
    }
}
