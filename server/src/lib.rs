//! The server of MeuMensageiro.
//!
//! ```text
//! listener → login → session (classic), live sessions
//!                            ↓
//!                         commit → log (disk)
//!                            ↓
//!             state, index, live delivery, archive (messages.csv)
//! ```
//!
//! See `ARCHITECTURE.md` for who may block, who writes to a socket, and the lock order.

pub mod admission;
pub mod alarm;
pub mod archive;
pub mod commands;
pub mod commit;
pub mod connection;
pub mod context;
pub mod directory;
mod early;
pub mod hub;
pub mod index;
pub mod listener;
pub mod live;
pub mod log;
pub mod logging;
pub mod login;
pub mod mailboxes;
pub mod migration;
pub mod model;
mod not_text;
pub mod options;
pub mod progress;
pub mod recovery;
pub mod rules;
mod server;
pub mod session;
pub mod signals;
pub mod state;
pub mod status;
pub mod storage;
pub mod supervisor;

pub use options::Options;
pub use server::{Files, Server, StartError};
pub use storage::StorageError;
