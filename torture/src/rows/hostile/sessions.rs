//! Many sessions.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{
    arena::Arena,
    foes::{Foe, Swarm, address},
    length,
    setup::{say, tagged},
};
use crate::trial::{Trial, Verdict};

const SESSIONS: usize = 1_000;

/// Bytes of a text that is written to them.
const LONG: usize = 8_000;

/// Who look at all that comes and goes.
const WATCHERS: usize = 200;

/// MiB for what waits (--max-waiting-bytes) and for the sessions.
const WAITING: f64 = 96.0;

/// The most MiB that the system may keep for the server's connections.
const SYSTEM: f64 = 128.0;

pub fn written_to(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let text = "x".repeat(LONG);
    let system = system_memory();
    let (figures, (open, sent, system)) = arena.under(length(trial), |attack| {
        let mut foes = Vec::new();
        for number in 0..SESSIONS {
            foes.extend(Foe::connect(address(number), attack.server, "u0 live/1\n"));
        }
        let left = attack.end.saturating_duration_since(Instant::now());
        let writer = (address(1), "u1");
        let said = say(attack.server, writer, 2_000, tagged("w", "u0", &text), left)?;
        thread::sleep(attack.end.saturating_duration_since(Instant::now()));
        let open = foes.iter().filter(|foe| foe.is_open()).count();
        Ok((open, said.accepted, (system_memory() - system).max(0.0)))
    })?;
    Ok(figures
        .allow_memory(WAITING)
        .require(system < SYSTEM, format!("{system:.0} MiB in the system's buffers"))
        .judge(&format!(
            "{open} of {SESSIONS} sessions open at the end, {sent} texts of 8 KB to them; {system:.0} MiB in the system's buffers"
        )))
}

/// MiB that the system keeps for all TCP connections of this computer.
fn system_memory() -> f64 {
    let sockets = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let line = sockets.lines().find(|line| line.starts_with("TCP:"));
    let pages = line.and_then(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    pages.unwrap_or(0.0) * 4096.0 / 1024.0 / 1024.0
}

pub fn flapping(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let (figures, (score, watched)) = arena.under(length(trial), |attack| {
        let watchers = Swarm {
            count: WATCHERS,
            hello: &|n| format!("u{} live/1\nroster {{\"changes\":true}}\n", 1_000 + n),
            lines: &|_| String::new(),
            reads: true,
            returns: true,
        };
        let comers = Swarm {
            count: 50,
            hello: &|n| match n % 2 {
                0 => format!("u{n} live/1\nbye {{}}\n"),
                _ => format!("u{n}\n"),
            },
            // A classic one leaves with a line that ends it.
            lines: &|_| String::new(),
            reads: true,
            returns: true,
        };
        let scores = thread::scope(|scope| {
            let watchers = scope.spawn(|| watchers.attack(attack));
            let comers = comers.attack(attack);
            (comers, watchers.join().unwrap_or_default())
        });
        Ok(scores)
    })?;
    let rate = score.connections as f64 / figures.seconds();
    Ok(figures.judge(&format!(
        "{} logins, {rate:.0} a second; {WATCHERS} watchers got {:.1} MiB",
        score.connections,
        watched.mib_read()
    )))
}

pub fn devices(trial: &Trial) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let (figures, (names, huge)) = arena.under(length(trial), |attack| {
        let mut names = 0;
        let mut huge = Vec::new();
        let name = "d".repeat(15_000);
        let open = |n: usize, device: &str, lines: &str| {
            let login = n % 20;
            let hello = format!("u{login} live/1 device={device} after=99999999\n{lines}");
            Foe::connect(address(n), attack.server, &hello)
        };
        while Instant::now() < attack.end {
            let device = format!("d{names}");
            // It is a device that numbers its messages, and leaves when that is answered.
            let lines = format!("#{device}:1 @u{} x\nbye {{}}\n", 100 + names % 900);
            if let Ok(mut foe) = open(names, &device, &lines) {
                names += 1;
                let soon = Instant::now() + Duration::from_millis(50);
                while foe.pull(4096).is_ok() && Instant::now() < soon {
                    thread::sleep(Duration::from_millis(1));
                }
            }
            if huge.len() < 200 {
                huge.extend(open(huge.len(), &name, ""));
            }
        }
        Ok((names, huge.len()))
    })?;
    Ok(figures.judge(&format!(
        "{names} devices, {huge} with a name of 15,000 letters"
    )))
}
