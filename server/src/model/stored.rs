//! How much somebody has in the log, for quotas: a little more than it takes there.

use mensageiro_protocol::{Text, live::Attachment};

use super::message::Tag;

/// What a message takes besides its text and its tag: its part of the record, and its place in the index.
const MESSAGE: usize = 64;

/// What it takes to note that something was set: `bytes` of drafts and notes.
pub fn setting(bytes: usize) -> u64 {
    (MESSAGE + bytes) as u64
}

/// What it takes to note that something was read or given.
pub const READ: u64 = 64;

/// What a message takes.
pub fn message(tag: Option<&Tag>, file: Option<&Attachment>, text: &Text) -> u64 {
    let tag = tag.map_or(0, |tag| tag.as_str().len());
    let file = file.map_or(0, Attachment::line_bytes);
    (MESSAGE + tag + file + text.len()) as u64
}
