//! Keeps a server running until it is told to stop: starts it, starts it again after a failure, and
//! limits how long a stop may take.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, after, bounded, never, select};
use thiserror::Error;
use tracing::{error, info};

use crate::{
    logging::warn_of_each,
    options::Options,
    server::{Server, StartError},
    signals::Signal,
};

/// How long a stop may take until everything is stored.
const LONGEST_STOP: Duration = Duration::from_secs(20);

/// A second request within this time may come from the same keystroke. A later one means that the
/// person does not want to wait.
const SAME_WISH: Duration = Duration::from_secs(1);

/// The shortest pause between the end of a failed server and a new start. It grows while starting
/// fails.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The thread that starts the server.
const THREAD: &str = "server";

/// Why a server did not end in order.
#[derive(Debug, Error)]
pub enum Failure {
    /// It could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The disk did not take everything in time, or somebody did not want to wait for it.
    #[error(
        "ended before everything was in messages.csv and the database; nothing that was acknowledged is lost, and the next start does the rest"
    )]
    Unfinished,
    /// A bug of the program ended the thread that runs the server.
    #[error("ended by a mistake in the program (see above)")]
    Panic,
}

impl Failure {
    /// The exit code of the program, for those who start it by a script: 3 if something else listens there,
    /// 4 if another server uses the data folder, 1 for everything else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Start(error) if error.is_taken() => 3,
            Self::Start(error) if error.is_in_use() => 4,
            _ => 1,
        }
    }
}

/// The channels between the main thread and the thread that runs the server.
struct Orders {
    stop: Receiver<()>,
    reload: Receiver<()>,
    phases: Sender<Phase>,
}

/// The phases of a server after a failure.
enum Phase {
    /// It is being stopped.
    Stopping,
    /// Another one is being started in its place.
    Stopped,
}

/// Runs a server until it is asked to stop. Calls `greet` when it serves for the first time.
///
/// # Errors
/// [`Failure`] if it does not start or does not end in order.
pub fn run(
    options: Options,
    asked: &Receiver<Signal>,
    greet: impl FnOnce(&Server) + Send + 'static,
) -> Result<(), Failure> {
    let (stop, stopped) = bounded(1);
    let (reload, reloaded) = bounded(1);
    let (tell, ended) = bounded(1);
    let (phases, phase) = bounded(1);
    let orders = Orders {
        stop: stopped,
        reload: reloaded,
        phases,
    };
    let has_started = Arc::new(AtomicBool::new(false));
    let is_serving = has_started.clone();
    let greet = move |server: &Server| {
        is_serving.store(true, Ordering::SeqCst);
        greet(server);
    };
    thread::Builder::new()
        .name(THREAD.into())
        .spawn(move || {
            // If nobody listens any more, nobody waits any more.
            let _ = tell.send(serve(options, &orders, greet));
        })
        .map_err(StartError::Thread)?;
    let mut stopping: Option<Instant> = None;
    let mut deadline = never();
    loop {
        select! {
            recv(ended) -> result => return result.unwrap_or(Err(Failure::Panic)),
            recv(deadline) -> _ => return Err(Failure::Unfinished),
            recv(phase) -> now => match now {
                _ if stopping.is_some() => {}
                Ok(Phase::Stopping) => deadline = after(LONGEST_STOP),
                Ok(Phase::Stopped) => deadline = never(),
                // It has ended.
                Err(_) => return ended.recv().unwrap_or(Err(Failure::Panic)),
            },
            recv(asked) -> signal => match signal {
                // If one is already waiting, that is enough.
                Ok(Signal::Reload) => {
                    let _ = reload.try_send(());
                }
                // A start may be interrupted anywhere.
                _ if !has_started.load(Ordering::SeqCst) => return Ok(()),
                _ => match stopping {
                    Some(since) if since.elapsed() >= SAME_WISH => return Err(Failure::Unfinished),
                    Some(_) => {}
                    None => {
                        stopping = Some(Instant::now());
                        deadline = after(LONGEST_STOP);
                        let _ = stop.try_send(());
                    }
                },
            },
        }
    }
}

/// Serves, and starts the server again after each failure: a start is known to bring everything in
/// order.
fn serve(
    mut options: Options,
    orders: &Orders,
    greet: impl FnOnce(&Server),
) -> Result<(), Failure> {
    let mut server = Server::start(&options)?;
    // The ports that the system chose stay the same.
    options.listen = server.address();
    options.metrics = server.metrics();
    greet(&server);
    let mut pause = SHORTEST_PAUSE;
    loop {
        let begin = Instant::now();
        if follow(&server, orders) == Next::Stop {
            info!("stopping");
            // Bounds the stop, also where no signal has asked for it.
            orders.tell(Phase::Stopping);
            server.stop();
            info!("stopped, everything is on disk");
            return Ok(());
        }
        error!("the server cannot go on; it starts again as soon as it can");
        orders.tell(Phase::Stopping);
        server.stop();
        orders.tell(Phase::Stopped);
        if begin.elapsed() > 2 * LONGEST_PAUSE {
            pause = SHORTEST_PAUSE;
        }
        match start_again(&options, orders, &mut pause)? {
            Some(again) => server = again,
            None => return Ok(()),
        }
    }
}

impl Orders {
    fn tell(&self, phase: Phase) {
        // If nobody listens any more, nobody waits any more.
        let _ = self.phases.send(phase);
    }
}

#[derive(PartialEq, Eq)]
enum Next {
    Stop,
    StartAgain,
}

/// Serves until something else must be done.
fn follow(server: &Server, orders: &Orders) -> Next {
    loop {
        select! {
            recv(orders.stop) -> _ => return Next::Stop,
            recv(server.asked_to_stop()) -> _ => return Next::Stop,
            recv(server.refused()) -> _ => return Next::StartAgain,
            recv(orders.reload) -> _ => server.reload(),
        }
    }
}

/// Tries until it succeeds; `None` when it is told to stop.
///
/// # Errors
/// When the store is in use for longer than a connection of the server before could have it: then
/// something that does not end has it, and only the end of the program helps.
fn start_again(
    options: &Options,
    orders: &Orders,
    pause: &mut Duration,
) -> Result<Option<Server>, StartError> {
    let longest_use = LONGEST_STOP + options.dead_link_after;
    let begin = Instant::now();
    while orders.stop.recv_timeout(*pause) == Err(RecvTimeoutError::Timeout) {
        *pause = (*pause * 2).min(LONGEST_PAUSE);
        match Server::start(options) {
            Ok(server) => {
                info!("started again");
                return Ok(Some(server));
            }
            Err(error) if error.is_in_use() && begin.elapsed() > longest_use => {
                return Err(error);
            }
            Err(error) => warn_of_each(&format!("not yet: {error}")),
        }
    }
    Ok(None)
}
