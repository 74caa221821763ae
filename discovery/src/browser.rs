use std::{
    io::{self, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use mio::{Events, Poll, Token, Waker};

use crate::{
    Found, message,
    network::{Network, PORT},
    servers::Servers,
};

/// The first pause between two questions. It doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause between two questions: where announcements are heard, too, and where they are not.
const LONGEST_PAUSE: Duration = Duration::from_secs(40);
const LONGEST_PAUSE_UNHEARD: Duration = Duration::from_secs(8);

/// A server that has not answered so many questions has gone.
const QUESTIONS: u32 = 3;

/// The list is told at most this often, whatever strangers send.
const TELL: Duration = Duration::from_millis(200);

const SOCKET: Token = Token(0);
const WAKE: Token = Token(1);

/// Looks for servers in the local network until it is dropped, in a thread of its own.
#[derive(Debug)]
pub struct Browser {
    waker: Waker,
    is_stopping: Arc<AtomicBool>,
}

impl Browser {
    /// Starts. `tell` gets the list each time that it has changed: at most 32 servers, at most five times a second.
    ///
    /// # Errors
    /// When the system has no thread or socket left.
    pub fn start(tell: impl FnMut(Vec<Found>) + Send + 'static) -> io::Result<Self> {
        let mut network = Network::ask()?;
        let poll = Poll::new()?;
        network.register(poll.registry(), SOCKET)?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        let is_stopping = Arc::new(AtomicBool::new(false));
        let stop = is_stopping.clone();
        thread::Builder::new()
            .name("browser".into())
            .spawn(move || {
                if let Err(error) = run(network, poll, tell, &stop) {
                    tracing::warn!(%error, "servers nearby are not looked for any more");
                }
            })?;
        Ok(Self { waker, is_stopping })
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.is_stopping.store(true, SeqCst);
        // If it cannot be woken it wakes by itself when it asks the next time.
        let _ = self.waker.wake();
    }
}

fn run(
    mut network: Network,
    mut poll: Poll,
    mut tell: impl FnMut(Vec<Found>),
    is_stopping: &AtomicBool,
) -> io::Result<()> {
    let longest = match network.hears_all() {
        true => LONGEST_PAUSE,
        false => LONGEST_PAUSE_UNHEARD,
    };
    let mut servers = Servers::default();
    let mut told = Vec::new();
    let mut events = Events::with_capacity(2);
    let mut has_more = false;
    let (mut pause, mut next_question) = (FIRST_PAUSE, Instant::now());
    let mut may_tell = Instant::now();
    while !is_stopping.load(SeqCst) {
        let now = Instant::now();
        if now >= next_question {
            network.look();
            network.send(|_| message::ask_for_servers());
            next_question = now + pause;
            pause = (2 * pause).min(longest);
        }
        servers.expire(now);
        let list = servers.list();
        let is_news = list != told;
        if is_news && now >= may_tell {
            told.clone_from(&list);
            tell(list);
            may_tell = now + TELL;
            continue;
        }
        let told_at = is_news.then_some(may_tell);
        let deadlines = told_at.into_iter().chain(servers.deadline());
        let deadline = deadlines.fold(next_question, Instant::min);
        let rest = match has_more {
            true => Duration::ZERO,
            false => deadline.saturating_duration_since(now),
        };
        match poll.poll(&mut events, Some(rest)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        has_more = network.receive(|packet, from, _| {
            // Answers come from there, whatever port has asked (RFC 6762, 6).
            if from.port() == PORT
                && let Some(packet) = message::read(packet)
            {
                for heard in message::heard(&packet, *from.ip()) {
                    servers.hear(heard, Instant::now(), QUESTIONS * longest);
                }
            }
            None
        });
    }
    Ok(())
}
