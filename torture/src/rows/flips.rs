//! One flipped bit in the store.

use anyhow::{Result, bail};

use super::torn::backlog;
use crate::{
    live::{Live, Stop},
    snapshot::Snapshot,
    trial::{Trial, Verdict, users},
};

const FLIPS: usize = 1_000;
const MESSAGES: usize = 300;

pub fn run(trial: &Trial) -> Result<Verdict> {
    let users = users(2);
    let data = trial.data("flips", &users)?;
    let mut sender = Live::new(&users[0]);
    // Several starts, so that there are several files.
    for _ in 0..3 {
        let mut server = trial.start(&data, &[])?;
        let sent = sender.log_in(server.address, None).and_then(|mut wire| {
            sender.send(&mut wire, MESSAGES / 3, || users[1].clone())?;
            sender.hear_answers(&mut wire)
        });
        sent.map_err(Stop::unexpected)?;
        server.kill();
    }
    let state = Snapshot::take(&data)?;
    let mut random = trial.random();
    let (mut flips, mut unharmed, mut refused, mut unclear) = (0, 0, 0, 0);
    let mut worst = String::new();
    while trial.goes_on(flips, FLIPS) {
        let mut spoiled = state.clone();
        let mut files: Vec<_> = spoiled
            .store()
            .filter(|file| !file.content.is_empty())
            .collect();
        // Half of the flips anywhere in the largest file, which has most bytes, half in any file.
        let largest = |file: &&mut crate::snapshot::Entry| file.content.len();
        files.sort_by_key(largest);
        let at = match random.once_in(2) {
            true => files.len() - 1,
            false => random.within(0..files.len()),
        };
        let file = &mut files[at];
        let byte = random.within(0..file.content.len());
        let bit = random.within(0..8);
        file.content[byte] ^= 1 << bit;
        let place = format!("{}, byte {byte}, bit {bit}", file.path.display());
        spoiled.restore(&data)?;
        match backlog(trial, &data, &users[1]) {
            Ok(Ok(MESSAGES)) => unharmed += 1,
            Ok(Ok(found)) => bail!("{place}: {found} of {MESSAGES} are left, without a word"),
            Ok(Err(refusal)) if refusal.is_clear() => refused += 1,
            Ok(Err(refusal)) => {
                unclear += 1;
                worst = format!("{place}: {refusal}");
            }
            Err(error) => return Err(error.context(place)),
        }
        flips += 1;
    }
    if unclear > 0 {
        eprintln!("{unclear} times the start was refused without a clear report, as {worst}");
    }
    Ok(Verdict::Held(format!(
        "{flips} flips: {unharmed} started with all messages, {refused} refused to start with a \
         report, {unclear} without a clear one, 0 lost silently"
    )))
}
