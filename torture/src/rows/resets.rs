//! Connections that break in the middle of a line or a backlog, or between a message and its `ok`.

use std::{thread, time::Duration};

use anyhow::Result;

use crate::{
    crowd::Crowd,
    random::Random,
    trial::{Trial, Verdict, users},
};

const RESETS: usize = 500;
const LIVE: usize = 5;

/// A connection breaks within that many reads and writes.
const STEPS: usize = 12;

pub fn run(trial: &Trial) -> Result<Verdict> {
    let users = users(LIVE + 1);
    let data = trial.data("resets", &users)?;
    let mut random = trial.random();
    let mut crowd = Crowd::new(&users, LIVE, random.fork());
    let server = trial.start(&data, &[])?;
    let mut resets = 0;
    while trial.goes_on(resets, RESETS) {
        let steps = |random: &mut Random| Some(random.within(0..STEPS));
        crowd.talk_breaking(server.address, steps, || {
            // Connections that have not broken by then end in order.
            thread::sleep(Duration::from_millis(20));
            Ok(())
        })?;
        resets += LIVE;
    }
    crowd.settle(server.address)?;
    let found = crowd.reckon(&data)?;
    server.stop()?;
    Ok(Verdict::Held(format!(
        "{resets} connections, {} acknowledged, {} received: 0 lost, 0 twice",
        found.acknowledged, found.received
    )))
}
