//! The seam between the window and everything that may wait: what the window asks of the
//! background threads, and what they tell it. Plain values over crossbeam channels, both ways.

use std::{path::PathBuf, time::Instant};

use jiff::Timestamp;
use mensageiro_protocol::{Framing, Login, Text};

pub use mensageiro_protocol::live::{Presence, PresenceNews, ReceiptState, Roster, RosterGroup};

use super::{
    Command,
    export::Export,
    message::{Account, Conversation, Message, MessageId, Older, Peer, Place, ReportFormat},
    problem::{LinkProblem, StorageProblem},
    wire::WireNews,
};

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
        command: Command,
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
        export: Export,
    },
    /// Something went over the wire; told while [`super::Command::Inspect`] says so.
    Wire(WireNews),
    /// The local database was damaged. It was moved here, and a new one holds what could be read of
    /// it; the server tells the rest again. Follows [`Event::SignedIn`], which begins everything
    /// anew if it came before.
    SetAside(PathBuf),
    /// The server no longer has messages that are here, which stay. LiveUpdate once; follows [`Event::SignedIn`], like
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
