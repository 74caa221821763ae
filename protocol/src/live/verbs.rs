//! The objects that follow the verbs. Fields that are unknown are ignored; those that may be
//! absent say what is meant then (rule V2). Times are milliseconds since 1970 UTC.

use serde::{Deserialize, Serialize};

use super::{StoreId, Tag};
use crate::{Login, Text};

/// Most messages of one answer to `history`.
pub const HISTORY_MOST: usize = 200;

/// Messages of one answer to `history` when no number is asked for.
pub const HISTORY_USUAL: usize = 50;

/// So many of those who missed a message are named; the others are counted.
pub const MISSED_NAMED: usize = 20;

/// Longest note of a `status` in characters.
pub const NOTE_CHARS: usize = 140;

/// `welcome`, the server's first word (rule V1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The program.
    #[serde(default)]
    pub server: String,
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// The login as the server keeps it.
    pub you: Login,
    /// The newest message there is, anybody's. What the backlog does not hold up to here is not
    /// for this user, so a device may resume from here once it has the backlog.
    pub last: u64,
    /// The store that gives the ids their meaning. A server of before there were identities does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreId>,
    /// The store's epoch: in the same one no id is given twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// What the backlog begins after ([`resume`](super::resume)). Below the `after` of the hello: what
    /// the device has above this id is not in this store, and its ids have been given again. `None` though
    /// the hello had one, and `store` is here: nothing that the device knows by its id counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// The highest number that the server has from the device of the hello ([`Tag::numbered`]). `None`: it
    /// has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// What the server takes.
    #[serde(default)]
    pub limits: Limits,
}

/// What a server takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Longest line, without its end.
    pub line_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: crate::limits::LINE_BYTES,
        }
    }
}

/// `read`, both ways: everything that others wrote in a conversation, up to a message, has been
/// shown to the person (rule V8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// The conversation.
    pub with: Login,
    /// The newest message read.
    pub up_to: u64,
}

/// `got`: everything up to a message is safe on this device (rule V7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Got {
    /// The newest message kept.
    pub up_to: u64,
}

/// `history` from a client: older messages are wanted (rule V10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRequest {
    /// Of which conversation.
    pub with: Login,
    /// Older than this; absent: the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How many at most, 1 to [`HISTORY_MOST`].
    #[serde(default = "usual_history")]
    pub limit: usize,
}

fn usual_history() -> usize {
    HISTORY_USUAL
}

/// `history` from the server: the answer is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEnd {
    /// As it was asked for.
    pub with: Login,
    /// As it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How many messages came before this line.
    pub count: usize,
    /// There are older ones.
    pub more: bool,
}

/// `typing` from a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// The user or group it is meant for.
    pub to: Login,
}

/// `typing` from the server: shown for 5 s (rule V11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypingNews {
    /// Who types.
    pub from: Login,
    /// In which conversation: the same login, or a group.
    pub with: Login,
}

/// What a user says of being there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// Connected.
    #[default]
    Online,
    /// Connected, but not looking.
    Away,
    /// Not connected.
    Offline,
}

/// `status` from a client (rule V12).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Online or away.
    pub state: Presence,
    /// A few words for the others, at most [`NOTE_CHARS`] characters.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub note: Text,
}

/// `presence`: a user came, went, or said something of it (rule V12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceNews {
    /// Whose.
    pub login: Login,
    /// Where they are.
    pub state: Presence,
    /// What they say.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub note: Text,
    /// When they were last there; only for those who are not, and only if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<i64>,
}

/// `ok`: a message is accepted and durable (rule V4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// What it was sent with.
    pub tag: Tag,
    /// Its place in the sequence; of a message sent again, the place it has.
    pub id: u64,
    /// When it was accepted.
    pub at: i64,
    /// Members of the group who did not get it, as their mailboxes are full; [`MISSED_NAMED`] at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<Login>,
    /// How many there are beyond these.
    #[serde(default, skip_serializing_if = "is_none")]
    pub missed_more: usize,
}

fn is_none(count: &usize) -> bool {
    *count == 0
}

impl Accepted {
    /// Appends the line, without its end, from its parts: a server says it for each message. `missed`: all who
    /// did not get it.
    pub fn write(tag: &Tag, id: u64, at: i64, missed: &[Login], out: &mut Vec<u8>) {
        let mut number = itoa::Buffer::new();
        // No character of a tag means anything in JSON.
        out.extend_from_slice(br#"ok {"tag":""#);
        out.extend_from_slice(tag.as_str().as_bytes());
        out.extend_from_slice(br#"","id":"#);
        out.extend_from_slice(number.format(id).as_bytes());
        out.extend_from_slice(br#","at":"#);
        out.extend_from_slice(number.format(at).as_bytes());
        if !missed.is_empty() {
            let (named, more) = missed.split_at(missed.len().min(MISSED_NAMED));
            // Nor does one of a login.
            let named: Vec<_> = named.iter().map(Login::as_str).collect();
            out.extend_from_slice(br#","missed":[""#);
            out.extend_from_slice(named.join(r#"",""#).as_bytes());
            out.extend_from_slice(br#""]"#);
            if !more.is_empty() {
                out.extend_from_slice(br#","missed_more":"#);
                out.extend_from_slice(number.format(more.len()).as_bytes());
            }
        }
        out.push(b'}');
    }
}

/// `no`: a line had no effect (rule V4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// What the message was sent with, if it was a message with a tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// For programs.
    pub code: RefusalCode,
    /// For people.
    #[serde(default)]
    pub detail: String,
}

/// Why a line had no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// There is no such user or group.
    UnknownRecipient,
    /// The sender does not belong to the group.
    NotAMember,
    /// The recipient has as many unread messages as may be.
    MailboxFull,
    /// The line cannot be understood.
    BadLine,
    /// The device has used the number for another message: this one needs a new number.
    TagUsed,
    /// The number is below all that the server remembers of the device: the message needs a new number.
    TagOld,
    /// The server could not store it: it may be tried again later.
    Internal,
    /// A code of a later version.
    #[serde(other)]
    Other,
}

/// `receipt`: how far somebody is with what one wrote (rule V9). It holds for every message of
/// one's own in that conversation, up to `id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The newest message it holds for.
    pub id: u64,
    /// The conversation.
    pub with: Login,
    /// Who has got or read it.
    pub by: Login,
    /// Which of the two.
    pub state: ReceiptState,
    /// When.
    pub at: i64,
}

/// How far a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptState {
    /// It is safe on a device of the recipient.
    Delivered,
    /// It has been shown to the recipient.
    Read,
}

/// `bye`: the last line of a session (rule V13).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// For programs.
    pub code: ByeCode,
    /// For people.
    #[serde(default)]
    pub detail: String,
}

/// Why the server ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ByeCode {
    /// It stops.
    Shutdown,
    /// The client does not take what is sent to it.
    Slow,
    /// There is no such user.
    UnknownUser,
    /// The user is no longer registered.
    Removed,
    /// A line is longer than allowed.
    TooLong,
    /// The hello cannot be understood.
    BadHello,
    /// The client said nothing for longer than allowed.
    Idle,
    /// The client said `bye`.
    Bye,
    /// The disk refuses.
    Internal,
    /// A code of a later version.
    #[serde(other)]
    Other,
}
