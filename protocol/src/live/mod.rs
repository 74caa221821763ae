//! The live protocol: classic lines with tags, and verbs with one JSON object each
//! (PROTOCOL.md, "Live sessions").

mod about;
mod access;
mod attachment;
mod conversations;
mod edit;
mod event;
mod hello;
mod identity;
mod message;
mod request;
mod roster;
mod settings;
mod tag;
mod text;
mod verbs;

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;

pub use self::{
    about::{About, KNOWN as ABOUT_KNOWN},
    access::{
        Device, Devices, DevicesRequest, InviteRequest, Invited, Join, Joined, KeyRequest, NewKey,
        Revoke, VALID_LEAST, VALID_MOST, VALID_USUAL,
    },
    attachment::{
        Attachment, FileHash, FileReference, FileToken, PREVIEW_BYTES, Preview, Slot, SlotRequest,
        path as file_path,
    },
    conversations::{
        CONVERSATIONS_MOST, CONVERSATIONS_USUAL, ConversationNews, Conversations,
        ConversationsRequest, LastEdit, LastMessage,
    },
    edit::{Change, Edit, Edited, Role},
    event::Event,
    hello::{Hello, HelloError, LIVE},
    identity::{BadStoreId, Epoch, StoreId, resume},
    message::{Delivered, Telling},
    request::Request,
    roster::{Roster, RosterGroup, RosterRequest, RosterUser},
    settings::{DRAFT_BYTES, PINNED_MOST, Set, Setting, Settings, SettingsNews, SettingsRequest},
    tag::{BadTag, HIGHEST_NUMBER, TAG_CHARS, Tag},
    verbs::{
        Accepted, Bye, ByeCode, Got, HISTORY_MOST, HISTORY_USUAL, HistoryEnd, HistoryRequest,
        Limits, NOTE_CHARS, Presence, PresenceNews, Read, Receipt, ReceiptState, RefusalCode,
        Refused, Status, Typing, TypingNews, Welcome,
    },
};

/// Why a line is malformed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct BadLine {
    /// The tag of the message, if it could be parsed.
    pub tag: Option<Tag>,
    /// The reason, for people.
    pub reason: String,
}

impl BadLine {
    fn new(reason: impl fmt::Display) -> Self {
        Self {
            tag: None,
            reason: reason.to_string(),
        }
    }
}

/// Splits `verb {json}`.
fn split_verb(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|&byte| byte == b' ') {
        Some(space) => (&line[..space], &line[space + 1..]),
        None => (line, b"{}"),
    }
}

/// Parses the object of a verb. Without an object, an empty one counts.
fn read_object<T: DeserializeOwned>(json: &[u8]) -> Result<T, BadLine> {
    let json = if json.trim_ascii().is_empty() {
        b"{}"
    } else {
        json
    };
    serde_json::from_slice(json).map_err(BadLine::new)
}

/// Appends `verb {json}`, without a line end.
fn write_verb(verb: &str, object: &impl Serialize, out: &mut Vec<u8>) {
    out.extend_from_slice(verb.as_bytes());
    out.push(b' ');
    // Plain structs with string keys, written to memory, cannot fail.
    let _ = serde_json::to_writer(out, object);
}

#[derive(Serialize)]
struct Nothing {}

/// For fields that are left out if they are false.
fn is_false(flag: &bool) -> bool {
    !flag
}
