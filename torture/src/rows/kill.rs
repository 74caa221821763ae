//! kill -9 at random moments under live and classic load.

use std::{thread, time::Duration};

use anyhow::{Result, ensure};

use crate::{
    archive,
    crowd::Crowd,
    trial::{Trial, Verdict, users},
};

const KILLS: usize = 1_000;

/// Live users, and classic ones.
const LIVE: usize = 6;
const CLASSIC: usize = 2;

/// Longest life of a server in milliseconds.
const LONGEST: usize = 120;

pub fn run(trial: &Trial) -> Result<Verdict> {
    let users = users(LIVE + CLASSIC);
    let data = trial.data("kill", &users)?;
    let mut random = trial.random();
    let mut crowd = Crowd::new(&users, LIVE, random.fork());
    let mut kills = 0;
    while trial.goes_on(kills, KILLS) {
        let mut server = trial.start(&data, &[])?;
        let life = Duration::from_micros(random.within(1_000..LONGEST * 1_000) as u64);
        crowd.talk(server.address, || {
            // The moment of the kill varies on purpose; nothing is waited for.
            thread::sleep(life);
            server.kill();
            Ok(())
        })?;
        // Reading the file every time would take longer than all the rest.
        if kills % 50 == 0 {
            archive::rows(&data)?;
        }
        kills += 1;
    }
    let server = trial.start(&data, &[])?;
    crowd.settle(server.address)?;
    let found = crowd.reckon(&data)?;
    ensure!(found.acknowledged > kills, "there was hardly any load");
    server.stop()?;
    Ok(Verdict::Held(format!(
        "{kills} kills, {} acknowledged, {} received, {} rows: 0 lost, 0 twice",
        found.acknowledged, found.received, found.rows
    )))
}
