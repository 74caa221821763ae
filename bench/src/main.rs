//! Measures a `mensageiro-server` as a whole program over TCP. In the same run it measures two
//! small servers: a relay that keeps everything in memory, and a bare log that writes every message
//! to one file and does nothing else. Prints tables, stores them, and draws them as charts.

mod cases;
mod client;
mod results;
mod servers;
mod stream;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Parser;

use crate::{
    cases::{Case, Plan},
    servers::{Measured, bare_log, relay},
};

/// Measures a server over TCP.
#[derive(Debug, Parser)]
struct Options {
    /// The server program, built for release.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,

    /// Seconds for each figure.
    #[arg(long, value_name = "SECONDS", default_value_t = 5.0)]
    seconds: f64,

    /// How often each figure is measured; the median counts.
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    rounds: usize,

    /// Run every case once and small, only to check that it runs; the figures mean nothing.
    #[arg(long, conflicts_with_all = ["seconds", "rounds", "long", "into"])]
    quick: bool,

    /// Also run what takes minutes: a start with 20,000,000 messages, and the case growth.
    #[arg(long)]
    long: bool,

    /// The folder for the figures and charts. Its PERFORMANCE.md gets the tables.
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,

    /// Measure nothing; only draw the figures in that folder, and fill the tables.
    #[arg(long, requires = "into")]
    draw: bool,

    /// Run once, and show for each row where the server spends its time (needs perf, on Linux). The
    /// output of perf stays in this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "into")]
    profile: Option<PathBuf>,

    /// Only these: push, both-ways, exchange, latency, classic-latency, alone, absent, idle,
    /// history, tls, files, growth.
    #[arg(value_name = "CASE", value_parser = case)]
    only: Vec<Case>,

    /// Be the relay, on a free port. The program starts itself like this.
    #[arg(long, hide = true)]
    relay: bool,

    /// Be the bare log with this durability (sync or relaxed) and this file.
    #[arg(long, hide = true, num_args = 2)]
    bare_log: Vec<String>,
}

fn case(name: &str) -> Result<Case, String> {
    let case = cases::ALL.iter().find(|case| case.name == name);
    case.copied().ok_or_else(|| {
        let names = cases::ALL.map(|case| case.name).join(", ");
        format!("there are only {names}")
    })
}

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    if options.relay {
        relay::serve()?;
    } else if let [durability, file] = &options.bare_log[..] {
        bare_log::serve(file.as_ref(), durability == "sync")?;
    } else if options.draw {
        results::draw(options.into.as_deref().context("into which folder?")?)?;
    } else {
        return measure(options);
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(options: Options) -> anyhow::Result<ExitCode> {
    #[cfg(unix)]
    rlimit::increase_nofile_limit(u64::MAX)?;
    let is_once = options.quick || options.profile.is_some();
    let plan = Plan {
        server: Measured {
            program: options.server.context("--server must say which server")?,
            profiles: options.profile,
        },
        time: Duration::try_from_secs_f64(if options.quick { 0.1 } else { options.seconds })?,
        rounds: if is_once { 1 } else { options.rounds.max(1) },
        is_quick: options.quick,
        is_long: options.long || options.quick,
    };
    let seconds = plan.time.as_secs_f64();
    let how = match plan.rounds {
        1 => format!("one run of {seconds} s each"),
        rounds => format!("medians of {rounds} runs of {seconds} s each"),
    };
    let taken = format!("{}; {how}", results::describe(&plan.server.program));
    let is_wanted = |case: &&Case| match &options.only[..] {
        [] => plan.is_long || !case.is_long,
        only => only.iter().any(|one| one.name == case.name),
    };
    let (mut passed, mut failed) = (0, 0);
    for case in cases::ALL.iter().filter(is_wanted) {
        match (case.measure)(&plan) {
            Ok(mut table) => {
                passed += 1;
                table.taken.clone_from(&taken);
                println!("\n### {}\n\n{}", table.title, table.markdown());
                if let Some(folder) = &options.into {
                    // At once, because the next case may be interrupted.
                    results::keep(folder, table)?;
                    results::draw(folder)?;
                }
            }
            Err(error) => {
                failed += 1;
                println!("\nFAILED {}: {error:#}", case.name);
            }
        }
    }
    println!("{taken}");
    println!("{passed} passed, {failed} failed");
    Ok(ExitCode::from(u8::from(failed > 0)))
}
