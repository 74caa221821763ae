use std::{
    io::{self, ErrorKind},
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, bounded};
use mio::{Events, Poll, Token, Waker};

use crate::{
    Announcement, message,
    network::{Network, PORT},
    responder::Responder,
};

/// How often to look whether this computer has come into another network.
const LOOK: Duration = Duration::from_secs(30);

/// How long the end may take.
const END: Duration = Duration::from_millis(300);

const SOCKET: Token = Token(0);
const WAKE: Token = Token(1);

/// Where a server is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// In every network that the computer is in, and to the computer itself.
    Everywhere,
    /// In the network in which the computer has this address, which is the only one to be announced.
    Only(Ipv4Addr),
}

/// Announces a server until it is dropped, in a thread of its own. The thread sleeps while nobody asks, except that it
/// looks for new networks every 30 s.
#[derive(Debug)]
pub struct Announcer {
    waker: Waker,
    is_stopping: Arc<AtomicBool>,
    /// Nothing is ever sent on it: it disconnects when the thread ends.
    ended: Receiver<()>,
}

impl Announcer {
    /// Starts. Without any network it waits for one.
    ///
    /// # Errors
    /// When the system has no thread or socket left, or UDP port 5353 belongs to a program that does not share it.
    pub fn start(what: Announcement, reach: Reach) -> io::Result<Self> {
        let only = match reach {
            Reach::Everywhere => None,
            Reach::Only(address) => Some(address),
        };
        let mut network = Network::listen(only)?;
        let poll = Poll::new()?;
        network.register(poll.registry(), SOCKET)?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let is_stopping = Arc::new(AtomicBool::new(false));
        let stop = is_stopping.clone();
        let (alive, ended) = bounded(0);
        thread::Builder::new()
            .name("announcer".into())
            .spawn(move || {
                let _alive: crossbeam_channel::Sender<()> = alive;
                let mut responder = Responder::new(what);
                if let Err(error) = run(&mut responder, &mut network, poll, &stop) {
                    tracing::warn!("the server is not announced any more: {error}");
                }
                // One packet may be lost.
                for _ in 0..2 {
                    network.send(|addresses| message::goodbye(responder.what(), addresses));
                }
            })?;
        Ok(Self {
            waker,
            is_stopping,
            ended,
        })
    }
}

/// Says goodbye; returns within 0.3 s.
impl Drop for Announcer {
    fn drop(&mut self) {
        self.is_stopping.store(true, SeqCst);
        if self.waker.wake().is_ok() {
            let _ = self.ended.recv_timeout(END);
        }
    }
}

fn run(
    responder: &mut Responder,
    network: &mut Network,
    mut poll: Poll,
    is_stopping: &AtomicBool,
) -> io::Result<()> {
    let mut events = Events::with_capacity(2);
    let mut next_look = Instant::now() + LOOK;
    let mut has_more = false;
    responder.announce(Instant::now());
    while !is_stopping.load(SeqCst) {
        let now = Instant::now();
        if now >= next_look {
            next_look = now + LOOK;
            if network.look() {
                responder.announce(now);
            }
        }
        if responder.take_due(now) {
            network.send(|addresses| message::announce(responder.what(), addresses));
        }
        let deadline = responder
            .deadline()
            .map_or(next_look, |due| due.min(next_look));
        let pause = match has_more {
            true => Duration::ZERO,
            false => deadline.saturating_duration_since(now),
        };
        match poll.poll(&mut events, Some(pause)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        has_more = network.receive(|packet, from, addresses| {
            let asked = responder.hear(packet, from.port() != PORT, Instant::now())?;
            Some(message::answer(responder.what(), addresses, asked))
        });
    }
    Ok(())
}
