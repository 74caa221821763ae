//! Users who store as much as they can.

use std::time::Duration;

use anyhow::{Result, bail};

use super::{
    arena::Arena,
    foes::{Score, Swarm, address},
    innocents::{classic, live, until},
    length,
    setup::{Answers, say, tagged},
};
use crate::trial::{Trial, Verdict};

/// More than a mailbox takes.
const LETTERS: usize = 110_000;

/// Whose mailboxes are filled. They are members of one class.
const VICTIMS: std::ops::Range<usize> = 100..110;
const CLASS: &str = "turma2";

/// Memory in MiB that these mailboxes may take after a restart.
const FULL: f64 = 16.0;

/// Bytes of a text that fills a disk.
const LONG: usize = 16_000;

/// MiB that one login may write in a minute, also all at once.
const PER_MINUTE: f64 = 256.0;

pub fn filled(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let (empty, _) = arena.server.memory_mib()?;
    let time = length(trial);
    let (figures, filled) = arena.under(time, |attack| {
        let mut filled = Vec::new();
        let each = time / VICTIMS.len() as u32;
        // As many attackers as victims: each of them has budgets of its own.
        for victim in VICTIMS {
            let (login, to) = (format!("u{}", victim - 100), format!("u{victim}"));
            let from = (address(victim), login.as_str());
            filled.push(say(
                attack.server,
                from,
                LETTERS,
                tagged("f", &to, "x"),
                each,
            )?);
        }
        Ok(filled)
    })?;
    let stored: usize = filled.iter().map(|said: &Answers| said.accepted).sum();
    let most = filled.iter().map(|said| said.accepted).max().unwrap_or(0);
    let before = others_reach(&arena, "b");
    let arena = arena.restart(&[])?;
    let (memory, _) = arena.server.memory_mib()?;
    let after = others_reach(&arena, "a");
    let refusal = filled.iter().find(|said| said.refused > 0);
    let refusal = refusal.map_or("nothing refused", |said| said.refusal.as_str());
    Ok(figures
        .require(before.is_ok(), said(&before, "others"))
        .require(after.is_ok(), said(&after, "after a restart others"))
        .require(
            memory - empty < FULL,
            format!("{:.0} MiB more for these mailboxes after a restart", memory - empty),
        )
        .judge(&format!(
            "{stored} letters stored, {most} in one mailbox ({refusal}); after a restart {empty:.0} → {memory:.0} MiB"
        )))
}

fn said(result: &Result<()>, who: &str) -> String {
    let reason = result.as_ref().err().map(|error| format!("{error:#}"));
    format!("{who} do not reach them: {}", reason.unwrap_or_default())
}

/// A classic and a live user reach each victim, and the class gets what is for all of it.
fn others_reach(arena: &Arena, name: &str) -> Result<()> {
    let server = arena.server.address;
    let friend = (address(150), "u150");
    for victim in VICTIMS {
        let message = tagged(
            &format!("{name}{victim}"),
            &format!("u{victim}"),
            "from a friend",
        );
        let said = say(server, friend, 1, message, Duration::from_secs(10))?;
        if said.accepted != 1 {
            bail!("u{victim} gets nothing of a friend: {}", said.refusal);
        }
    }
    let mut classic = classic(server, address(151), "u151")?;
    classic.write(format!("@u{} from a friend\n", VICTIMS.start).as_bytes())?;
    until(&mut classic, |line| line == "f")?;
    let mut teacher = live(server, address(149), "u149")?;
    teacher.write(format!("#{name} @{CLASS} to all of you\n").as_bytes())?;
    until(&mut teacher, |line| line.starts_with("ok {"))?;
    Ok(())
}

pub fn disk(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let text = "x".repeat(LONG);
    let lines = |connection: usize| -> String {
        let to = |n: usize| 100 + (connection * 31 + n) % 1_000;
        (0..60).map(|n| format!("@u{} {text}\n", to(n))).collect()
    };
    let (figures, score) = arena.under(length(trial), |attack| {
        let swarm = Swarm {
            count: 8,
            hello: &|n| match n % 2 {
                0 => "u0 live/1 after=99999999\n".into(),
                _ => "u0\n".into(),
            },
            lines: &lines,
            reads: true,
            returns: true,
        };
        let score: Score = swarm.attack(attack);
        Ok(score)
    })?;
    let (written, most) = (
        figures.disk,
        PER_MINUTE * (figures.seconds() / 60.0).max(1.0),
    );
    let status = arena.status()?.to_string();
    let stored = status.contains("stored");
    Ok(figures
        .require(
            written < most,
            format!("{written:.0} MiB were written for one login"),
        )
        .require(stored, "the status does not say what is stored")
        .judge(&format!(
            "{:.1} MiB taken, {} hang-ups",
            score.mib_sent(),
            score.hang_ups
        )))
}
