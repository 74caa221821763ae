//! The list of a user's conversations (rule V14).

use serde::{Deserialize, Serialize};

use super::{About, Delivered, Settings, Tag, is_false};
use crate::{Login, Text};

/// The most conversations in one answer.
pub const CONVERSATIONS_MOST: usize = 200;

/// Conversations in one answer if the request has no limit.
pub const CONVERSATIONS_USUAL: usize = 50;

/// `conversations` from a client: asks for the conversations with the newest messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConversationsRequest {
    /// Only conversations whose last message is older than this; absent: the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// At most this many, 1 to [`CONVERSATIONS_MOST`].
    pub limit: usize,
}

impl Default for ConversationsRequest {
    fn default() -> Self {
        Self {
            before: None,
            limit: CONVERSATIONS_USUAL,
        }
    }
}

/// `conversations` from the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversations {
    /// The value in the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// The conversation with the newest message first.
    #[serde(default)]
    pub conversations: Vec<ConversationNews>,
    /// There are further conversations, with older messages.
    #[serde(default)]
    pub more: bool,
}

/// A conversation in [`Conversations`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationNews {
    /// The other user, or the group.
    pub with: Login,
    /// Whether it is a group.
    #[serde(default, skip_serializing_if = "is_false")]
    pub group: bool,
    /// How many messages of others the user has not read.
    #[serde(default)]
    pub unread: u64,
    /// The user has read everything up to this id; 0: nothing.
    #[serde(default)]
    pub read: u64,
    /// Its last message.
    pub last: LastMessage,
    /// What the user has set for it (rule V15).
    #[serde(flatten)]
    pub settings: Settings,
}

/// The last message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastMessage {
    /// As in [`Delivered`].
    pub id: u64,
    /// As in [`Delivered`].
    #[serde(default)]
    pub at: i64,
    /// As in [`Delivered`], but always present.
    pub from: Login,
    /// As in [`Delivered`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<Tag>,
    /// The message that it replies to (rule V16).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub re: Option<u64>,
    /// The text.
    pub text: Text,
    /// Its last edit (rule V17).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<LastEdit>,
}

/// The last edit of a message: a message about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastEdit {
    /// As in [`Delivered`].
    pub id: u64,
    /// As in [`Delivered`].
    #[serde(default)]
    pub at: i64,
    /// The new text.
    pub text: Text,
}

impl ConversationNews {
    /// The last message in the form of an answer to `history`, without its edit.
    pub fn delivered(&self) -> Delivered {
        let LastMessage {
            id,
            at,
            from,
            tag,
            re,
            text,
            edit: _,
        } = self.last.clone();
        Delivered {
            id,
            at,
            with: self.with.clone(),
            from,
            tag,
            about: re.map(About::Reply),
            is_old: true,
            // The list tells only the text; the message itself comes with `history`.
            file: None,
            text,
        }
    }

    /// The edit of the last message in the same form.
    pub fn edit(&self) -> Option<Delivered> {
        let LastEdit { id, at, text } = self.last.edit.clone()?;
        Some(Delivered {
            id,
            at,
            with: self.with.clone(),
            from: self.last.from.clone(),
            tag: None,
            about: Some(About::Edit(self.last.id)),
            is_old: true,
            file: None,
            text,
        })
    }
}
