//! Clients who take all the time of the world.

use std::{
    net::Shutdown,
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    arena::Arena,
    foes::{Foe, address},
    length,
    setup::{say, tagged},
};
use crate::trial::{Trial, Verdict};

const WRITERS: usize = 500;
const READERS: usize = 500;
const HALF: usize = 500;

/// Between two bytes of one client.
const PAUSE: Duration = Duration::from_millis(50);

/// Users with sessions.
const LOGINS: usize = 100;

/// Bytes of a text that waits for a reader.
const LONG: usize = 16_000;

pub fn writers(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let line = b"@u1 written with much patience\n";
    let (figures, (bytes, open)) = arena.under(length(trial), |attack| {
        let mut foes = open_all(attack.server, WRITERS, None);
        let mut bytes = 0;
        while Instant::now() < attack.end {
            for foe in &mut foes {
                bytes += foe.push_one(line).unwrap_or(0);
                let _ = foe.pull(1024);
            }
            thread::sleep(PAUSE);
        }
        Ok((bytes, foes.iter().filter(|foe| foe.is_open()).count()))
    })?;
    Ok(figures.judge(&format!(
        "{WRITERS} sessions of {LOGINS} users, {bytes} single bytes, {open} still open"
    )))
}

pub fn readers(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let text = "x".repeat(LONG);
    for login in 0..LOGINS {
        let writer = format!("u{}", 1_000 + login);
        let to = format!("u{login}");
        say(
            arena.server.address,
            (address(login), &writer),
            30,
            tagged("r", &to, &text),
            length(trial),
        )?;
    }
    let (figures, (bytes, open)) = arena.under(length(trial), |attack| {
        let mut foes = open_all(attack.server, READERS, Some(4096));
        let mut bytes = 0;
        while Instant::now() < attack.end {
            for foe in &mut foes {
                bytes += foe.pull(1).unwrap_or(0);
            }
            thread::sleep(PAUSE);
        }
        Ok((bytes, foes.iter().filter(|foe| foe.is_open()).count()))
    })?;
    Ok(figures.judge(&format!(
        "{READERS} sessions of {LOGINS} users, {bytes} single bytes, {open} still open"
    )))
}

/// They have closed their side and read nothing, or have asked for much before.
pub fn half_open(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let (figures, opened) = arena.under(length(trial), |attack| {
        let mut foes = Vec::new();
        let ask = ["", "roster {}\n", "ping {}\n"];
        for number in 0..HALF {
            let hello = match number % 4 {
                3 => format!("u{}\n\n\n\n", number % LOGINS),
                kind => format!("u{} live/1\n{}", number % LOGINS, ask[kind].repeat(50)),
            };
            if let Ok(foe) = Foe::with_buffer(address(number), attack.server, &hello, Some(4096)) {
                // Whoever was hung up on at once cannot close it again.
                let _ = foe.stream().shutdown(Shutdown::Write);
                foes.push(foe);
            }
        }
        thread::sleep(attack.end.saturating_duration_since(Instant::now()));
        Ok(foes.len())
    })?;
    Ok(figures.judge(&format!("{opened} connections that closed their own side")))
}

fn open_all(server: std::net::SocketAddr, count: usize, buffer: Option<usize>) -> Vec<Foe> {
    let all = (0..count).map(|number| {
        let hello = format!("u{} live/1\n", number % LOGINS);
        Foe::with_buffer(address(number), server, &hello, buffer)
    });
    all.flatten().collect()
}
