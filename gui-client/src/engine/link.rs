//! The seam between the window and everything that may wait: what the window asks of the
//! background threads, and what they tell it. Plain values over crossbeam channels, both ways.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use mensageiro_protocol::{Framing, Login, Text};

/// Whom one talks with.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Peer {
    /// A user of the server.
    Person(Login),
    /// The server itself: what a server of another make says that is not `@sender text`.
    Server,
}

/// Number of a message in the local database: rising in the order of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub i64);

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
    /// whether to send it again.
    Unconfirmed,
}

/// One message as the local database keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place in the timeline.
    pub id: MessageId,
    /// The conversation it belongs to.
    pub with: Peer,
    /// What it says.
    pub text: Text,
    /// When it was written here or arrived here, by this machine's clock: a label, not an order.
    pub at: Timestamp,
    /// Whose it is and how far it got.
    pub delivery: Delivery,
}

impl Message {
    /// Whether the person in front of the window wrote it.
    pub fn is_own(&self) -> bool {
        self.delivery != Delivery::Received
    }
}

/// One row of the conversation list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Whom it is with.
    pub with: Peer,
    /// Its newest message, if there is any yet.
    pub last: Option<Message>,
    /// Received messages the person has not seen.
    pub unread: usize,
    /// What is typed and not sent.
    pub draft: String,
}

/// Which server, and as whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// `host:port`.
    pub server: String,
    /// The user's login.
    pub login: Login,
}

/// What the window asks for. Never blocks; answered by [`Event`]s.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Opens the account's local database and connects, again and again until signed out.
    SignIn {
        /// Where and as whom.
        account: Account,
        /// How often to reconnect for new messages while nothing is sent; `None`: never.
        fetch_every: Option<Duration>,
    },
    /// Closes the connection in order and the local database.
    SignOut,
    /// Puts a message into the outbox; shown at once by an [`Event::Message`].
    Send {
        /// To whom.
        to: Login,
        /// What.
        text: Text,
    },
    /// Puts an unconfirmed message into the outbox once more.
    SendAgain(MessageId),
    /// Takes a waiting or unconfirmed message out of the outbox and the timeline.
    Discard(MessageId),
    /// Fetches now: tries to connect at once, or reconnects if connected.
    FetchNow,
    /// Changes how often to fetch.
    FetchEvery(Option<Duration>),
    /// Asks for up to `limit` messages older than `before`, or the newest.
    LoadPage {
        /// Of which conversation.
        with: Peer,
        /// Older than this one; `None`: the newest.
        before: Option<MessageId>,
        /// How many at most.
        limit: usize,
    },
    /// Everything up to this message has been on the screen.
    MarkSeen {
        /// Of which conversation.
        with: Peer,
        /// The newest message seen.
        up_to: MessageId,
    },
    /// Keeps what is typed for a conversation.
    SaveDraft {
        /// Of which conversation.
        with: Peer,
        /// The text; empty: none.
        text: String,
    },
    /// Ends the background threads after what is under way.
    Quit,
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
    /// The account is closed.
    SignedOut,
    /// The state of the connection changed.
    Link(LinkState),
    /// A message is new, or its [`Delivery`] changed.
    Message(Message),
    /// A message was taken away by [`Command::Discard`].
    Discarded(MessageId),
    /// The answer to [`Command::LoadPage`], oldest first.
    Page {
        /// Of which conversation.
        with: Peer,
        /// What was asked for.
        before: Option<MessageId>,
        /// Oldest first.
        messages: Vec<Message>,
        /// There is nothing older.
        complete: bool,
    },
    /// A message was not taken into the outbox: nothing of it is kept, so the text comes back.
    NotSent {
        /// To whom it was written.
        to: Login,
        /// What was written.
        text: Text,
        /// Why.
        reason: NotSent,
    },
    /// The local database cannot be used; the text says why and what to do.
    StorageFailed(String),
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
    },
    /// No connection; tries again by itself.
    Waiting {
        /// Why.
        problem: LinkProblem,
        /// When the next try is due.
        retry_at: Instant,
    },
    /// The server hung up on this login: it is not one of its users. Not tried again until
    /// [`Command::FetchNow`] or another [`Command::SignIn`].
    Refused,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkProblem {
    /// `host:port` cannot be understood.
    BadAddress,
    /// The host name is not known.
    UnknownHost,
    /// Nobody listens there.
    NobodyListens,
    /// No answer in time.
    TimedOut,
    /// There was a connection, and it broke.
    Broken,
    /// Anything else, in the system's words.
    Other(String),
}
