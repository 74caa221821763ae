//! The server's diagnostic log, on standard error. Nothing in the server ever waits for its reader.

mod asked;
mod lines;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    env, fmt,
    io::{self, IsTerminal},
    panic::{self, PanicHookInfo},
    thread,
    time::Duration,
};

use tracing::{error, warn};
use tracing_subscriber::{fmt::layer, prelude::*};

pub use self::lines::Lines;

/// How long the end of the program may wait until the last lines are written.
const FAREWELL: Duration = Duration::from_millis(500);

/// The diagnostic log, for messages that are not events.
#[derive(Clone, Debug)]
pub struct Log(Lines);

impl Log {
    /// Starts the log with the levels of `RUST_LOG`, and logs panics.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start() -> io::Result<Self> {
        let lines = Lines::to(io::stderr())?;
        let asked = env::var_os("RUST_LOG").unwrap_or_default();
        let asked = asked::read(&asked);
        let (targets, problem) = match asked {
            Ok(targets) => (targets, None),
            Err(problem) => (asked::usual(), Some(problem)),
        };
        let writer = lines.clone();
        let events = layer()
            .with_writer(move || writer.clone())
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .log_internal_errors(false);
        tracing_subscriber::registry()
            .with(events)
            .with(targets)
            .init();
        if let Some(problem) = problem {
            warn!("{problem}");
        }
        tell_panics();
        Ok(Self(lines))
    }

    /// Writes a message at every log level.
    pub fn say(&self, what: impl fmt::Display) {
        self.0.say(format!("{what}\n").as_bytes());
    }

    /// Gives the last lines a moment to be written before the program ends.
    pub fn finish(&self) {
        self.0.flush_within(FAREWELL);
    }
}

/// From now on panics are logged.
pub(crate) fn tell_panics() {
    panic::set_hook(Box::new(tell_panic));
}

/// Logs a panic, which is a bug of the program. What follows for the server is decided where the
/// thread ends.
pub(crate) fn tell_panic(panic: &PanicHookInfo<'_>) {
    let what = panic.payload_as_str().unwrap_or("no reason was given");
    // Rust quotes a text that was cut in the middle of a character, and that may be a message.
    let what = what.split(" of `").next().unwrap_or(what);
    let thread = thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    let place = panic.location().map(ToString::to_string);
    let place = place.unwrap_or_else(|| "an unknown place".into());
    error!("a mistake in the program, please report it: {what} (thread {thread}, {place})");
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        error!("it came there by\n{trace}");
    }
}
