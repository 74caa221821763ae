//! The rows of docs/RELIABILITY.md, in its order.

mod bytes;
mod clock;
mod crowds;
mod disk;
mod files;
mod flips;
pub mod hostile;
mod index;
mod kill;
mod links;
mod long_lines;
mod power;
mod resend;
mod resets;
mod sessions;
mod soak;
mod stalled;
mod torn;
pub mod trust;

use anyhow::Result;

use crate::trial::{Trial, Verdict};

/// One fault and its promise.
pub struct Row {
    pub name: &'static str,
    pub promise: &'static str,
    /// Its share of the time.
    pub weight: f64,
    pub run: fn(&Trial) -> Result<Verdict>,
}

const fn row(
    name: &'static str,
    promise: &'static str,
    weight: f64,
    run: fn(&Trial) -> Result<Verdict>,
) -> Row {
    Row {
        name,
        promise,
        weight,
        run,
    }
}

/// All of them.
pub const ROWS: &[Row] = &[
    row(
        "kill -9 of the server under load",
        "what was acknowledged is there, once, in order",
        8.0,
        kill::run,
    ),
    row(
        "kill -9 at any point of an upload or download",
        "it goes on, and the file is whole",
        2.0,
        files::run,
    ),
    row(
        "power cut",
        "an acknowledgement follows the sync",
        0.3,
        power::run,
    ),
    row(
        "torn tail of the store",
        "starts with all that was acknowledged",
        1.0,
        torn::run,
    ),
    row(
        "kill -9 while the index is written",
        "everybody has every message, once",
        2.0,
        index::run,
    ),
    row(
        "bit flips in the store",
        "nothing is missing without a word",
        3.0,
        flips::run,
    ),
    row(
        "disk full",
        "no acknowledgement, a clear word, all is there when there is space again",
        2.0,
        disk::full,
    ),
    row(
        "disk refuses (file size limit)",
        "likewise",
        2.0,
        disk::refuses,
    ),
    row(
        "stalled receivers",
        "others are served; memory stays bounded; nothing is lost",
        1.0,
        stalled::run,
    ),
    row(
        "blackholed links",
        "noticed within --dead-link-after, nothing is lost",
        1.0,
        links::run,
    ),
    row("resets at every step", "exact resume", 2.0, resets::run),
    row(
        "slowloris",
        "a login takes under 1 s",
        1.0,
        crowds::slowloris,
    ),
    row(
        "flood of connections",
        "bounded, others are served",
        0.5,
        crowds::flood,
    ),
    row(
        "lines without end",
        "one error, flat memory",
        0.5,
        long_lines::run,
    ),
    row(
        "bad bytes",
        "no panic, nothing raw reaches a terminal",
        1.5,
        bytes::run,
    ),
    row(
        "resends",
        "one copy, the same id, across restarts",
        1.5,
        resend::run,
    ),
    row(
        "clock jumps of a day",
        "order and tags do not depend on clocks",
        0.5,
        clock::run,
    ),
    row(
        "two sessions of one login",
        "they converge",
        1.5,
        sessions::run,
    ),
    row("soak", "flat memory and descriptors", 2.0, soak::run),
];
