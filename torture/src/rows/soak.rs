//! Many idle users and a few who talk, for as long as there is time.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::{
    crowd::Crowd,
    trial::{Trial, Verdict, users},
    wire::Wire,
};

const TALKERS: usize = 6;
const IDLE: usize = 900;

/// Rest of a talker after each batch of one to sixteen messages.
const PAUSE: Duration = Duration::from_millis(20);

/// Most of a growth in MiB, after the first quarter of the time, that caches explain.
const GROWTH: f64 = 48.0;

/// What the tag of a message may take in memory for a week, in MiB.
const TAG: f64 = 128.0 / 1024.0 / 1024.0;

pub fn run(trial: &Trial) -> Result<Verdict> {
    let users = users(TALKERS + IDLE);
    let data = trial.data_with_group("soak", &users, &users[..TALKERS])?;
    let mut server = trial.start(&data, &[])?;
    let mut random = trial.random();
    let mut idle = Vec::new();
    for login in &users[TALKERS..] {
        let mut wire = Wire::connect(server.address)?;
        wire.write(format!("{login}\n").as_bytes())?;
        idle.push(wire);
    }
    let mut crowd = Crowd::new(&users[..TALKERS], TALKERS - 1, random.fork());
    crowd.pause = PAUSE;
    let time = trial.left();
    crowd.talk_for(server.address, time / 4)?;
    let (begin, _) = server.memory_mib()?;
    let before = crowd.acknowledged();
    let descriptors = server.descriptors()?;
    // Each of these has every person log in anew.
    for _ in 0..30 {
        crowd.talk_for(server.address, time / 40)?;
    }
    let (end, _) = server.memory_mib()?;
    let more = server.descriptors()?.saturating_sub(descriptors);
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
