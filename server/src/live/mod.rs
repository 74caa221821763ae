//! Live sessions (PROTOCOL.md, rules V1 to V15).
//!
//! What may be long (a roster, the receipts of a large group) is sent as fast as the client reads
//! it.

mod access;
mod backlog;
mod conversations;
mod editing;
mod failure;
mod files;
mod history;
mod requests;
mod roster;
mod session;
mod settings;

/// Looking into a conversation costs as much as so many rows of an answer.
const LOOKUP_ROWS: usize = 16;

/// Bytes of messages that a session reads at once for its client, about. It reads more when the client has taken these.
const PORTION: usize = 16 * 1024;

pub use self::{
    roster::Updater,
    session::{refuse, run},
};
