//! Messages, conversations and accounts, as the engine and the window pass them to each other.

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};

/// Whom one talks with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// A user or a group of the server: whoever can stand after the `@`.
    Person(Login),
    /// The server itself: what a server of another make says that is not `@sender text`.
    Server,
}

/// Number of a message in the local database: which message it is, for as long as there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub i64);

/// Where a message stands in the order of all messages of an account. An own message gets its
/// final place with the server's acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place(pub i64);

/// What is known of a message's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// From the other side.
    Received,
    /// Own, in the outbox: goes out with the next connection.
    Waiting,
    /// Own, the server acknowledged it.
    Accepted,
    /// Own, it went out but the link broke before the acknowledgement: only the person can say
    /// whether to send it again. Live sessions know no such doubt.
    Unconfirmed,
    /// Own, the server does not take it.
    Refused(Refusal),
}

/// Why a server does not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// There is no such user or group.
    UnknownRecipient,
    /// One does not belong to the group.
    NotAMember,
    /// The recipient has as many unread messages as may be.
    MailboxFull,
    /// As one line it is longer than the server takes.
    TooLong,
    /// Anything else.
    Other,
}

/// How far somebody is with an own message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Who.
    pub by: Login,
    /// When it was on a device of theirs.
    pub delivered: Option<Timestamp>,
    /// When it was shown to them.
    pub read: Option<Timestamp>,
}

/// People whose receipts are kept with a message. In larger groups nobody can see whether really
/// all have read it.
pub const RECEIPTS_AT_MOST: usize = 256;

/// One message as the local database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which message.
    pub id: MessageId,
    /// Where in the timeline.
    pub place: Place,
    /// The server's number of it, in live sessions.
    pub server_id: Option<u64>,
    /// The conversation it belongs to.
    pub with: Peer,
    /// Who of a group wrote it; `None`: the other side, or, if it is own, oneself.
    pub author: Option<Login>,
    /// What it says.
    pub text: Text,
    /// When the server accepted it, by its clock; before that, and from classic servers, when it
    /// was written here or arrived here: a label, not an order.
    pub at: Timestamp,
    /// Of an own message of this device: when the person sent it, by this computer's clock.
    pub written: Option<Timestamp>,
    /// Whose it is and how far it got.
    pub delivery: Delivery,
    /// Of an accepted own message: who has it, and since when; in the order of their logins, and at
    /// most [`RECEIPTS_AT_MOST`].
    pub receipts: Vec<Receipt>,
    /// Of an accepted own message to a group: who did not get it.
    pub missed: Missed,
}

/// Members of a group who did not get a message, as their mailboxes were full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Some of them.
    pub named: Vec<Login>,
    /// How many there are beyond these.
    pub more: usize,
}

impl Message {
    /// Whether the person in front of the window wrote it.
    pub fn is_own(&self) -> bool {
        self.delivery != Delivery::Received
    }

    /// Whether a server has it: only then is its time more than that of its writing.
    pub fn is_stored(&self) -> bool {
        matches!(self.delivery, Delivery::Received | Delivery::Accepted)
    }
}

/// One row of the conversation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Whom it is with.
    pub with: Peer,
    /// Whether that is known to be a group.
    pub is_group: bool,
    /// Its newest message, if there is any yet.
    pub last: Option<Message>,
    /// Received messages the person has not seen.
    pub unread: usize,
    /// What is typed and not sent.
    pub draft: String,
    /// It stands above the others.
    pub is_pinned: bool,
    /// It calls for nobody: no notification, no number in the window's title.
    pub is_muted: bool,
}

impl Conversation {
    /// A group of which nothing is kept: it is there because one belongs to it.
    pub fn is_bare_group(&self) -> bool {
        self.is_group && self.last.is_none() && self.draft.is_empty() && !self.is_pinned
    }
}

/// Which server, and as whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// `host:port`.
    pub server: String,
    /// The user's login.
    pub login: Login,
}

/// What a report is saved as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// A page for people.
    Html,
    /// Rows for a spreadsheet.
    Csv,
    /// What was said, as plain text.
    Text,
}

/// What there is before the messages of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Older {
    /// More, to be asked for with another [`super::Command::LoadPage`].
    More,
    /// More, at the server, which cannot be reached now.
    AtServer,
    /// More, being fetched: the same page will be told once more.
    Coming,
    /// Nothing.
    Nothing,
}
