//! The server of MeuMensageiro.
//!
//! ```text
//! listener → login → session (classic), live sessions
//!                            ↓
//!                         journal → store (disk) → archive (messages.csv)
//!                            ↓
//!                        mailboxes (memory), live delivery
//! ```
//!
//! See `ARCHITECTURE.md` for who may block, who writes to a socket, and the lock order.

pub mod admission;
pub mod alarm;
pub mod archive;
pub mod archive_old;
pub mod connection;
pub mod directory;
mod early;
pub mod hub;
pub mod index;
pub mod journal;
pub mod listener;
pub mod live;
pub mod log;
pub mod logging;
pub mod login;
pub mod mailbox;
pub mod migration;
pub mod model;
// Until every user of them names the module they moved to.
pub use model::{conversation, message};
mod not_text;
pub mod options;
pub mod rules;
mod server;
pub mod session;
pub mod signals;
mod standing;
pub mod status;
pub mod store;
pub mod supervisor;

pub use options::Options;
pub use server::{Files, Server, StartError};
