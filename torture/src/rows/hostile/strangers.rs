//! People without a login.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    arena::Arena,
    foes::{Foe, Swarm, address},
    innocents::{classic, live},
    length,
};
use crate::trial::{Trial, Verdict};

/// Addresses, and connections of each of them.
const ADDRESSES: usize = 10;
const EACH: usize = 1_000;

/// Connections that send a byte now and then.
const SLOW: usize = 1_000;

/// After 200 ms of silence, the bytes so far would count as a login without a line end.
const BYTE_PAUSE: Duration = Duration::from_millis(150);

/// Logins of a neighbour behind the same address.
const NEIGHBOURS: usize = 20;

pub fn pool(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let (figures, (held, neighbours)) = arena.under(length(trial), |attack| {
        let mut foes = Vec::new();
        for number in 0..ADDRESSES * EACH {
            foes.extend(Foe::connect(address(number % ADDRESSES), attack.server, ""));
        }
        let mut neighbours = Vec::new();
        for number in 0..NEIGHBOURS {
            let login = format!("u{}", 2_500 + number);
            let source = address(number % ADDRESSES);
            let begin = Instant::now();
            let done = match number % 2 {
                0 => live(attack.server, source, &login),
                _ => classic(attack.server, source, &login),
            };
            neighbours.push(done.map(|_| begin.elapsed()));
        }
        // Some try again all the time, as their connections are closed.
        while Instant::now() < attack.end {
            foes.retain(Foe::is_open);
            let missing = (ADDRESSES * EACH).saturating_sub(foes.len()).min(200);
            for number in 0..missing {
                foes.extend(Foe::connect(address(number % ADDRESSES), attack.server, ""));
            }
            thread::sleep(Duration::from_millis(20));
        }
        foes.retain(Foe::is_open);
        Ok((foes.len(), neighbours))
    })?;
    let refused = neighbours.iter().filter_map(|done| done.as_ref().err());
    let refusal = refused.map(|error| format!("{error:#}")).next();
    let slowest = neighbours
        .iter()
        .flatten()
        .max()
        .copied()
        .unwrap_or_default();
    Ok(figures
        .require(
            refusal.is_none(),
            format!("a neighbour does not get in: {}", refusal.unwrap_or_default()),
        )
        .require(slowest < Duration::from_secs(2), format!("a neighbour's login took {slowest:?}"))
        .judge(&format!(
            "{held} connections held at the end; {NEIGHBOURS} neighbours log in, the slowest in {} ms",
            slowest.as_millis()
        )))
}

pub fn slowloris(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let (figures, (bytes, open)) = arena.under(length(trial), |attack| {
        let mut foes = Vec::new();
        for number in 0..SLOW {
            foes.extend(Foe::connect(address(number), attack.server, "u"));
        }
        let mut bytes = 0;
        while Instant::now() < attack.end {
            for foe in &mut foes {
                bytes += foe.push(b"u").unwrap_or(0);
            }
            thread::sleep(BYTE_PAUSE);
        }
        Ok((bytes, foes.iter().filter(|foe| foe.is_open()).count()))
    })?;
    Ok(figures.judge(&format!(
        "{SLOW} connections, {bytes} single bytes, {open} still open"
    )))
}

pub fn churn(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let (figures, count) = arena.under(length(trial), |attack| {
        let mut count = 0;
        while Instant::now() < attack.end {
            // Some say something that is no login.
            let hello = ["", "nobody\n", "u0 live/1 after=x\n", "\u{1}\u{2}"][count % 4];
            drop(Foe::connect(address(count), attack.server, hello));
            count += 1;
        }
        Ok(count)
    })?;
    let rate = count as f64 / figures.seconds();
    Ok(figures.judge(&format!("{count} connections, {rate:.0} a second")))
}

pub fn guesses(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let (figures, score) = arena.under(length(trial), |attack| {
        let swarm = Swarm {
            count: 50,
            hello: &|n| format!("status/1 {:032x}\n", n * 77),
            lines: &|_| String::new(),
            reads: true,
            returns: true,
        };
        Ok(swarm.attack(attack))
    })?;
    let rate = score.connections as f64 / figures.seconds();
    Ok(figures
        .require(score.read < 1_000_000, "something was answered")
        .judge(&format!(
            "{} guesses, {rate:.0} a second",
            score.connections
        )))
}
