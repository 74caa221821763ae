//! Breaks a `mensageiro-server`, as a whole program over TCP, in every way that docs/RELIABILITY.md
//! promises it survives, and checks every message it acknowledged. Prints the table of that
//! document.
//!
//! Its own crate: the load generator counts messages and must be frugal, this knows each of them.

mod archive;
mod classic;
mod crowd;
mod live;
mod network;
mod program;
mod random;
mod rows;
mod snapshot;
mod tls;
mod trace;
mod trial;
mod wire;

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use clap::Parser;

use crate::{
    rows::{ROWS, Row, hostile, trust},
    trial::{Trial, Verdict},
};

/// The words that choose other sets of rows.
const HOSTILE: &str = "hostile";
const TRUST: &str = "trust";

/// Breaks a server and checks what it kept.
#[derive(Debug, Parser)]
struct Options {
    /// The server program.
    #[arg(long, value_name = "FILE")]
    server: PathBuf,

    /// About how many minutes all of it may take; each row stops early at its full count.
    #[arg(long, value_name = "MINUTES", default_value_t = 30.0)]
    minutes: f64,

    /// Seed of the random choices. A failure prints it, and the same seed repeats the choices.
    #[arg(long)]
    seed: Option<u64>,

    /// Only rows with one of these words in their names. If the first word is `hostile`: attacks instead of faults. If it is
    /// `trust`: attempts to get past TLS and past a closed server. All of them, or those with one of the other words.
    #[arg(value_name = "ROW")]
    only: Vec<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    ensure!(
        cfg!(target_os = "linux"),
        "this needs Linux: signals, /proc, network namespaces"
    );
    #[cfg(unix)]
    rlimit::increase_nofile_limit(u64::MAX).context("more descriptors are needed")?;
    let seed = options.seed.unwrap_or_else(random::seed);
    let (set, words, columns) = match options.only.split_first() {
        Some((first, words)) if first == HOSTILE => (hostile::ROWS, words, hostile::COLUMNS),
        Some((first, words)) if first == TRUST => (trust::ROWS, words, trust::COLUMNS),
        _ => (ROWS, &options.only[..], "fault | promise | seen"),
    };
    let wanted = |row: &&Row| words.is_empty() || words.iter().any(|word| row.name.contains(word));
    let rows: Vec<&Row> = set.iter().filter(wanted).collect();
    let end = Instant::now() + Duration::from_secs_f64(options.minutes * 60.0);
    let lines = "|---".repeat(columns.split('|').count());
    println!("| {columns} | result | time |\n{lines}|---|---|");
    let (mut held, mut skipped, mut broken) = (0, 0, 0);
    for (at, row) in rows.iter().enumerate() {
        // Time that one row does not use is shared by the others.
        let weights: f64 = rows[at..].iter().map(|row| row.weight).sum();
        let left = end.saturating_duration_since(Instant::now());
        let trial = Trial::new(&options.server, left.mul_f64(row.weight / weights), seed)?;
        let begin = Instant::now();
        let (seen, result) = match (row.run)(&trial) {
            Ok(Verdict::Held(seen)) => {
                held += 1;
                (seen, "held".to_owned())
            }
            Ok(Verdict::Skipped(why)) => {
                skipped += 1;
                (why, "skipped".to_owned())
            }
            Ok(Verdict::Broken(seen)) => {
                broken += 1;
                (seen, "**BROKEN**".to_owned())
            }
            Err(error) => {
                broken += 1;
                let kept = trial.keep();
                let first = error
                    .to_string()
                    .lines()
                    .next()
                    .unwrap_or_default()
                    .to_owned();
                eprintln!(
                    "{}: {error:?}\nseed {seed}, data in {}",
                    row.name,
                    kept.display()
                );
                (first, "**BROKEN**".to_owned())
            }
        };
        let seconds = begin.elapsed().as_secs_f64();
        println!(
            "| {} | {} | {seen} | {result} | {seconds:.0} s |",
            row.name, row.promise
        );
    }
    println!("\n{held} passed, {broken} failed ({skipped} skipped)");
    Ok(ExitCode::from(u8::from(broken > 0)))
}
