//! Why a file is not taken.

use std::io;

use mensageiro_protocol::live::{RefusalCode, Refused, Tag};
use thiserror::Error;

/// When somebody may try again for whom there was no room.
const LATER_SECONDS: u32 = 60;

/// Why a file is not taken.
#[derive(Debug, Error)]
pub enum FileRefusal {
    /// It is larger than any file may be.
    #[error("the file has {size} bytes; this server takes files of up to {most} bytes")]
    TooLarge {
        /// Its size in bytes.
        size: u64,
        /// How large one may be.
        most: u64,
    },
    /// The server takes no files at all.
    #[error("this server takes no files")]
    NoFiles,
    /// Its user has as many bytes of files here as allowed.
    #[error("your files here have {used} bytes; with this one they would have more than {most}")]
    Quota {
        /// How many bytes they have.
        used: u64,
        /// How many they may have.
        most: u64,
    },
    /// All files together have as many bytes as allowed.
    #[error("the server has stored as many bytes of files as it may")]
    TotalQuota,
    /// The disk has no room.
    #[error("the server's disk is nearly full")]
    DiskFull,
    /// Too many are being uploaded.
    #[error("you upload too many files at a time")]
    TooMany,
    /// There is none that this user has uploaded, or it is not whole.
    #[error("there is no such file of yours that is whole; upload it first")]
    Unknown,
    /// The disk failed.
    #[error("the server could not store it")]
    Disk(#[from] io::Error),
}

impl FileRefusal {
    /// The code by which programs know it.
    pub fn code(&self) -> RefusalCode {
        match self {
            Self::TooLarge { .. } | Self::NoFiles => RefusalCode::TooLarge,
            Self::Quota { .. } | Self::TotalQuota => RefusalCode::Quota,
            Self::DiskFull => RefusalCode::DiskFull,
            Self::TooMany => RefusalCode::Busy,
            Self::Unknown => RefusalCode::UnknownFile,
            Self::Disk(error) if error.kind() == io::ErrorKind::StorageFull => {
                RefusalCode::DiskFull
            }
            Self::Disk(_) => RefusalCode::Internal,
        }
    }

    /// The answer to the line that is refused (rule V4).
    pub fn no(&self, tag: Option<Tag>) -> Refused {
        let is_for_good = matches!(self, Self::TooLarge { .. } | Self::NoFiles | Self::Unknown);
        Refused {
            tag,
            code: self.code(),
            detail: self.to_string(),
            retry_after: (!is_for_good).then_some(LATER_SECONDS),
        }
    }
}
