//! The objects of the verbs. Unknown fields are ignored. The description of a field says what its
//! absence means (rule V2). Times are milliseconds since 1970 UTC.

use serde::{Deserialize, Serialize};

use super::{Role, StoreId, Tag, is_false};
use crate::{Login, Text, trust::DeviceId};

/// The most messages in one answer to `history`.
pub const HISTORY_MOST: usize = 200;

/// Messages in one answer to `history` if the request has no limit.
pub const HISTORY_USUAL: usize = 50;

/// Longest note of a `status`, in characters.
pub const NOTE_CHARS: usize = 140;

/// `welcome`, the server's first line (rule V1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The name of the server program.
    #[serde(default)]
    pub server: String,
    /// The version of the server program.
    #[serde(default)]
    pub version: String,
    /// The user's login as the server stores it.
    pub you: Login,
    /// The newest id in the store, for whomever the message is. Ids up to here that are not in the
    /// backlog do not concern this user. So a device may resume from here once it has the backlog.
    pub last: u64,
    /// The store to which the ids belong. Absent: an older server without store identities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreId>,
    /// The store's epoch. Within an epoch no id is assigned twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// The id after which the backlog begins ([`resume`](super::resume)). If it is below the
    /// `after` of the hello, the device has messages above this id that are not in this store, and
    /// their ids have been assigned again. `None` although the hello had `after` and `store` is
    /// present: no id that the device knows is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// The highest number that the server has from the device of the hello ([`Tag::numbered`]).
    /// `None`: it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// The server is closed: a login needs a device or a program key (rule A1).
    #[serde(default, skip_serializing_if = "is_false")]
    pub closed: bool,
    /// The id under which the server knows the device of this session (rule A2). Absent: it knows only the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// What this session may do on the server besides writing (rule A11). Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// This session may create groups (rule A13). Absent: it may not, or the server knows no `edit`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub new_groups: bool,
    /// The number of the last change of what the user has set (rule V15). Absent: the server knows no `set`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<u64>,
    /// What the server lets messages say about others (rule V16): the keys. Absent: an older server, which ignores these keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<String>,
    /// The server's limits.
    #[serde(default)]
    pub limits: Limits,
}

impl Welcome {
    /// The welcome of a server that says nothing that it need not say.
    pub fn new(you: Login, last: u64) -> Self {
        Self {
            server: String::new(),
            version: String::new(),
            you,
            last,
            store: None,
            epoch: None,
            after: None,
            number: None,
            closed: false,
            device: None,
            role: None,
            new_groups: false,
            settings: None,
            about: Vec::new(),
            limits: Limits::default(),
        }
    }
}

/// The limits of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Longest line in bytes, without its line end.
    pub line_bytes: usize,
    /// Largest file in bytes (rule V25). Absent: the server takes no files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: crate::limits::LINE_BYTES,
            file_bytes: None,
        }
    }
}

/// `read`, in both directions: the messages of others in a conversation, up to an id, have been
/// shown to the person (rule V8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// The conversation.
    pub with: Login,
    /// The newest message that was read.
    pub up_to: u64,
}

/// `got`: everything up to an id is safe on this device (rule V7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Got {
    /// The newest message that is safe.
    pub up_to: u64,
}

/// `history` from a client: asks for older messages (rule V10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRequest {
    /// The conversation.
    pub with: Login,
    /// Only messages older than this; absent: the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// At most this many, 1 to [`HISTORY_MOST`].
    #[serde(default = "usual_history")]
    pub limit: usize,
}

fn usual_history() -> usize {
    HISTORY_USUAL
}

/// `history` from the server: the answer is complete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEnd {
    /// The value in the request.
    pub with: Login,
    /// The value in the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// How many messages came before this line.
    pub count: usize,
    /// There are older messages.
    pub more: bool,
}

/// `typing` from a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typing {
    /// The user or group for whom the text is meant.
    pub to: Login,
}

/// `typing` from the server: to be shown for 5 s (rule V11).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypingNews {
    /// The user who types.
    pub from: Login,
    /// The conversation: the same login, or a group.
    pub with: Login,
}

/// Whether a user is there.
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
    /// A short text for the others, at most [`NOTE_CHARS`] characters.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub note: Text,
}

/// `presence`: a user has come, gone, or changed state or note (rule V12).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceNews {
    /// The user.
    pub login: Login,
    /// The user's state.
    pub state: Presence,
    /// The user's note.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub note: Text,
    /// When the user was last online; only for users who are offline, and only if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<i64>,
}

/// `ok`: a message was accepted and is durable (rule V4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// The tag with which it was sent.
    pub tag: Tag,
    /// Its id. A message that was sent again keeps its id.
    pub id: u64,
    /// When it was accepted.
    pub at: i64,
}

impl Accepted {
    /// Appends the line, without a line end, from its parts: a server writes it for each message.
    pub fn write(tag: &Tag, id: u64, at: i64, out: &mut Vec<u8>) {
        let mut number = itoa::Buffer::new();
        // No character of a tag needs escaping in JSON.
        out.extend_from_slice(br#"ok {"tag":""#);
        out.extend_from_slice(tag.as_str().as_bytes());
        out.extend_from_slice(br#"","id":"#);
        out.extend_from_slice(number.format(id).as_bytes());
        out.extend_from_slice(br#","at":"#);
        out.extend_from_slice(number.format(at).as_bytes());
        out.push(b'}');
    }
}

/// `no`: a line was refused (rule V4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The tag of the message, if the line was a message with a tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// The reason, for programs.
    pub code: RefusalCode,
    /// The reason, for people.
    #[serde(default)]
    pub detail: String,
    /// Seconds until the same line, with the same tag, may be sent again. Absent: it would be
    /// refused again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

/// Why a line was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// There is no such user or group.
    UnknownRecipient,
    /// The sender does not belong to the group.
    NotAMember,
    /// The recipient has as many unread messages as are allowed.
    MailboxFull,
    /// The line is malformed.
    BadLine,
    /// The device has used the number for another message. This one needs a new number.
    TagUsed,
    /// The number is below all numbers that the server remembers for the device. The message needs
    /// a new number.
    TagOld,
    /// The server could not store it. The client may try again later.
    Internal,
    /// The server has too much to do.
    Busy,
    /// The user sends more than the server allows in this time.
    SlowDown,
    /// The user, or all users together, have stored as much as is allowed.
    Quota,
    /// The user or this session may not do that (rules A6 to A9).
    NotAllowed,
    /// There is no such user, group or device.
    Unknown,
    /// There is such a user, group or member already.
    Exists,
    /// The login or name cannot be used, or people would mix it up with another one.
    BadName,
    /// Nobody would be left who administers the server or the group.
    LastAdmin,
    /// The server's file of users or groups cannot be changed as asked; the detail says why.
    CannotEdit,
    /// The file is larger than the server allows (rule V25).
    TooLarge,
    /// The server's disk has no room for the file.
    DiskFull,
    /// There is no such file, it is not whole yet, or somebody else has uploaded it (rule V26).
    UnknownFile,
    /// A code of a later version.
    #[serde(other)]
    Other,
}

/// `receipt`: how far somebody is with the user's messages (rule V9). It holds for every message of
/// the user in that conversation, up to `id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The newest message for which it holds.
    pub id: u64,
    /// The conversation.
    pub with: Login,
    /// The user who got or read them.
    pub by: Login,
    /// Delivered or read.
    pub state: ReceiptState,
    /// When.
    pub at: i64,
}

/// How far a message has come.
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
    /// The reason, for programs.
    pub code: ByeCode,
    /// The reason, for people.
    #[serde(default)]
    pub detail: String,
    /// Seconds until the client may connect again. Absent: nothing is known about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u32>,
}

impl Bye {
    /// A farewell that does not say when to come again.
    pub fn new(code: ByeCode, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            retry_after: None,
        }
    }
}

/// Why the server ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ByeCode {
    /// The server stops.
    Shutdown,
    /// The client does not read what is sent to it.
    Slow,
    /// There is no such user.
    UnknownUser,
    /// The user is no longer registered.
    Removed,
    /// A line is longer than allowed.
    TooLong,
    /// The hello is malformed.
    BadHello,
    /// The client was silent for longer than allowed.
    Idle,
    /// The client sent `bye`.
    Bye,
    /// The disk fails.
    Internal,
    /// The user, or all users together, have as many connections as are allowed.
    Busy,
    /// The user has sent or requested much more than the server allows in this time.
    SlowDown,
    /// The user, or all users together, have stored as much as is allowed.
    Quota,
    /// The server does not talk to this address without TLS (rule A4).
    NeedsTls,
    /// The server is closed, and neither the device nor a program key is registered for the login; or the code of an
    /// invitation is not valid (rules A2, A3 and A5).
    NeedsKey,
    /// The device or program key of this session was revoked (rule A7).
    Revoked,
    /// A code of a later version.
    #[serde(other)]
    Other,
}
