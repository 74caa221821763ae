//! What waits for a user in a conversation, beside the cursor. Messages are only counted: they are in the log.

use mensageiro_protocol::Login;

use super::{message::MessageId, tally::Tally};

/// What waits for a user in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// In one of two users.
    Share(Share),
    /// In a group.
    Membership(Box<Membership>),
}

/// What waits for a user of what the other one wrote; with oneself, of what one wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// What was not read.
    pub tally: Tally,
    /// That a device has everything up to this id, or a higher one, is news to the other user; 0: nothing is.
    pub undelivered: MessageId,
}

/// What waits for a user of what others wrote to a group: all of its messages but those that are settled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Membership {
    /// How many of the group's messages do not wait: the user has read or written them, or was no member.
    pub settled: u64,
    /// Of these the ones above the read cursor.
    pub skipped: Tally,
    /// The newest message that the user wrote to the group.
    pub newest_own: MessageId,
    /// How many messages the group had when the user left it; `None`: the user is a member.
    pub away: Option<u64>,
    /// The newest message for the user when the user last left.
    pub before: MessageId,
    /// Messages from here on are for the user again.
    pub since: MessageId,
}

/// What was written to a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// All of it.
    pub tally: Tally,
    /// The newest messages, by rising ids, and who wrote them.
    pub recent: Vec<(MessageId, Login)>,
}
