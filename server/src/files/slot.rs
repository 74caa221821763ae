//! What is known of a file: a small JSON document of its own, which is replaced as a whole.

use std::{fs, io, path::Path};

use jiff::Timestamp;
use mensageiro_protocol::{
    FileName, Login, MediaType,
    live::{Attachment, FileHash, FileToken, Preview},
};
use serde::{Deserialize, Serialize};

use crate::version::{Version, WrittenBy};

/// The number of the documents' format.
const FORMAT: u32 = 1;

/// A file that was announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// By what it is reached.
    pub file: FileToken,
    /// Who has announced it.
    pub login: Login,
    /// What it is called.
    pub name: FileName,
    /// Its size in bytes.
    pub size: u64,
    /// What it is said to be.
    #[serde(rename = "type")]
    pub kind: MediaType,
    /// What its content is, or must be; `None`: it is not whole, and its user did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<FileHash>,
    /// How far it is.
    pub state: SlotState,
    /// Since when, in milliseconds since 1970 UTC.
    pub since: i64,
}

/// How far a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SlotState {
    /// It was announced, and some of it may have come.
    Open,
    /// It is whole.
    Complete,
    /// A message names it.
    Named,
}

#[derive(Serialize, Deserialize)]
struct Document {
    format: u32,
    version: String,
    #[serde(flatten)]
    slot: Slot,
}

/// What every version can read.
#[derive(Deserialize)]
struct Header {
    format: u32,
    #[serde(default)]
    version: String,
}

impl Slot {
    /// The same slot in another state, as of now.
    pub(super) fn becoming(&self, state: SlotState) -> Self {
        Self {
            state,
            since: Timestamp::now().as_millisecond(),
            ..self.clone()
        }
    }

    /// Whether all of it is there.
    pub fn is_whole(&self) -> bool {
        self.state != SlotState::Open
    }

    /// Its content, if all of it is there.
    pub fn content(&self) -> Option<FileHash> {
        self.hash.filter(|_| self.is_whole())
    }

    /// What a message says of it; `None`: it is not whole.
    pub fn attachment(&self, preview: Option<Preview>) -> Option<Attachment> {
        Some(Attachment {
            token: self.file,
            name: self.name.clone(),
            size: self.size,
            kind: self.kind.clone(),
            hash: self.content()?,
            preview,
        })
    }

    pub(super) fn document(&self) -> io::Result<Vec<u8>> {
        let document = Document {
            format: FORMAT,
            version: Version::THIS.to_string(),
            slot: self.clone(),
        };
        serde_json::to_vec(&document).map_err(io::Error::other)
    }

    /// Reads the document of a slot.
    pub(super) fn read(file: &Path) -> io::Result<Self> {
        let bytes = fs::read(file)?;
        let header: Header = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
        if header.format != FORMAT {
            let by = WrittenBy {
                format: header.format,
                version: Version::parse(&header.version),
            };
            return Err(io::Error::other(by.to_string()));
        }
        let document: Document = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
        Ok(document.slot)
    }
}
