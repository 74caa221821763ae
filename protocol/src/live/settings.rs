//! What a user has set for a conversation, and what all devices of the user know of it (rule V15).

use serde::{Deserialize, Serialize};

use super::{BadLine, Tag, is_false};
use crate::{Login, Text, limits::HIGHEST_ID};

/// The longest draft that a server keeps, in bytes of UTF-8.
pub const DRAFT_BYTES: usize = 4_096;

/// The most conversations that a user may have pinned on a server.
pub const PINNED_MOST: usize = 100;

/// `set` from a client: changes what the user has set. What is absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Set {
    /// The client's name for the request. The answer repeats it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// The conversation; absent: the change is about the user ([`Set::note`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<Login>,
    /// It stands above the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// It calls for nobody's attention, for good or until `muted_until`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted: Option<bool>,
    /// Until when it is muted; only with `muted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<i64>,
    /// It is put away until a newer message than `archived_up_to` comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// The newest message that the person knew of; only with `archived`. Absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_up_to: Option<u64>,
    /// What is written and not sent, at most [`DRAFT_BYTES`]; empty: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<Text>,
    /// It is shown as unread although everything in it has been read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub marked_unread: Option<bool>,
    /// The note that others see while the user is online; empty: none. Only without `with`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Text>,
}

impl Set {
    /// Whether the change is about the user and not about a conversation.
    ///
    /// # Errors
    /// [`BadLine`] when it is about neither, or both.
    pub fn is_about_user(&self) -> Result<bool, BadLine> {
        let of_conversation = self.pinned.is_some()
            || self.muted.is_some()
            || self.archived.is_some()
            || self.draft.is_some()
            || self.marked_unread.is_some();
        match (self.with.is_some(), self.note.is_some(), of_conversation) {
            (true, false, true) => Ok(false),
            (false, true, false) => Ok(true),
            _ => Err(BadLine {
                tag: self.tag.clone(),
                reason: "a conversation with what is set for it, or a note".into(),
            }),
        }
    }
}

/// `settings` from a client: asks for what was set after a change, and for all changes from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingsRequest {
    /// The last change that the client knows; 0: none.
    pub after: u64,
}

/// `settings` from the server: an answer, or a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SettingsNews {
    /// The tag of the `set` that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// The value in the request that it answers; absent: it answers none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
    /// In an answer to `settings`: with these lines, the client knows everything up to this change.
    pub last: u64,
    /// What is set, by the changes' numbers.
    pub changed: Vec<Setting>,
    /// There are further changes: ask for those after `last`.
    #[serde(skip_serializing_if = "is_false")]
    pub more: bool,
}

/// Everything that is set for one conversation, or for the user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Setting {
    /// The conversation; absent: it is about the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<Login>,
    /// The number of its last change. Of two states of one conversation, the one with the higher number holds.
    pub number: u64,
    /// What is set.
    #[serde(flatten)]
    pub of: Settings,
}

/// The values of a [`Setting`]; the default is what holds where nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// As in [`Set`].
    #[serde(skip_serializing_if = "is_false")]
    pub pinned: bool,
    /// As in [`Set`].
    #[serde(skip_serializing_if = "is_false")]
    pub muted: bool,
    /// As in [`Set`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<i64>,
    /// As in [`Set`].
    #[serde(skip_serializing_if = "is_false")]
    pub archived: bool,
    /// As in [`Set`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_up_to: Option<u64>,
    /// As in [`Set`].
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub draft: Text,
    /// As in [`Set`].
    #[serde(skip_serializing_if = "is_false")]
    pub marked_unread: bool,
    /// As in [`Set`].
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub note: Text,
}

impl Settings {
    /// Whether its ids are ids that a message can have.
    pub(super) fn is_valid(&self) -> bool {
        self.archived_up_to.is_none_or(|id| id <= HIGHEST_ID)
    }
}
