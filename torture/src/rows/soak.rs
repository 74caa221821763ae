//! Many idle users and a few who talk, for as long as there is time.

use anyhow::{Result, ensure};

use crate::{
    crowd::Crowd,
    trial::{Trial, Verdict, users},
    wire::Wire,
};

const TALKERS: usize = 6;
const IDLE: usize = 900;

/// Most of a growth in MiB, after the first quarter of the time, that caches explain.
const GROWTH: f64 = 64.0;

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
    let time = trial.left();
    crowd.talk_for(server.address, time / 4)?;
    let (begin, _) = server.memory_mib()?;
    let descriptors = server.descriptors()?;
    // Each of these has every person log in anew.
    for _ in 0..30 {
        crowd.talk_for(server.address, time / 40)?;
    }
    let (end, _) = server.memory_mib()?;
    let more = server.descriptors()?.saturating_sub(descriptors);
    ensure!(end < begin + GROWTH, "{begin:.0} MiB became {end:.0} MiB");
    ensure!(more < 50, "{more} more descriptors are open");
    server.check_well()?;
    crowd.settle(server.address)?;
    let found = crowd.reckon(&data)?;
    Ok(Verdict::Held(format!(
        "{} s with {IDLE} idle users and {TALKERS} who talk: {} acknowledged, 0 lost; memory \
         {begin:.0} then {end:.0} MiB, descriptors {descriptors} and {more} more",
        time.as_secs(),
        found.acknowledged
    )))
}
