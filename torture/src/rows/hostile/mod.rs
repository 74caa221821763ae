//! Users, strangers and neighbours who attack a server: docs/SECURITY.md says what they may cost.

mod arena;
mod directory;
mod figures;
mod floods;
mod foes;
mod groups;
mod innocents;
mod log;
mod mailboxes;
mod reading;
mod sessions;
mod setup;
mod slow;
mod strangers;
mod web;

use std::time::Duration;

pub use self::{arena::stand_back, foes::address};

use super::{Row, row};
use crate::trial::Trial;

/// The columns of the table, but for the last two.
pub const COLUMNS: &str = "attack | required | p99 of others before / during / after | longest | p99 of logins | memory before → most → end | disk | processor during → after | also seen";

/// How long an attack goes on.
fn length(trial: &Trial) -> Duration {
    let shortest = Duration::from_secs(3);
    trial
        .left()
        .mul_f64(0.3)
        .clamp(shortest, Duration::from_secs(10))
}

/// All of them.
pub const ROWS: &[Row] = &[
    row(
        "flood of read marks, with a full mailbox",
        "others under 20 ms",
        1.0,
        reading::marks,
    ),
    row(
        "after=0, 1,000 sessions of one login that read nothing",
        "under 64 MiB",
        1.0,
        reading::sessions_of_one,
    ),
    row(
        "after=0, 1,000 sessions of 1,000 logins that read nothing",
        "under 64 MiB",
        1.0,
        reading::sessions_of_many,
    ),
    row(
        "backlogs again and again",
        "others under 20 ms; at rest when they leave",
        1.0,
        reading::downloads,
    ),
    row(
        "one sender fills mailboxes",
        "others and groups still reach them, also after a restart",
        2.0,
        mailboxes::filled,
    ),
    row(
        "one login fills the disk",
        "a quota per login; `status` shows it",
        2.0,
        mailboxes::disk,
    ),
    row(
        "slow heads, downloads and uploads over HTTP",
        "others under 20 ms; under 64 MiB",
        1.0,
        web::slow,
    ),
    row(
        "10,000 connections without a login, of ten addresses",
        "logins get in, also of a neighbour behind one address",
        1.0,
        strangers::pool,
    ),
    row(
        "logins byte by byte",
        "others log in",
        1.0,
        strangers::slowloris,
    ),
    row(
        "connections that come and go",
        "others under 20 ms",
        1.0,
        strangers::churn,
    ),
    row(
        "guesses of the key for the status",
        "others under 20 ms",
        1.0,
        strangers::guesses,
    ),
    row(
        "requests: history",
        "at rest when they leave",
        1.0,
        floods::history,
    ),
    row(
        "requests: roster",
        "at rest when they leave",
        1.0,
        floods::roster,
    ),
    row(
        "requests: conversations",
        "at rest when they leave",
        1.0,
        floods::conversations,
    ),
    row(
        "requests: typing",
        "at rest when they leave",
        1.0,
        floods::typing,
    ),
    row(
        "requests: status",
        "at rest when they leave",
        1.0,
        floods::status,
    ),
    row(
        "requests: ping",
        "at rest when they leave",
        1.0,
        floods::ping,
    ),
    row(
        "lines that mean nothing",
        "at rest when they leave",
        1.0,
        floods::bad_lines,
    ),
    row("classic polls", "others under 20 ms", 1.0, floods::polls),
    row(
        "classic lines to nobody",
        "others under 20 ms",
        1.0,
        floods::to_nobody,
    ),
    row(
        "tags without a pause, and again",
        "others under 20 ms",
        1.0,
        floods::tags,
    ),
    row(
        "1,000 sessions of one login that read nothing and are written to",
        "under 96 MiB, and 128 in the system",
        1.0,
        sessions::written_to,
    ),
    row(
        "logging in and out without a pause",
        "others under 20 ms",
        1.0,
        sessions::flapping,
    ),
    row(
        "devices with ever new and with huge names",
        "others under 20 ms",
        1.0,
        sessions::devices,
    ),
    row(
        "messages to 3,000 members, 300 of them there",
        "others under 20 ms",
        1.0,
        groups::amplified,
    ),
    row(
        "typing to 3,000 members, 300 of them there",
        "others under 20 ms",
        1.0,
        groups::typing,
    ),
    row(
        "members of a group of 10,000 resume",
        "they do",
        1.0,
        groups::resume,
    ),
    row(
        "users.csv of 14,000 users edited",
        "nobody is disconnected",
        1.0,
        directory::middle,
    ),
    row(
        "users.csv of 100,000 users edited",
        "nobody is disconnected",
        1.0,
        directory::large,
    ),
    row(
        "forged lines in the log",
        "nothing from outside reaches it unescaped",
        0.3,
        log::forged,
    ),
    row(
        "flood of lines in the log",
        "a few lines a second, and a count",
        1.0,
        log::flood,
    ),
    row(
        "lines byte by byte",
        "others under 20 ms",
        1.0,
        slow::writers,
    ),
    row("readers byte by byte", "under 64 MiB", 1.0, slow::readers),
    row(
        "half-open connections",
        "others under 20 ms",
        1.0,
        slow::half_open,
    ),
];
