//! How far a user has come in a conversation.

use jiff::Timestamp;

use super::message::MessageId;

/// How far a user has come in a conversation, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// A device of the user's keeps everything up to here.
    pub delivered: MessageId,
    /// Since when.
    pub delivered_at: Timestamp,
    /// The user has read everything up to here. The user's own messages count as read.
    pub read: MessageId,
    /// Since when.
    pub read_at: Timestamp,
    /// The last message of all when the cursor last moved by something the user did.
    pub changed: MessageId,
    /// The user has left the group: no message from this one on is for the user.
    pub left: Option<MessageId>,
}

impl Default for Cursor {
    fn default() -> Self {
        Self {
            delivered: MessageId(0),
            delivered_at: Timestamp::UNIX_EPOCH,
            read: MessageId(0),
            read_at: Timestamp::UNIX_EPOCH,
            changed: MessageId(0),
            left: None,
        }
    }
}
