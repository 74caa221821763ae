//! The seam between the window and everything that may wait: what the window asks of the
//! background threads, and what they tell it. Plain values over crossbeam channels, both ways.

use std::{path::PathBuf, time::Instant};

use jiff::Timestamp;
use mensageiro_protocol::{Framing, Login, Text};

pub use mensageiro_protocol::live::{Presence, PresenceNews, ReceiptState, Roster, RosterGroup};

use super::{
    problem::{LinkProblem, StorageProblem},
    said::Said,
    wire::WireNews,
};

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

/// What the background threads tell the window.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Signed in locally: all conversations of this account, newest first.
    SignedIn {
        /// Which account.
        account: Account,
        /// All of them, those with a draft only included.
        conversations: Vec<Conversation>,
    },
    /// Who is in which group, as a live server told last; follows [`Event::SignedIn`].
    Groups(Vec<RosterGroup>),
    /// How these conversations stand: a live server has told of them, for this computer is new.
    Listed(Vec<Conversation>),
    /// The account is closed.
    SignedOut,
    /// The state of the connection changed.
    Link(LinkState),
    /// A message is new, or its [`Delivery`] changed.
    Message(Message),
    /// A message was taken away by [`super::Command::Discard`].
    Discarded(MessageId),
    /// The answer to [`super::Command::LoadPage`], oldest first.
    Page {
        /// Of which conversation.
        with: Peer,
        /// What was asked for.
        before: Option<Place>,
        /// Oldest first.
        messages: Vec<Message>,
        /// What there is before them.
        older: Older,
    },
    /// The answer to [`super::Command::LoadAround`].
    Around {
        /// Of which conversation.
        with: Peer,
        /// Oldest first.
        messages: Vec<Message>,
        /// What there is before them.
        older: Older,
        /// There are newer ones.
        newer: bool,
    },
    /// The answer to [`super::Command::LoadNewer`].
    Newer {
        /// Of which conversation.
        with: Peer,
        /// What was asked for.
        after: Place,
        /// Oldest first.
        messages: Vec<Message>,
        /// There are still newer ones.
        newer: bool,
    },
    /// The answer to [`super::Command::FindUnread`].
    OldestUnread {
        /// In which conversation.
        with: Peer,
        /// `None`: all have been read.
        message: Option<Message>,
    },
    /// The local database did not give what was asked for of a conversation; nothing else is
    /// harmed, and it can be asked for again.
    NotLoaded {
        /// Of which conversation.
        with: Peer,
        /// What was asked for.
        command: super::Command,
        /// Why it is not there.
        problem: StorageProblem,
    },
    /// The answer to [`super::Command::FindQuoted`].
    Quoted(Message),
    /// The other answer to it: this computer has no such message of this conversation.
    NotQuoted(Peer),
    /// The answer to [`super::Command::Search`], newest first.
    Found {
        /// What was looked for.
        query: String,
        /// In which conversation.
        with: Option<Peer>,
        /// At most 100.
        messages: Vec<Message>,
    },
    /// Somebody has got or read every own message of a conversation, up to one.
    Receipt {
        /// The conversation.
        with: Peer,
        /// Who.
        by: Login,
        /// Which of the two.
        state: ReceiptState,
        /// The server's number of the newest message it holds for.
        up_to: u64,
        /// When.
        at: Timestamp,
    },
    /// How many messages are unread: another session of this user has read on, or it is the answer
    /// to [`super::Command::CountUnread`].
    Unread {
        /// The conversation.
        with: Peer,
        /// How many messages are left unread.
        unread: usize,
    },
    /// Somebody types.
    Typing {
        /// In which conversation.
        with: Peer,
        /// Who.
        who: Login,
        /// For so long it is shown.
        until: Instant,
    },
    /// A user came, went, or said something of it.
    Presence(PresenceNews),
    /// Who there is, a part of it, or what has changed; see [`Roster`].
    Roster(Roster),
    /// A message was not taken into the outbox: nothing of it is kept, so the text comes back.
    NotSent {
        /// To whom it was written.
        to: Login,
        /// What was written.
        text: Text,
        /// Why.
        reason: NotSent,
    },
    /// The answer to [`super::Command::Report`].
    Report {
        /// Of which conversation.
        with: Peer,
        /// As what it was asked for.
        format: ReportFormat,
        /// What this computer has, at most 1,000,000 messages.
        said: Said,
    },
    /// Something went over the wire; told while [`super::Command::Inspect`] says so.
    Wire(WireNews),
    /// The local database was damaged. It was moved here, and a new one holds what could be read of
    /// it; the server tells the rest again. Follows [`Event::SignedIn`], which begins everything
    /// anew if it came before.
    SetAside(PathBuf),
    /// The server no longer has messages that are here, which stay. Told once; follows [`Event::SignedIn`], like
    /// [`Event::SetAside`].
    ServerChanged(ServerChange),
    /// The local database cannot be used.
    StorageFailed(StorageProblem),
    /// It works again: the answer to [`super::Command::KeepDrafts`].
    DraftsKept,
}

/// What has become of the server, so that messages that were there no longer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerChange {
    /// It has gone back to an earlier state, as from a backup.
    Restored,
    /// It is another one than before.
    Replaced,
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

/// Why a message was not taken into the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// There is no text.
    Empty,
    /// As one line it would have this many bytes, more than a line may have.
    TooLong {
        /// Its length with the recipient's name.
        bytes: usize,
        /// The most there may be.
        limit: usize,
    },
    /// No account is open.
    SignedOut,
    /// It could not be written to disk; an [`Event::StorageFailed`] says why.
    Storage,
}

/// The state of the connection, as the person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Signed out.
    Offline,
    /// On the way.
    Connecting,
    /// Logged in; all messages there were have been fetched or are being fetched.
    Online {
        /// How this server separates what it sends, once it has sent anything.
        framing: Option<Framing>,
        /// When the next fetch by reconnecting is due.
        next_fetch: Option<Instant>,
        /// What this server leaves open, where it does not keep to the assignment.
        doubt: Option<Doubt>,
    },
    /// In a live session: the server tells everything as it happens.
    Live {
        /// What happened while there was no connection is still coming.
        catching_up: bool,
    },
    /// No connection; tries again by itself.
    Waiting {
        /// Why.
        problem: LinkProblem,
        /// When the next try is due.
        retry_at: Instant,
    },
    /// The server hung up on this login: it is not one of its users. Not tried again until
    /// [`super::Command::FetchNow`] or another [`super::Command::SignIn`].
    Refused,
}

/// What cannot be known of a classic server that does not end its messages with `f`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Nothing says when its messages end, nor whether it has taken what was sent.
    NoEnd,
    /// It has another word for the end, which is taken for an `f`.
    OtherEnd(String),
}

impl LinkState {
    /// Whether the server has let this user in, and the connection stands.
    pub fn is_online(&self) -> bool {
        matches!(self, Self::Online { .. } | Self::Live { .. })
    }
}
