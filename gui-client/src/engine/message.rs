//! Messages, conversations and accounts, as the engine and the window pass them to each other.

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};

/// The other side of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// A user or a group: whatever can stand after the `@`.
    Person(Login),
    /// The server itself, when a foreign server sends something that is not `@sender text`.
    Server,
}

/// The id of a message in the local database. It never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub i64);

/// Orders all messages of an account; the values have no other meaning. An own message gets its final sort key
/// when the server acknowledges it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SortKey(pub i64);

/// The state of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Received.
    Received,
    /// Own; in the outbox until the next connection.
    Waiting,
    /// Own; the server has acknowledged it.
    Accepted,
    /// Own; it was sent, but the link broke before the acknowledgement. Only the person can decide
    /// whether to send it again. This does not happen in live sessions.
    Unconfirmed,
    /// Own; the server has refused it.
    Refused(Refusal),
}

/// Why a server refuses a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// No user or group has this login.
    UnknownRecipient,
    /// The sender is not a member of the group.
    NotAMember,
    /// The recipient's mailbox is full.
    MailboxFull,
    /// The user, or all users together, have stored as much as is allowed.
    Quota,
    /// The message that it would change is not there any more.
    UnknownMessage,
    /// The line is longer than the server accepts.
    TooLong,
    /// Anything else.
    Other,
}

/// How far a recipient is with an own message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Who.
    pub by: Login,
    /// When a device of theirs received it.
    pub delivered: Option<Timestamp>,
    /// When they read it.
    pub read: Option<Timestamp>,
}

/// The most receipts stored with a message. In larger groups nobody could see whether really
/// everybody has read it.
pub const RECEIPTS_AT_MOST: usize = 256;

/// A message as the local database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Orders the timeline.
    pub sort_key: SortKey,
    /// The server's id of it, in live sessions.
    pub server_id: Option<u64>,
    /// The conversation it belongs to.
    pub with: Peer,
    /// The author in a group; `None`: the other side, or, if it is own, oneself.
    pub author: Option<Login>,
    /// The text.
    pub text: Text,
    /// The message that it replies to, if it names it by its id.
    pub re: Option<SortKey>,
    /// When its text was last edited.
    pub edited: Option<Timestamp>,
    /// An edit or a deletion of it is on its way to the server.
    pub is_changing: bool,
    /// When the server accepted it, by its clock. Before that, and with classic servers, when it
    /// was written or received here. It is shown, but gives no order.
    pub at: Timestamp,
    /// For an own message of this device: when the person sent it, by this computer's clock.
    pub written: Option<Timestamp>,
    /// Its state.
    pub delivery: Delivery,
    /// For an accepted own message: who has received and read it, and when, ordered by login; at
    /// most [`RECEIPTS_AT_MOST`].
    pub receipts: Vec<Receipt>,
}

impl Message {
    /// Whether the person wrote it.
    pub fn is_own(&self) -> bool {
        self.delivery != Delivery::Received
    }

    /// Whether a server has it. Only then is its time more than the time it was written.
    pub fn is_stored(&self) -> bool {
        matches!(self.delivery, Delivery::Received | Delivery::Accepted)
    }
}

/// A text that a message had, or has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The text.
    pub text: Text,
    /// Since when.
    pub at: Timestamp,
}

/// One row of the conversation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The other side.
    pub with: Peer,
    /// Whether it is known to be a group.
    pub is_group: bool,
    /// Its newest message, if there is any yet.
    pub last: Option<Message>,
    /// The number of received messages that the person has not seen.
    pub unread: usize,
    /// The draft.
    pub draft: String,
    /// It is pinned above the others.
    pub is_pinned: bool,
    /// It is muted until then, in milliseconds since 1970, or [`FOR_GOOD`]: no notification, no number in the window's
    /// title.
    pub muted_until: Option<i64>,
    /// It is archived as long as it has no message above this one, or is muted.
    pub archived: Option<SortKey>,
    /// It is shown as unread although everything in it has been read.
    pub is_marked_unread: bool,
}

/// Muted until then: for good.
pub const FOR_GOOD: i64 = i64::MAX;

/// What the person sets for a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingChange {
    /// Whether it stands above the others.
    Pinned(bool),
    /// Until when it is muted ([`Conversation::muted_until`]).
    MutedUntil(Option<i64>),
    /// [`Conversation::archived`].
    Archived(Option<SortKey>),
    /// [`Conversation::is_marked_unread`].
    MarkedUnread(bool),
}

impl Conversation {
    /// Whether it is muted now.
    pub fn is_muted(&self) -> bool {
        let until = self.muted_until;
        until.is_some_and(|until| until > Timestamp::now().as_millisecond())
    }

    /// Whether it is archived now. A new message brings it back, unless it is muted.
    pub fn is_archived(&self) -> bool {
        let last = self.last.as_ref().map(|last| last.sort_key);
        self.archived
            .is_some_and(|up_to| last <= Some(up_to) || self.is_muted())
    }

    /// Whether the person has set something for it that lasts.
    pub fn is_arranged(&self) -> bool {
        self.is_pinned || self.muted_until.is_some() || self.archived.is_some()
    }

    /// A group without messages, draft or pin: it is listed only because the person is a member.
    pub fn is_bare_group(&self) -> bool {
        self.is_group && self.last.is_none() && self.draft.is_empty() && !self.is_pinned
    }
}

/// A login at a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// `host:port`.
    pub server: String,
    /// The user's login.
    pub login: Login,
}

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// A page for people.
    Html,
    /// Rows for a spreadsheet (CSV).
    Csv,
    /// The messages, as plain text.
    Text,
}

/// What older messages there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Older {
    /// More; another [`super::Command::LoadPage`] loads them.
    More,
    /// More, at a server that cannot be reached now.
    AtServer,
    /// More, being fetched: the page will be sent again.
    Coming,
    /// Nothing.
    Nothing,
}
