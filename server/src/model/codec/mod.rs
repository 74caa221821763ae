//! How a batch stands in the log: CBOR maps with numbered fields (docs/STORAGE.md). A reader skips the fields and events that it
//! does not know, so a field or an event may be added at any time; the meaning of a number never changes.
//!
//! Each run of messages is a byte string with a checksum of its own, so that it can be read alone.

mod fields;
mod read;
#[cfg(test)]
mod tests;
mod write;

use thiserror::Error;
use xxhash_rust::xxh3::xxh3_64;

pub use self::{
    read::{read_batch, read_run},
    write::write_batch,
};

/// A batch cannot be read.
#[derive(Debug, Error)]
pub enum CodecError {
    /// It is no CBOR, or a field is not what it should be.
    #[error("not an event of this log: {0}")]
    Malformed(String),
    /// A run of messages is not as it was written.
    #[error("the checksum of a run of messages is wrong")]
    Checksum,
}

/// Of a run of messages; it stands before it.
const CHECKSUM_BYTES: usize = 4;

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    (xxh3_64(bytes) as u32).to_be_bytes()
}
