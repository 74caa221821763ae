//! The roster: who can be written to, and where they are (PROTOCOL.md, V12).
//!
//! ```text
//! session ── asks ──► lines, all of them ──► sender
//! edit ── rings ──► teller (one thread) ──► lines, all or what has changed ──► senders
//! ```

mod difference;
mod lines;
mod updater;

pub(super) use self::lines::Lines;
pub use self::updater::Updater;
