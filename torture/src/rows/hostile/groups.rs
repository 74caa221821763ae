//! Large groups: what one member says, all others get.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use super::{
    arena::{ALL, Arena, USERS},
    foes::{Score, Swarm, address},
    innocents::{classic, live, until},
    length,
};
use crate::{
    trial::{Trial, Verdict, users},
    wire::Wire,
};

/// Members who are there.
const THERE: usize = 300;

const LARGE: usize = 10_000;
const RESUMES: usize = 20;

/// Members who read at a time.
const READERS: usize = 100;

/// A member who resumes waits no longer.
const RESUME: Duration = Duration::from_secs(5);

pub fn amplified(trial: &Trial) -> Result<Verdict> {
    amplify(trial, &format!("@{ALL} x\n").repeat(100))
}

pub fn typing(trial: &Trial) -> Result<Verdict> {
    amplify(trial, &format!("typing {{\"to\":\"{ALL}\"}}\n").repeat(100))
}

fn amplify(trial: &Trial, lines: &str) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let (figures, (score, got)) = arena.under(length(trial), |attack| {
        let members = Swarm {
            count: THERE,
            hello: &|n| format!("u{} live/1\n", USERS / 2 + n),
            lines: &|_| String::new(),
            reads: true,
            returns: true,
        };
        let attackers = Swarm {
            count: 10,
            hello: &|n| format!("u{n} live/1 after=99999999\n"),
            lines: &|_| lines.to_owned(),
            reads: true,
            returns: true,
        };
        let scores: (Score, Score) = thread::scope(|scope| {
            let members = scope.spawn(|| members.attack(attack));
            let score = attackers.attack(attack);
            (score, members.join().unwrap_or_default())
        });
        Ok(scores)
    })?;
    Ok(figures.judge(&format!(
        "{:.2} MiB taken, {THERE} members got {:.0} MiB; {} hang-ups of members",
        score.mib_sent(),
        got.mib_read(),
        got.hang_ups
    )))
}

/// Users log in one after the other and read what waits. Returns how many did.
fn read_all(server: SocketAddr, users: &[String]) -> usize {
    let read = |(number, login): (usize, &String)| {
        anyhow::Ok(classic(server, address(number), login)?.close()?)
    };
    users
        .iter()
        .enumerate()
        .map(read)
        .filter(Result::is_ok)
        .count()
}

pub fn resume(trial: &Trial) -> Result<Verdict> {
    let members = users(LARGE);
    let groups = [(ALL.to_owned(), members.clone())];
    let mut arena = Arena::with(trial, &members, &groups, &[])?;
    let server = arena.server.address;
    let mut author = live(server, address(0), "u0")?;
    author.write(format!("#1 @{ALL} hello\n").as_bytes())?;
    let ok = until(&mut author, |line| line.starts_with("ok {"))?;
    let ok: serde_json::Value = serde_json::from_str(&ok[3..])?;
    let id = ok["id"].as_u64().context("an id")?;
    drop(author);
    let (figures, (read, slowest)) = arena.under(length(trial), |attack| {
        // Everybody reads it: a receipt of each of them waits for the author.
        let readers = members[1..LARGE - 100].chunks(LARGE / READERS);
        let read = thread::scope(|scope| {
            let threads: Vec<_> = readers
                .map(|some| scope.spawn(move || read_all(attack.server, some)))
                .collect();
            let read = threads.into_iter().map(|thread| thread.join().unwrap_or(0));
            read.sum::<usize>()
        });
        let mut slowest = Duration::ZERO;
        for number in 0..RESUMES {
            let begin = Instant::now();
            let mut wire = Wire::connect_from(address(number), attack.server)?;
            wire.write(format!("u0 live/1 after={id}\n").as_bytes())?;
            let resumed = until(&mut wire, |line| line == "f");
            resumed.with_context(|| format!("the author does not resume, try {number}"))?;
            slowest = slowest.max(begin.elapsed());
        }
        Ok((read, slowest))
    })?;
    Ok(figures
        .require(
            read > LARGE / 2,
            format!("only {read} members could read it"),
        )
        .require(slowest < RESUME, format!("a resume took {slowest:?}"))
        .judge(&format!(
            "{read} members read it; the author resumes {RESUMES} times, the slowest in {} ms",
            slowest.as_millis()
        )))
}
