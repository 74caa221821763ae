//! The files that people send (PROTOCOL.md, rules V25, V26 and H1 to H9).
//!
//! ```text
//! DIR/files/slots/TOKEN.json   one for each file that was announced: whose, its name, size, hash, and how far it is
//!          uploads/TOKEN       what has come of it, until it is whole
//!          contents/HASH       whole files, each content once
//! ```
//!
//! A content gets its name only when it is whole, has the right hash and is synced, and its slot is complete only after
//! that. So whatever is killed at any moment, half a file is never taken for a whole one.

mod check;
mod content;
mod folder;
mod reading;
mod refusal;
mod slot;
mod store;
mod sweeper;
mod upload;

pub use self::{
    check::check,
    folder::{CONTENTS, FOLDER, SLOTS},
    reading::Missing,
    refusal::FileRefusal,
    slot::{Slot, SlotState},
    store::{FileLimits, FileStore, FileTotals},
    sweeper::Sweeper,
    upload::{Upload, UploadRefusal},
};

/// How long an announced file may take until it is whole, and how long a whole one waits for its message.
pub const SLOT_HOURS: i64 = 24;

/// Files of one login that are announced and not named by a message yet. A further one takes the place of the oldest.
pub const MOST_OPEN: usize = 64;
