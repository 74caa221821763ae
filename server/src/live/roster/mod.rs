//! The roster: who can be written to, and where they are (PROTOCOL.md, V12).
//!
//! ```text
//! session ── asks ──► lines, all of them ──► outlet
//! edit ── rings ──► teller (one thread) ──► lines, all or what has changed ──► outlets
//! ```

mod difference;
mod lines;
mod teller;

pub(super) use self::lines::Lines;
pub use self::teller::{Bell, Teller};
