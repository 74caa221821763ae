//! Attempts to get past TLS and into a closed server: docs/SECURITY.md says what they must not achieve.

mod certificate;
mod clock;
mod commands;
mod guesses;
mod handshakes;
mod joins;
mod killed;
mod lines;
mod measure;
mod middle;
mod office;
mod plain;
mod register;
mod relay;
mod revoked;
mod secrets;

use super::{Row, row};

/// The columns of the table, but for the last two.
pub const COLUMNS: &str = "attempt | promise | seen";

/// All of them.
pub const ROWS: &[Row] = &[
    row(
        "man in the middle with a certificate of its own",
        "devices send it nothing",
        1.0,
        middle::own_certificate,
    ),
    row(
        "relay with its own key, and a device that does not look",
        "the server does not let it in",
        1.0,
        middle::careless,
    ),
    row(
        "relay that reads and changes bytes",
        "it reads nothing, and what it changes is not accepted",
        1.0,
        middle::bytes,
    ),
    row(
        "plain text from another address to a closed server",
        "refused with needs-tls",
        0.5,
        plain::refused,
    ),
    row(
        "TLS answered in plain text",
        "devices send no line",
        0.5,
        plain::stripped,
    ),
    row("replayed joins", "one device each", 1.5, joins::replayed),
    row(
        "stolen code, two devices race for it",
        "exactly one joins",
        1.5,
        joins::raced,
    ),
    row(
        "swapped devices and program keys",
        "each lets in its own user only",
        0.5,
        joins::swapped,
    ),
    row(
        "used, replaced, foreign and expired codes",
        "nobody joins",
        1.0,
        joins::old,
    ),
    row(
        "device or program key revoked in mid-sentence",
        "nothing is accepted after it, everything acknowledged is there",
        2.0,
        revoked::run,
    ),
    row(
        "guesses of one address",
        "answered ever later; others log in",
        0.5,
        guesses::one_address,
    ),
    row(
        "guesses of 200 addresses, also for invented logins",
        "none is right; others log in",
        1.0,
        guesses::many_addresses,
    ),
    row(
        "unknown users and wrong keys",
        "told the same",
        0.5,
        guesses::same_answers,
    ),
    row(
        "flood of client hellos",
        "others log in",
        0.5,
        handshakes::hellos,
    ),
    row(
        "half handshakes, 1,000 at a time",
        "others log in",
        0.5,
        handshakes::halves,
    ),
    row(
        "flood of whole handshakes",
        "others log in",
        0.5,
        handshakes::whole,
    ),
    row(
        "certificate replaced on disk",
        "every login succeeds; a broken file changes nothing",
        1.0,
        certificate::run,
    ),
    row(
        "clock wrong by years",
        "devices and program keys log in; codes expire by the server's clock",
        1.0,
        clock::wrong,
    ),
    row(
        "kill -9 of the server during join, revoke, invite and edit",
        "before or after, never half",
        2.0,
        killed::run,
    ),
    row(
        "kill -9 of the commands",
        "before or after, never half",
        1.0,
        commands::run,
    ),
    row(
        "sessions and commands change who may log in, at once",
        "every change counts",
        1.0,
        register::shared,
    ),
    row(
        "damaged access.json",
        "no stranger is let in",
        1.0,
        register::damaged,
    ),
    row(
        "search for codes, keys and private keys",
        "nowhere",
        0.5,
        secrets::run,
    ),
];
