//! Measures a `mensageiro-server` as a whole program over TCP, beside an in-memory server that
//! does nothing but the assignment, in the same run. Prints tables for docs/PERFORMANCE.md.

mod absent;
mod client;
mod exchange;
mod history;
mod idle;
mod latency;
mod pairs;
mod program;
mod push;
mod relay;

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Parser;

use crate::program::Kind;

/// Measures a server over TCP.
#[derive(Debug, Parser)]
struct Options {
    /// The server program, built for release.
    #[arg(long, value_name = "FILE", required_unless_present = "relay")]
    server: Option<PathBuf>,

    /// Seconds for each figure.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    seconds: u64,

    /// Only these: exchange, push, latency, absent, idle, history.
    #[arg(value_name = "MEASURE")]
    only: Vec<String>,

    /// Be the in-memory server to compare with, on a free port. The program starts itself so.
    #[arg(long, hide = true)]
    relay: bool,

    /// As the in-memory server, tell live senders that their messages were taken.
    #[arg(long, hide = true)]
    saying_ok: bool,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if options.relay {
        return relay::serve(options.saying_ok);
    }
    #[cfg(unix)]
    rlimit::increase_nofile_limit(u64::MAX)?;
    let server = options.server.context("which server?")?;
    let time = Duration::from_secs(options.seconds);
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|o| o == name);
    let kinds = [
        Kind::Relay {
            acknowledges: false,
        },
        Kind::Server {
            program: server.clone(),
            durability: "relaxed",
        },
        Kind::Server {
            program: server,
            durability: "sync",
        },
    ];
    if wanted("exchange") {
        exchange::measure(&kinds, time)?;
    }
    if wanted("push") {
        let [relay, relaxed, sync] = kinds.clone();
        let saying_ok = Kind::Relay { acknowledges: true };
        push::measure(&[relay, saying_ok, relaxed, sync], time)?;
    }
    if wanted("latency") {
        latency::measure(&kinds, time)?;
    }
    if wanted("absent") {
        absent::measure(&kinds)?;
    }
    if wanted("idle") {
        idle::measure(&kinds)?;
    }
    if wanted("history") {
        history::measure(&kinds)?;
    }
    Ok(())
}
