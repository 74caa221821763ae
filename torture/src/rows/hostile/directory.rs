//! A large users.csv that is edited while clients, also slow ones, watch the roster.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{
    arena::{ALL, Arena, write_directory},
    foes::{Foe, address},
    innocents::live,
    length,
};
use crate::trial::{Trial, Verdict, users};

/// Sessions that have asked for the roster, half of them for changes; and those that read nothing.
const WATCHERS: usize = 40;
const STALLED: usize = 10;

/// Members of the group.
const MEMBERS: usize = 10_000;

/// Until a new user can log in.
const NEWS: Duration = Duration::from_secs(15);

pub fn middle(trial: &Trial) -> Result<Verdict> {
    edit(trial, 14_000)
}

pub fn large(trial: &Trial) -> Result<Verdict> {
    edit(trial, 100_000)
}

fn edit(trial: &Trial, count: usize) -> Result<Verdict> {
    let mut all = users(count);
    let groups = [(ALL.to_owned(), all[..MEMBERS].to_vec())];
    let mut arena = Arena::with(trial, &all, &groups, &[])?;
    let data = arena.server.data.clone();
    let (figures, (open, slowest)) = arena.under(length(trial).max(NEWS), |attack| {
        let mut foes = Vec::new();
        for number in 0..WATCHERS + STALLED {
            let ask = ["roster {}", "roster {\"changes\":true}"][number % 2];
            let hello = format!("u{number} live/1\n{ask}\n");
            foes.push(Foe::connect(address(number), attack.server, &hello)?);
        }
        let mut slowest = Duration::ZERO;
        let mut edits = 0;
        // Each edit waits for the one before, as people do.
        while edits < 3 {
            all.insert(count / 2, format!("novo{edits}"));
            write_directory(&data, &all, &groups)?;
            let begin = Instant::now();
            let login = format!("novo{edits}");
            while live(attack.server, address(99), &login).is_err() {
                ensure!(
                    begin.elapsed() < NEWS,
                    "a new user cannot log in after {NEWS:?}"
                );
                read_some(&mut foes);
            }
            slowest = slowest.max(begin.elapsed());
            edits += 1;
        }
        let rest = Instant::now() + Duration::from_secs(3);
        while Instant::now() < rest {
            read_some(&mut foes);
        }
        let open = foes.iter_mut().map(|foe| {
            // Up to the end of what has come.
            loop {
                match foe.pull(usize::MAX) {
                    Ok(0) => break true,
                    Ok(_) => {}
                    Err(_) => break false,
                }
            }
        });
        Ok((open.filter(|open| *open).count(), slowest))
    })?;
    // What is in memory of the users themselves, twice while an edit is read.
    let users = count as f64 * 0.002;
    Ok(figures
        .allow_memory(super::figures::MEMORY + users)
        .require(
            open == WATCHERS + STALLED,
            format!("{open} of {} sessions are still there", WATCHERS + STALLED),
        )
        .judge(&format!(
            "3 edits, each noticed within {:.1} s; {open} of {} sessions stay",
            slowest.as_secs_f64(),
            WATCHERS + STALLED
        )))
}

/// All but the stalled ones read a part of what is there.
fn read_some(foes: &mut [Foe]) {
    for foe in &mut foes[STALLED..] {
        // Whoever is hung up on is noticed at the end.
        let _ = foe.pull(16 * 1024);
    }
    thread::sleep(Duration::from_millis(5));
}
