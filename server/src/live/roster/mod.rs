//! The roster: who can be written to, and where they are (PROTOCOL.md, V12).
//!
//! ```text
//! session ── requests ──► lines, all of them ──► sender
//! edit ── wakes up ──► updater (one thread) ──► lines, all or what has changed ──► senders
//! ```

mod difference;
mod lines;
mod updater;

pub(super) use self::lines::Lines;
pub use self::updater::Updater;
