//! Many idle users and a few active ones, for the rest of the time.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use crate::{
    crowd::Crowd,
    program::Program,
    trial::{Trial, Verdict, users},
    wire::Wire,
};

const TALKERS: usize = 6;
/// Every second one has a live session, the others a classic one.
const IDLE: usize = 5000;

/// The pause of an active user after each batch of one to sixteen messages: a busy office.
const PAUSE: Duration = Duration::from_millis(400);

/// How often everybody logs in again.
const PARTS: u32 = 120;

/// The most MiB of growth, after the first quarter of the time, that caches explain.
const GROWTH: f64 = 48.0;

/// The most memory for the tag of a message, in MiB: 8 bytes in a table with room to grow.
const TAG: f64 = 24.0 / 1024.0 / 1024.0;

/// How long closed connections may take to go, and how often to look.
const REST: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(300);

pub fn run(trial: &Trial) -> Result<Verdict> {
    let users = users(TALKERS + IDLE);
    let data = trial.data_with_group("soak", &users, &users[..TALKERS])?;
    // All of them log in at once, from one address. On a slow day more than the usual number wait for their answer.
    let mut server = trial.start(&data, &["--max-connections-before-login=10000"])?;
    let mut random = trial.random();
    let mut idle = Vec::new();
    for (at, login) in users[TALKERS..].iter().enumerate() {
        let mut wire = Wire::connect(server.address)?;
        let live = if at % 2 == 0 { " live/1" } else { "" };
        wire.write(format!("{login}{live}\n").as_bytes())?;
        idle.push(wire);
    }
    // While logins are under way, the server has more descriptors open than later.
    for wire in &mut idle {
        while wire.line()? != b"f" {}
    }
    let mut crowd = Crowd::new(&users[..TALKERS], TALKERS - 1, random.fork());
    let time = trial.left();
    crowd.pause = PAUSE.min(time / PARTS / 8);
    // In each part every user logs in again. This also brings back users whose connection broke: a
    // mailbox that nobody empties would soon be full.
    let talk = |crowd: &mut Crowd, parts| {
        (0..parts).try_for_each(|_| crowd.talk_for(server.address, time / PARTS))
    };
    talk(&mut crowd, PARTS / 4)?;
    let (begin, _) = server.memory_mib()?;
    let before = crowd.acknowledged();
    let descriptors = at_rest(&server)?;
    talk(&mut crowd, PARTS - PARTS / 4)?;
    let (end, _) = server.memory_mib()?;
    let more = at_rest(&server)?.saturating_sub(descriptors);
    let messages = (crowd.acknowledged() - before) as f64;
    let bound = begin + GROWTH + messages * TAG;
    ensure!(
        end < bound,
        "{begin:.0} MiB became {end:.0} MiB with {messages} messages"
    );
    ensure!(more < 50, "{more} more descriptors are open");
    server.check_well()?;
    crowd.settle(server.address)?;
    let found = crowd.reckon(&data)?;
    Ok(Verdict::Held(format!(
        "{} s with {IDLE} idle users and {TALKERS} who talk: {} acknowledged, 0 lost; memory \
         {begin:.0} MiB, {messages} messages later {end:.0} MiB; descriptors {descriptors} and {more} more",
        time.as_secs(),
        found.acknowledged
    )))
}

/// How many descriptors are open once the connections that clients have closed are gone. The server takes a moment to
/// see that; one that leaks never comes down.
fn at_rest(server: &Program) -> Result<usize> {
    let deadline = Instant::now() + REST;
    let mut descriptors = server.descriptors()?;
    while Instant::now() < deadline {
        thread::sleep(LOOK);
        let now = server.descriptors()?;
        if now >= descriptors {
            return Ok(now);
        }
        descriptors = now;
    }
    Ok(descriptors)
}
