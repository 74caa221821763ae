//! What the background threads tell the window: plain values over a crossbeam channel.

use std::{path::PathBuf, time::Instant};

use jiff::Timestamp;
use mensageiro_protocol::{Framing, Login, Text};

pub use mensageiro_protocol::live::{Presence, PresenceNews, ReceiptState, Roster, RosterGroup};

use super::{
    Command, Found,
    administration::{Answer, Request, RequestProblem},
    export::Export,
    fault::ActiveFaults,
    host::HostNews,
    message::{
        Account, Conversation, Message, MessageId, Older, Peer, Refusal, ReportFormat, SortKey,
        Version,
    },
    problem::{LinkProblem, StorageProblem},
    search::SearchQuery,
    trust::{Distrust, Security},
    wire::WireNews,
};

/// An event that the background threads report to the window.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The account's database is open. The server may not be connected yet.
    SignedIn {
        /// Which account.
        account: Account,
        /// All conversations, newest first, including those with only a draft.
        conversations: Vec<Conversation>,
    },
    /// Groups and their members, as a live server last reported them; follows [`Event::SignedIn`].
    Groups(Vec<RosterGroup>),
    /// Rows of the conversation list that a live server has given to this new device.
    Listed(Vec<Conversation>),
    /// Conversations for which another device of the person has set something, as they are now.
    Arranged(Vec<Conversation>),
    /// The account is closed.
    SignedOut,
    /// The servers of the local network, as they announce themselves, since [`super::Command::LookAround`]; at most 32.
    Nearby(Vec<Found>),
    /// The state of the connection changed.
    Link(LinkState),
    /// How the connection is protected, and what the user may do there. It comes with each connection,
    /// before [`LinkState::Online`] or [`LinkState::Live`], and when it has changed.
    Security(Security),
    /// The answer to [`super::Command::Administer`].
    Administered {
        /// What was asked for.
        request: Request,
        /// What it led to.
        answer: Result<Answer, RequestProblem>,
    },
    /// A message is new, or its delivery changed.
    Message(Message),
    /// A message that is known has another text, or will have one.
    Changed(Message),
    /// The server did not take an edit or a deletion.
    NotChanged(Refusal),
    /// The answer to [`super::Command::LoadVersions`].
    Versions {
        /// Of which message.
        id: MessageId,
        /// Oldest first; the last one is what it says now.
        versions: Vec<Version>,
    },
    /// A message was deleted by [`super::Command::Discard`], or by its author.
    Discarded(MessageId),
    /// The answer to [`super::Command::LoadPage`], oldest first.
    Page {
        /// Of which conversation.
        with: Peer,
        /// The `before` that was asked for.
        before: Option<SortKey>,
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
        /// The `after` that was asked for.
        after: SortKey,
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
    /// Reading the local database failed. Nothing else is harmed, and the command can be repeated.
    NotLoaded {
        /// Of which conversation.
        with: Peer,
        /// The command that failed.
        command: Command,
        /// Why it is not there.
        problem: StorageProblem,
    },
    /// The answer to [`super::Command::FindQuoted`].
    Quoted(Message),
    /// The other answer: this computer has no such message in this conversation.
    NotQuoted(Peer),
    /// The answer to [`super::Command::CheckQuote`].
    QuoteChecked {
        /// The message that quotes.
        id: MessageId,
        /// What was found.
        check: QuoteCheck,
    },
    /// The answer to [`super::Command::Search`], newest first.
    Found {
        /// What was looked for.
        query: SearchQuery,
        /// The `before` that was asked for.
        before: Option<SortKey>,
        /// At most 100.
        messages: Vec<Message>,
        /// Where older ones may be: the next `before`. `None`: there are no others.
        next: Option<SortKey>,
    },
    /// The answer to [`super::Command::FindDay`].
    DayFound {
        /// In which conversation.
        with: Peer,
        /// The first message of that day or a later one, or else the newest; `None`: there is none.
        message: Option<Message>,
        /// It is the first that this computer has, and there are older ones elsewhere.
        is_cut_off: bool,
    },
    /// Somebody has received or read every own message of a conversation up to an id.
    Receipt {
        /// The conversation.
        with: Peer,
        /// Who.
        by: Login,
        /// Received or read.
        state: ReceiptState,
        /// The id of the newest message it covers.
        up_to: u64,
        /// When.
        at: Timestamp,
    },
    /// The number of unread messages: another session of this user has read on, or it is the answer
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
        /// Until when to show it.
        until: Instant,
    },
    /// A user's presence changed.
    Presence(PresenceNews),
    /// The users and groups of the server, a part of them, or a change; see [`Roster`].
    Roster(Roster),
    /// A message could not be put into the outbox. Nothing of it is stored, so the text comes back.
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
        /// The format that was asked for.
        format: ReportFormat,
        /// The messages of this computer, at most 1,000,000.
        export: Export,
    },
    /// Something went over the wire; sent while [`super::Command::Inspect`] asks for it.
    Wire(WireNews),
    /// The faults of the link that [`super::Command::Disturb`] has asked for have changed.
    Faults(ActiveFaults),
    /// The local database was damaged and moved to this path. A new one holds what could be read,
    /// and the server tells the rest again. Follows [`Event::SignedIn`], after which everything
    /// starts over.
    SetAside(PathBuf),
    /// The server no longer has messages that this computer has; they stay here. Sent once; follows
    /// [`Event::SignedIn`].
    ServerChanged(ServerChange),
    /// How much of the space that the server may use on this computer is left has changed.
    Space(Space),
    /// News of the server on this computer.
    Host(HostNews),
    /// The local database cannot be used.
    StorageFailed(StorageProblem),
    /// It works again: the answer to [`super::Command::KeepDrafts`].
    DraftsKept,
}

/// Whether somebody has written what a quote says. A quote is a part of a text, so its author can write
/// anything into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuoteCheck {
    /// The message that is quoted is there.
    Found,
    /// This computer has the whole conversation, and the message was not found in it.
    NotFound,
    /// The message is not on this computer, which may not have the whole conversation.
    NotHere,
}

/// Why the server no longer has messages that it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerChange {
    /// It was restored to an earlier state, such as a backup.
    Restored,
    /// It is a different server.
    Replaced,
}

/// The space on the disk that a server may fill with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// How much is left.
    pub room: Room,
    /// The bytes that it may use.
    pub limit: u64,
}

/// How much of a space is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    /// Enough.
    #[default]
    Enough,
    /// Less than a tenth.
    Little,
    /// Nothing. What others write stays at the server; what the person writes is kept and sent.
    None,
}

/// Why a message was not taken into the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// The text is empty.
    Empty,
    /// The line would be too long.
    TooLong {
        /// Its length in bytes, with the recipient's name.
        bytes: usize,
        /// The limit in bytes.
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
    /// Connecting.
    Connecting,
    /// Logged in to a classic server; the waiting messages have been fetched or are being fetched.
    Online {
        /// How this server separates messages, once it has sent any.
        framing: Option<Framing>,
        /// When the next fetch by reconnecting is due.
        next_fetch: Option<Instant>,
        /// What is uncertain with a server that does not follow the assignment.
        doubt: Option<Doubt>,
    },
    /// In a live session: the server pushes everything as it happens.
    Live {
        /// What was missed without a connection is still coming.
        catching_up: bool,
    },
    /// Not connected; the next try comes by itself.
    Waiting {
        /// Why.
        problem: LinkProblem,
        /// When the next try is due.
        retry_at: Instant,
    },
    /// The server refused this login: it is not one of its users. The next try needs
    /// [`super::Command::FetchNow`] or [`super::Command::SignIn`].
    Refused,
    /// The app does not trust what answers at this address, or the server does not let this device in.
    Untrusted(Distrust),
}

/// What is uncertain with a classic server that does not end its messages with `f`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It sends no end mark: nobody knows when its messages are complete and whether it has
    /// accepted what was sent.
    NoEnd,
    /// It uses another word, which is treated like an `f`.
    OtherEnd(String),
}

impl LinkState {
    /// Whether the server has let this user in, and the connection stands.
    pub fn is_online(&self) -> bool {
        matches!(self, Self::Online { .. } | Self::Live { .. })
    }
}
