//! What outsiders can write into the server's diagnostic log.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{
    arena::Arena,
    foes::{Foe, Swarm, address},
    length,
};
use crate::trial::{Trial, Verdict};

/// A line that somebody would like to see there.
const FORGED: &str = "2026-11-29T12:00:00.000000Z  INFO admin logged in from 10.0.0.1:1 (live)";

/// MiB that a flood may add.
const MOST: f64 = 4.0;

/// Ways to get something into it, in the place of the percent sign.
const WAYS: [&str; 8] = [
    "u0 live/1\nstatus {\"state\":\"%\"}\n",
    "u0 live/1\nstatus {\"state\":\"away\",\"note\":\"%\"}\n",
    "u0 live/1\n#t @nobody %\n",
    "u0 live/1\nhistory {\"with\":\"%\"}\n",
    "u0 live/1\n%\n",
    "u0 live/1 after=%\n",
    "u0 live/1 device=%\n",
    "%\n",
];

pub fn forged(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    // As they are, and as JSON writes them.
    let raw = format!(
        "x`\r{FORGED}\r\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}\u{2066}\u{2028}{FORGED}"
    );
    let json = format!(
        "x`\\n{FORGED}\\n\\u001b[2J\\u001b]0;owned\\u0007\\u009b31m\\u202e\\u2066\\u2028{FORGED}\\u0085"
    );
    let (figures, tries) = arena.under(Duration::from_secs(2), |attack| {
        let mut tries = 0;
        let mut foes = Vec::new();
        for way in WAYS {
            for text in [&raw, &json] {
                foes.push(Foe::connect(
                    address(tries),
                    attack.server,
                    &way.replace('%', text),
                )?);
                tries += 1;
            }
        }
        while Instant::now() < attack.end {
            for foe in &mut foes {
                // Some are hung up on.
                let _ = foe.pull(usize::MAX);
            }
        }
        Ok(tries)
    })?;
    let log = arena.server.log();
    let log = String::from_utf8_lossy(&log);
    let is_forged = log
        .lines()
        .any(|line| line.trim_end().ends_with(FORGED) && line.starts_with("2026-11-29T12"));
    let raw = log.chars().find(|&c| {
        let is_allowed = matches!(c, '\n' | '\t');
        let is_order = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        (c.is_control() && !is_allowed) || is_order || matches!(c, '\u{2028}' | '\u{2029}')
    });
    Ok(figures
        .require(!is_forged, "a forged line stands alone in the log")
        .require(raw.is_none(), format!("the log has {raw:?} as it was sent"))
        .judge(&format!(
            "{tries} tries, {} lines in the log",
            log.lines().count()
        )))
}

pub fn flood(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let before = arena.server.log().len();
    let text = "\u{1}".repeat(1_000);
    let lines = format!("status {{\"state\":\"{text}\"}}\n@nobody x\n").repeat(20);
    let (figures, score) = arena.under(length(trial), |attack| {
        let swarm = Swarm {
            count: 40,
            hello: &|n| match n % 4 {
                0 | 1 => format!("u{} live/1 after=99999999\n", n % 5),
                2 => format!("nobody{}\n", "x".repeat(60)),
                _ => "u0 live/1 after=\u{1}\u{2}\u{3}\n".into(),
            },
            lines: &|_| lines.clone(),
            reads: true,
            returns: true,
        };
        Ok(swarm.attack(attack))
    })?;
    let log = arena.server.log();
    let grown = (log.len() - before) as f64 / 1024.0 / 1024.0;
    Ok(figures
        .require(grown < MOST, format!("the log grew by {grown:.0} MiB"))
        .judge(&format!(
            "{:.1} MiB taken, {} connections; the log grew by {grown:.2} MiB",
            score.mib_sent(),
            score.connections
        )))
}
