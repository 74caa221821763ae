//! The server of MeuMensageiro.
//!
//! ```text
//! net → gate → login → classic, live
//!                            ↓
//!                         commit → log (disk)
//!                            ↓
//!             state, index, delivery, archive (messages.csv)
//! ```
//!
//! See `ARCHITECTURE.md` for the modules, the threads, and who may wait for what.

pub mod access;
pub mod alarm;
pub mod archive;
pub mod budgets;
mod classic;
mod clients;
pub mod commands;
pub mod commit;
mod context;
mod copies;
pub mod counters;
pub mod data_folder;
mod delivery;
pub mod directory;
mod disk_usage;
pub mod file_rights;
pub mod files;
mod gate;
mod handover;
pub mod http;
pub mod index;
mod live;
pub mod log;
pub mod logging;
mod login;
pub mod mailboxes;
pub mod metrics;
pub mod migration;
pub mod model;
mod nearby;
mod net;
mod not_text;
pub mod options;
pub mod progress;
pub mod recovery;
mod rename;
mod server;
pub mod service_manager;
pub mod signals;
pub mod state;
pub mod storage;
pub mod supervisor;
mod transfers;
pub mod version;
pub mod wake_up;

pub use options::Options;
pub use server::{Files, Server, StartError};
pub use storage::StorageError;
