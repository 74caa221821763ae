//! How a log is opened.

use std::sync::Arc;

use clap::ValueEnum;

use super::{
    Loss, Position,
    disk::{Disk, SystemDisk},
};

/// How safe a message is when the server acknowledges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// The message is on the disk: it survives a power cut.
    Sync,
    /// The operating system has the message: it survives a crash of the server, but a power cut may
    /// take what was acknowledged in the last half minute. Faster.
    Relaxed,
}

/// How a log is opened.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What [`append`](super::Log::append) waits for. With `Relaxed` a log opens even if its end is missing or damaged, and says so.
    pub durability: Durability,
    /// What to do when something that was acknowledged is missing or damaged. With `Accepted` all of the log is read.
    pub loss: Loss,
    /// A segment is not longer than this many bytes, unless one record is. Each has a header of 4096 bytes.
    pub segment_bytes: u64,
    /// A follower of the log is known to have come to here. So everything before was acknowledged, even if the log's
    /// own note of that is lost.
    pub reached: Position,
    /// Where the files are.
    pub disk: Arc<dyn Disk>,
}

impl Settings {
    /// With segments of 64 MiB on the disk of this computer.
    pub fn new(durability: Durability, loss: Loss) -> Self {
        Self {
            durability,
            loss,
            segment_bytes: 64 * 1024 * 1024,
            reached: Position::START,
            disk: Arc::new(SystemDisk),
        }
    }
}
