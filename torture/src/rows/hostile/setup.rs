//! What users do before an attack, and what people try afterwards.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::innocents::until;
use crate::wire::Wire;

/// Messages on their way at a time.
const WINDOW: usize = 64;

/// What became of messages.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    pub accepted: usize,
    pub refused: usize,
    /// The last line that refused something.
    pub refusal: String,
}

/// A user sends messages with a live session, as fast as they are answered, until all are answered or the time is over. One
/// who is told to wait does, for a second at the most.
pub fn say(
    server: SocketAddr,
    (source, login): ([u8; 4], &str),
    count: usize,
    message: impl Fn(usize) -> String,
    time: Duration,
) -> Result<Answers> {
    let mut answers = Answers::default();
    let end = Instant::now() + time;
    let mut wire = Wire::connect_from(source, server)?;
    wire.write(format!("{login} live/1 after={}\n", u64::MAX >> 1).as_bytes())?;
    until(&mut wire, |line| line == "f")?;
    let mut at = 0;
    while at < count && Instant::now() < end {
        let some = WINDOW.min(count - at);
        let lines: String = (at..at + some).map(|n| message(n) + "\n").collect();
        wire.write(lines.as_bytes())?;
        let mut wait = Duration::ZERO;
        while answers.accepted + answers.refused < at + some {
            let line = wire.line()?;
            let line = String::from_utf8_lossy(&line);
            if line.starts_with("ok {") {
                answers.accepted += 1;
            } else if line.starts_with("no {") {
                answers.refused += 1;
                line.as_ref().clone_into(&mut answers.refusal);
                if line.contains("retry_after") {
                    wait = Duration::from_secs(1);
                }
            } else if line.starts_with("bye {") {
                line.as_ref().clone_into(&mut answers.refusal);
                return Ok(answers);
            }
        }
        at += some;
        std::thread::sleep(wait.min(end.saturating_duration_since(Instant::now())));
    }
    Ok(answers)
}

/// Messages with these texts and tags of their own.
pub fn tagged(name: &str, to: &str, text: &str) -> impl Fn(usize) -> String + use<> {
    let (name, to, text) = (name.to_owned(), to.to_owned(), text.to_owned());
    move |n| format!("#{name}.{n} @{to} {text}")
}
