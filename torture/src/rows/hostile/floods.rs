//! The same line again and again, by fifty connections of five users: half of them read the answers, the others do not.

use anyhow::Result;

use super::{
    arena::{ALL, Arena},
    foes::{Score, Swarm, address},
    length,
    setup::{say, tagged},
};
use crate::trial::{Trial, Verdict};

const CONNECTIONS: usize = 50;
const LOGINS: usize = 5;

/// Conversations of each attacker.
const CONVERSATIONS: usize = 200;

/// Lines that are sent at a time.
const LINES: usize = 200;

pub fn history(trial: &Trial) -> Result<Verdict> {
    live(trial, "history {\"with\":\"u2500\"}\n")
}

pub fn roster(trial: &Trial) -> Result<Verdict> {
    live(trial, "roster {}\n")
}

pub fn conversations(trial: &Trial) -> Result<Verdict> {
    live(trial, "conversations {\"limit\":200}\n")
}

pub fn typing(trial: &Trial) -> Result<Verdict> {
    live(trial, &format!("typing {{\"to\":\"{ALL}\"}}\n"))
}

pub fn status(trial: &Trial) -> Result<Verdict> {
    live(
        trial,
        "status {\"state\":\"away\",\"note\":\"x\"}\nstatus {\"state\":\"online\"}\n",
    )
}

pub fn ping(trial: &Trial) -> Result<Verdict> {
    live(trial, "ping {}\n")
}

pub fn bad_lines(trial: &Trial) -> Result<Verdict> {
    live(
        trial,
        "history {\"with\":7}\n#!! @u1 x\n{{{\n@\nnonsense {\"a\":[[[[[[[[1]]]]]]]]}\n",
    )
}

pub fn polls(trial: &Trial) -> Result<Verdict> {
    flood(trial, &|n| format!("u{}\n", n % LOGINS), &|_| {
        "\n".repeat(LINES)
    })
}

pub fn to_nobody(trial: &Trial) -> Result<Verdict> {
    flood(trial, &|n| format!("u{}\n", n % LOGINS), &|_| {
        "@nobody x\n".repeat(LINES)
    })
}

/// Each connection has twenty thousand tags of its own, and begins with them again at the end.
pub fn tags(trial: &Trial) -> Result<Verdict> {
    let lines = |connection: usize| -> String {
        let to = |n: usize| match n % 2 {
            0 => ALL.to_owned(),
            _ => format!("u{}", n % 1_000),
        };
        (0..20_000)
            .map(|n| format!("#t{connection}.{n} @{} x\n", to(n)))
            .collect()
    };
    flood(
        trial,
        &|n| format!("u{} live/1 after=99999999\n", n % LOGINS),
        &lines,
    )
}

fn live(trial: &Trial, line: &str) -> Result<Verdict> {
    let lines = line.repeat(LINES);
    let hello = |n: usize| format!("u{} live/1 after=99999999\n", n % LOGINS);
    flood(trial, &hello, &|_| lines.clone())
}

fn flood(
    trial: &Trial,
    hello: &(dyn Fn(usize) -> String + Sync),
    lines: &(dyn Fn(usize) -> String + Sync),
) -> Result<Verdict> {
    let mut arena = Arena::new(trial)?;
    let server = arena.server.address;
    for attacker in 0..LOGINS {
        let login = format!("u{attacker}");
        let message = |n: usize| tagged("c", &format!("u{}", 10 + n), "hello")(n);
        say(
            server,
            (address(attacker), &login),
            CONVERSATIONS,
            message,
            length(trial),
        )?;
    }
    let (figures, scores) = arena.under(length(trial), |attack| {
        let half = |reads| Swarm {
            count: CONNECTIONS / 2,
            hello,
            lines,
            reads,
            returns: true,
        };
        let scores: [Score; 2] = std::thread::scope(|scope| {
            let reading = scope.spawn(|| half(true).attack(attack));
            let score = half(false).attack(attack);
            [reading.join().unwrap_or_default(), score]
        });
        Ok(scores)
    })?;
    let [reading, silent] = scores;
    Ok(figures.judge(&format!(
        "{:.1} MiB taken from those who read {:.1} MiB, {:.1} MiB from the others; {} hang-ups",
        reading.mib_sent(),
        reading.mib_read(),
        silent.mib_sent(),
        reading.hang_ups + silent.hang_ups
    )))
}
