//! What the app tells whoever reads its standard error. Whatever a server wrote in it stays a part of one line.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    env, fmt,
    io::{self, IsTerminal, Write},
    panic::PanicHookInfo,
    thread,
};

use mensageiro_protocol::{Escaped, Escaping};
use tracing_subscriber::{
    field::RecordFields,
    filter::{LevelFilter, Targets},
    fmt::{
        FormatFields,
        format::{DefaultFields, Writer},
        layer,
    },
    prelude::*,
};

/// Most bytes of an event's message and fields together.
const LONGEST: usize = 512;

/// Starts the log with the levels of `RUST_LOG`; by default it has only errors.
pub fn start() {
    // What these report the window or `main` tells in words; RUST_LOG shows it all the same.
    let asked = env::var("RUST_LOG").ok();
    let asked = asked.filter(|asked| asked.split(',').all(is_understood));
    let asked = asked.and_then(|asked| asked.parse::<Targets>().ok());
    let filter = asked.unwrap_or_else(|| {
        let told = [
            "eframe",
            "winit",
            "sctk_adwaita",
            "rfd",
            "rustls_platform_verifier",
        ]
        .map(|program| (program, LevelFilter::OFF));
        Targets::new()
            .with_default(LevelFilter::ERROR)
            .with_targets(told)
    });
    tracing_subscriber::registry()
        // Who does not read it any more is no reason to end.
        .with(
            layer()
                .with_writer(io::stderr)
                .fmt_fields(OneLine)
                .with_ansi(io::stderr().is_terminal())
                .log_internal_errors(false),
        )
        .with(filter)
        .init();
}

/// Tells why the app ends. With nowhere to say it, the exit code remains.
pub fn say(why: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "mensageiro: {}", Escaped(why));
}

/// Tells of a panic, which is a mistake of the app.
pub fn say_panic(panic: &PanicHookInfo<'_>) {
    let what = panic.payload_as_str().unwrap_or("no reason was given");
    // Rust quotes a text that was cut in the middle of a character, and that may be a message.
    let what = what.split(" of `").next().unwrap_or(what);
    let place = panic.location().map(ToString::to_string);
    let place = place.unwrap_or_else(|| "an unknown place".into());
    let thread = thread::current();
    let thread = thread.name().unwrap_or("unnamed");
    say(format_args!(
        "a mistake in the program, please report it: thread '{thread}' panicked at {place}: {what}"
    ));
    let trace = Backtrace::capture();
    if trace.status() == BacktraceStatus::Captured {
        trace.to_string().lines().for_each(say);
    }
}

/// A word that is no level would be a module's name, and everything else silent.
fn is_understood(part: &str) -> bool {
    part.contains('=') || part.trim().parse::<LevelFilter>().is_ok()
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_server_wrote_stays_a_part_of_one_line() {
        let kept = Kept::default();
        let writer = kept.clone();
        let events = layer()
            .with_writer(move || writer.clone())
            .fmt_fields(OneLine)
            .with_ansi(false);
        let said = "x\n2026 ERROR forged\u{1b}[2J\u{2028}\u{202e}";
        tracing::subscriber::with_default(tracing_subscriber::registry().with(events), || {
            tracing::info!(detail = said, error = %said, code = ?said, "refused: {said}");
        });
        let written = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert_eq!(written.lines().count(), 1, "{written}");
        let line = written.trim_end_matches('\n');
        assert!(!line.contains(mensageiro_protocol::is_hidden), "{line:?}");
        assert_eq!(line.matches("forged").count(), 4, "{line}");
    }
}
