//! What costs the server little to be asked for and much to give: read marks and backlogs.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{
    arena::{Arena, Attack, USERS},
    foes::{Foe, Score, Swarm, address},
    innocents::{live, until},
    length,
    setup::{say, tagged},
};
use crate::trial::{Trial, Verdict, users};

/// Notes to oneself; as many as a mailbox takes.
const NOTES: usize = 99_990;

/// Who writes, and how often, to somebody whose backlog is large.
const WRITERS: usize = 40;
const TEXTS: usize = 60;

/// Bytes of a text.
const LONG: usize = 16_000;

/// Sessions that read nothing, and the group of their users.
const SESSIONS: usize = 1_000;
const FOES: &str = "espera";

/// What the system keeps for one of them.
const BUFFER: usize = 4096;

/// How long somebody may take to prepare.
const PREPARATION: Duration = Duration::from_secs(30);

pub fn marks(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let server = arena.server.address;
    say(
        server,
        (address(1), "u1"),
        1,
        tagged("a", "u0", "hi"),
        PREPARATION,
    )?;
    let mut mallory = live(server, address(0), "u0")?;
    mallory.write(b"read {\"with\":\"u1\",\"up_to\":1}\nping {}\n")?;
    until(&mut mallory, |line| line.starts_with("pong"))?;
    let notes = say(
        server,
        (address(0), "u0"),
        NOTES,
        tagged("n", "u0", "x"),
        PREPARATION,
    )?;
    let line = "read {\"with\":\"u1\",\"up_to\":99999999}\n".repeat(800);
    let (figures, sent) = arena.under(length(trial), |attack| {
        let middle = Instant::now() + attack.end.saturating_duration_since(Instant::now()) / 2;
        let mut sent = 0.0;
        for (count, end) in [(1, middle), (40, attack.end)] {
            let swarm = Swarm {
                count,
                hello: &|_| "u0 live/1 after=99999999\n".into(),
                lines: &|_| line.clone(),
                reads: false,
                returns: true,
            };
            sent += swarm.attack(Attack { end, ..attack }).mib_sent();
        }
        Ok(sent)
    })?;
    Ok(figures.judge(&format!(
        "{} notes in the own mailbox, {sent:.1} MiB of `read` taken",
        notes.accepted
    )))
}

pub fn sessions_of_one(trial: &Trial) -> Result<Verdict> {
    read_nothing(trial, "u0", &|_| "u0 live/1 after=0\n".into())
}

pub fn sessions_of_many(trial: &Trial) -> Result<Verdict> {
    read_nothing(trial, FOES, &|n| format!("u{n} live/1 after=0\n"))
}

/// Sessions that ask for the large backlog of `to`, a user or all foes, and read nothing of it.
fn read_nothing(
    trial: &Trial,
    to: &str,
    hello: &(dyn Fn(usize) -> String + Sync),
) -> Result<Verdict> {
    let users = users(USERS);
    // Others who log in do not get what was written to it.
    let groups = [(FOES.to_owned(), users[..SESSIONS].to_vec())];
    let mut arena = Arena::with(trial, &users, &groups, &[])?;
    let server = arena.server.address;
    let text = "x".repeat(LONG);
    let mut accepted = 0;
    for writer in 1..=WRITERS {
        let (name, login) = (format!("w{writer}"), format!("u{writer}"));
        let said = say(
            server,
            (address(writer), &login),
            TEXTS,
            tagged(&name, to, &text),
            PREPARATION,
        )?;
        accepted += said.accepted;
    }
    ensure!(
        accepted > 100,
        "only {accepted} messages were accepted before"
    );
    let (figures, (opened, open)) = arena.under(length(trial), |attack| {
        let mut foes = Vec::new();
        for number in 0..SESSIONS {
            let source = address(number);
            foes.extend(Foe::with_buffer(
                source,
                attack.server,
                &hello(number),
                Some(BUFFER),
            ));
        }
        thread::sleep(attack.end.saturating_duration_since(Instant::now()));
        let open = foes.iter().filter(|foe| foe.is_open()).count();
        Ok((foes.len(), open))
    })?;
    Ok(figures.judge(&format!(
        "backlog of {:.0} MiB; {opened} sessions opened, {open} still open at the end",
        (accepted * LONG) as f64 / 1024.0 / 1024.0
    )))
}

/// Ten users get their whole backlog, over and over.
pub fn downloads(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let server = arena.server.address;
    let text = "x".repeat(LONG / 10);
    for writer in 20..30 {
        let (name, login) = (format!("w{writer}"), format!("u{writer}"));
        for to in 0..10 {
            let name = format!("{name}.{to}");
            let to = format!("u{to}");
            say(
                server,
                (address(writer), &login),
                50,
                tagged(&name, &to, &text),
                PREPARATION,
            )?;
        }
    }
    let (figures, score) = arena.under(length(trial), |attack| {
        let swarm = Swarm {
            count: 50,
            // Half of them with a classic client, which gets what is unread.
            hello: &|n| match n % 2 {
                0 => format!("u{} live/1 after=0\nbye {{}}\n", n % 10),
                _ => format!("u{}\n", n % 10),
            },
            lines: &|_| String::new(),
            reads: true,
            returns: true,
        };
        let score: Score = swarm.attack(attack);
        Ok(score)
    })?;
    Ok(figures.judge(&format!(
        "{} connections, {:.0} MiB read",
        score.connections,
        score.mib_read()
    )))
}
