//! The settings of a log.

use std::sync::Arc;

use clap::ValueEnum;

use super::{
    Loss, Position,
    disk::{Disk, SystemDisk},
};

/// What an acknowledged message survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Durability {
    /// The message is on the disk, and survives a power cut.
    Sync,
    /// The operating system has the message. It survives a crash of the server, but a power cut may lose what was
    /// acknowledged in the last half minute. Faster.
    Relaxed,
}

/// The settings of a log.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What [`append`](super::Log::append) waits for. With `Relaxed`, a log opens even if its end is missing or damaged, and
    /// reports it.
    pub durability: Durability,
    /// What to do when something acknowledged is missing or damaged. With `Accepted`, the whole log is read.
    pub loss: Loss,
    /// The most bytes of a segment, including its header of 4096 bytes. A single record may exceed it.
    pub segment_bytes: u64,
    /// A position that a follower of the log has reached. Everything before it was acknowledged, even if the file
    /// `acknowledged` is lost.
    pub reached: Position,
    /// The disk that holds the files.
    pub disk: Arc<dyn Disk>,
}

impl Settings {
    /// Segments of 64 MiB on the disk of this computer.
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
