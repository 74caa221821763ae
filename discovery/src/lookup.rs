use std::{
    io::{self, ErrorKind},
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use mio::{Events, Poll, Token};

use crate::{
    message,
    network::{Network, PORT},
};

/// When to ask, from the beginning on, and when to give up.
const QUESTIONS: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(250),
    Duration::from_millis(600),
];
const END: Duration = Duration::from_secs(1);

/// The addresses of a name such as `sala-3-k4f2.local`, as the local network says. Waits 1 s at most. Empty: nobody answered, or the
/// name is of another kind.
///
/// # Errors
/// When the system has no socket left.
pub fn look_up(name: &str) -> io::Result<Vec<Ipv4Addr>> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let label = name.strip_suffix(".local").filter(|label| is_label(label));
    let Some(label) = label else {
        return Ok(Vec::new());
    };
    let mut network = Network::ask()?;
    let mut poll = Poll::new()?;
    network.register(poll.registry(), Token(0))?;
    let mut events = Events::with_capacity(1);
    let (begin, mut asked, mut has_more) = (Instant::now(), 0, false);
    loop {
        let passed = begin.elapsed();
        if passed >= END {
            return Ok(Vec::new());
        }
        let next = QUESTIONS.get(asked).copied();
        if next.is_some_and(|next| next <= passed) {
            network.send(|_| message::ask_for_address(label));
            asked += 1;
            continue;
        }
        let pause = match has_more {
            true => Duration::ZERO,
            false => next.unwrap_or(END).saturating_sub(passed),
        };
        match poll.poll(&mut events, Some(pause)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let mut found = Vec::new();
        has_more = network.receive(|packet, from, _| {
            if from.port() == PORT
                && found.is_empty()
                && let Some(packet) = message::read(packet)
            {
                found = message::addresses(&packet, label);
                // As in the list of servers.
                found.retain(|address| address.is_loopback() == from.ip().is_loopback());
            }
            None
        });
        if !found.is_empty() {
            return Ok(found);
        }
    }
}

fn is_label(label: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    (1..=63).contains(&label.len()) && label.chars().all(is_part)
}
