//! The server's diagnostic log, on standard error. Nothing in the server ever waits for its reader.
//!
//! What others wrote gets there only through `OneLine` or [`one_line_each`], which leave nothing in it that could end a line or
//! steer a terminal.

mod asked;
mod lines;
mod rate;

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    env, fmt,
    io::{self, IsTerminal},
    panic::{self, PanicHookInfo},
    sync::OnceLock,
    thread,
    time::Duration,
};

use mensageiro_protocol::{Escaped, Escaping};
use tracing::{Event, Subscriber, error, warn};
use tracing_subscriber::{
    Layer,
    field::RecordFields,
    fmt::{
        FormatFields,
        format::{DefaultFields, Writer},
        layer,
    },
    layer::Context,
    prelude::*,
};

pub use self::lines::{Lines, MissingLines};

/// Most bytes of an event's message and fields together.
const LONGEST: usize = 512;

/// How long the end of the program may wait until the last lines are written.
const FAREWELL: Duration = Duration::from_millis(500);

/// The lines of [`Log::start`]: a program has one diagnostic log.
static STARTED: OnceLock<Lines> = OnceLock::new();

/// The diagnostic log, for messages that are not events.
#[derive(Clone, Debug)]
pub struct Log(Lines);

impl Log {
    /// Starts the log with the levels of `RUST_LOG`, and logs panics. Of errors, of warnings and of everything
    /// else it takes `per_second` lines a second; 0: all.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(per_second: u32) -> io::Result<Self> {
        let lines = Lines::to(io::stderr(), per_second)?;
        let lines = STARTED.get_or_init(|| lines).clone();
        let asked = env::var_os("RUST_LOG").unwrap_or_default();
        let asked = asked::read(&asked);
        let (targets, problem) = match asked {
            Ok(targets) => (targets, None),
            Err(problem) => (asked::usual(), Some(problem)),
        };
        let writer = lines.clone();
        let events = layer()
            .with_writer(move || writer.clone())
            .fmt_fields(OneLine)
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .log_internal_errors(false);
        tracing_subscriber::registry()
            .with(events)
            .with(Limit(lines.clone()))
            .with(targets)
            .init();
        if let Some(problem) = problem {
            warn!("{problem}");
        }
        tell_panics();
        Ok(Self(lines))
    }

    /// Writes a message at every log level, as [`one_line_each`] shows it.
    pub fn say(&self, what: impl fmt::Display) {
        self.0.say((one_line_each(what) + "\n").as_bytes());
    }

    /// Gives the last lines a moment to be written before the program ends.
    pub fn finish(&self) {
        self.0.flush_within(FAREWELL);
    }
}

/// How many lines are missing in this program's diagnostic log; none if it was never started.
pub(crate) fn missing_lines() -> MissingLines {
    STARTED.get().map(Lines::missing).unwrap_or_default()
}

/// Writes the message and the fields of an event so that they stay on one line.
struct OneLine;

impl<'writer> FormatFields<'writer> for OneLine {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut escaping = Escaping::new(writer, LONGEST);
        DefaultFields::new().format_fields(Writer::new(&mut escaping), fields)?;
        escaping.finish()
    }
}

/// Drops events that are too many, before anybody writes them.
struct Limit(Lines);

impl<S: Subscriber> Layer<S> for Limit {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        self.0.admits(*event.metadata().level())
    }
}

/// What separates the lines of an error that names several lines of a file.
const INDENTED: &str = "\n  ";

/// Shows an error for people. Some have several lines, all but the first indented; each of them is escaped.
pub fn one_line_each(what: impl fmt::Display) -> String {
    let what = what.to_string();
    let lines = what.split(INDENTED);
    let lines: Vec<_> = lines.map(|line| Escaped(line).to_string()).collect();
    lines.join(INDENTED)
}

/// Logs a warning that may have several lines, one event for each.
pub(crate) fn warn_of_each(what: &str) {
    what.split(INDENTED).for_each(|line| warn!("{line}"));
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
    error!(
        "a mistake in the program, please report it: thread '{thread}' panicked at {place}: {what}"
    );
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        error!("it came there by");
        let trace = trace.to_string();
        trace.lines().for_each(|line| error!("{line}"));
    }
}
