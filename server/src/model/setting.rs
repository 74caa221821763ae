//! What a user has set for a conversation, and for all of them.

use mensageiro_protocol::{Login, Text};

use super::{conversation::Conversation, message::MessageId};

/// Muted until then: for good.
pub const FOR_GOOD: i64 = i64::MAX;

/// What something is set for; `None`: for the user.
pub type Scope = Option<Conversation>;

/// What is set. The default is what holds where nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The conversation stands above the others.
    pub is_pinned: bool,
    /// It calls for nobody's attention until then, in milliseconds since 1970 UTC, or [`FOR_GOOD`].
    pub muted_until: Option<i64>,
    /// It is put away as long as it has no message above this one.
    pub archived: Option<MessageId>,
    /// What is written and not sent.
    pub draft: Text,
    /// It is shown as unread although everything in it has been read.
    pub is_marked_unread: bool,
    /// What others see beside the user's name; only of the user.
    pub note: Text,
}

/// What becomes other. `None`: it stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// [`Settings::is_pinned`].
    pub is_pinned: Option<bool>,
    /// [`Settings::muted_until`].
    pub muted_until: Option<Option<i64>>,
    /// [`Settings::archived`].
    pub archived: Option<Option<MessageId>>,
    /// [`Settings::draft`].
    pub draft: Option<Text>,
    /// [`Settings::is_marked_unread`].
    pub is_marked_unread: Option<bool>,
    /// [`Settings::note`].
    pub note: Option<Text>,
}

/// A user has set something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// Who.
    pub by: Login,
    /// What for.
    pub scope: Scope,
    /// What.
    pub change: SettingsChange,
    /// The number that it has already, where it is said again because the log before it is dropped. `None`: the next one.
    pub number: Option<u64>,
}

/// What is set for one thing, and its last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// What for.
    pub scope: Scope,
    /// The number of its last change, in the sequence of the user's changes, from 1.
    pub number: u64,
    /// What.
    pub settings: Settings,
}

impl Settings {
    /// The same after a change.
    #[must_use]
    pub fn with(&self, change: SettingsChange) -> Self {
        let before = self.clone();
        Self {
            is_pinned: change.is_pinned.unwrap_or(before.is_pinned),
            muted_until: change.muted_until.unwrap_or(before.muted_until),
            archived: change.archived.unwrap_or(before.archived),
            draft: change.draft.unwrap_or(before.draft),
            is_marked_unread: change.is_marked_unread.unwrap_or(before.is_marked_unread),
            note: change.note.unwrap_or(before.note),
        }
    }
}

impl From<Settings> for SettingsChange {
    /// The change that makes all of it so.
    fn from(settings: Settings) -> Self {
        Self {
            is_pinned: Some(settings.is_pinned),
            muted_until: Some(settings.muted_until),
            archived: Some(settings.archived),
            draft: Some(settings.draft),
            is_marked_unread: Some(settings.is_marked_unread),
            note: Some(settings.note),
        }
    }
}
