//! What the machine takes and gives.

use std::time::Duration;

use mensageiro_protocol::{
    Framing, Login, Text,
    live::{
        self, ConversationNews, Delivered, HistoryEnd, HistoryRequest, Read, StoreId, Tag, Welcome,
    },
};

use crate::engine::{LinkProblem, LinkState, MessageId, Missed, Peer, Refusal, ServerChange};

/// A message of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its number in the local database.
    pub id: MessageId,
    /// To whom.
    pub to: Login,
    /// What.
    pub text: Text,
    /// What it is sent with in live sessions.
    pub tag: Tag,
}

/// What a machine had not brought to its end, for the next one of the account.
#[derive(Debug, Default)]
pub struct Unsent {
    /// What may be sent, or sent again with its tag, in order.
    pub waiting: Vec<Outgoing>,
    /// What was on its way without a tag: only the person may have it sent again.
    pub departed: Option<Outgoing>,
}

/// How a server accepts logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// It tells everything as it happens.
    Live,
    /// It knows the assignment.
    Classic(Framing),
}

/// What a live server's ids are ids of, as its `welcome` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreEpoch {
    /// Its store.
    pub store: StoreId,
    /// The store's epoch: within one, no id is given twice.
    pub epoch: u64,
}

impl StoreEpoch {
    /// What a `welcome` says of it; older servers say nothing.
    pub fn of(welcome: &Welcome) -> Option<Self> {
        let (store, epoch) = welcome.store.zip(welcome.epoch)?;
        Some(Self { store, epoch })
    }
}

/// What is known of the server from earlier sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// How it accepted the last login.
    pub way: Option<Way>,
    /// It sent no `f` when its messages were over.
    pub has_no_end: bool,
    /// It may be asked for a live session, though it did not know them the last time, or nothing
    /// is known of it.
    pub is_live_due: bool,
    /// The newest message of a live server that is here.
    pub cursor: Option<u64>,
    /// What that is an id of, if the server told.
    pub store: Option<StoreEpoch>,
    /// The highest id that any message has here: that of an own one may be above the cursor.
    pub highest: u64,
    /// The list of conversations has been told.
    pub is_listed: bool,
    /// The name of this device, with which the tags of new messages begin.
    pub device: Tag,
}

/// Something a live server told that is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveUpdate {
    /// A message, perhaps an own one.
    Message(Delivered),
    /// An own message is accepted.
    Accepted {
        /// Which.
        id: MessageId,
        /// Its number there.
        server_id: u64,
        /// When, in milliseconds since 1970.
        at: i64,
        /// Who of the group did not get it.
        missed: Missed,
    },
    /// An own message is not taken.
    Refused {
        /// Which.
        id: MessageId,
        /// Why.
        why: Refusal,
    },
    /// How far somebody is.
    Receipt(live::Receipt),
    /// Another session of this user has read on.
    Read(Read),
}

impl LiveUpdate {
    /// The id that a message has at the server, as far as this tells.
    pub fn server_id(&self) -> Option<u64> {
        match self {
            Self::Message(message) => Some(message.id),
            Self::Accepted { server_id, .. } => Some(*server_id),
            Self::Refused { .. } | Self::Receipt(_) | Self::Read(_) => None,
        }
    }
}

/// A message from a classic server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The sender.
    pub from: Peer,
    /// What it says.
    pub text: Text,
}

/// What the server's end mark answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// The login.
    Login,
    /// This message, which is accepted now.
    Sent(MessageId),
}

/// What is stored in one transaction, synced, before anything is written to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// In the order they came.
    pub received: Vec<Received>,
    /// The round these messages end; `None`: more may come, or the link broke.
    pub ends: Option<Round>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// Connect, and stay connected until [`Input::Stop`].
    Start,
    /// There is a connection.
    Connected,
    /// There is none.
    ConnectFailed(LinkProblem),
    /// One `read` brought these bytes.
    Bytes(&'a [u8]),
    /// The server closed its side in order.
    Closed,
    /// The server cut the connection.
    Reset,
    /// The network did.
    Broken(LinkProblem),
    /// The last [`Effect::Write`] failed after so many bytes.
    WriteFailed {
        /// Bytes that may have left.
        written: usize,
    },
    /// A message is in the outbox.
    Send(Outgoing),
    /// A message that was refused for its number has another tag now: the answer to [`Effect::Renumber`].
    Renumbered(Outgoing),
    /// A message is no longer in the outbox.
    Discard(MessageId),
    /// The person has read on.
    Read(Read),
    /// The person types to this user or group.
    Typing(Login),
    /// How the person is, for the others.
    Status {
        /// The person is not looking.
        is_away: bool,
        /// A few words about it.
        note: Text,
    },
    /// Older messages are wanted; answered by [`Effect::StoreOlder`] or [`Effect::NoOlder`].
    History(HistoryRequest),
    /// Fetch now, or see whether the link is alive.
    FetchNow,
    /// How often to fetch by reconnecting.
    FetchEvery(Option<Duration>),
    /// The deadline of the machine has come.
    Timer,
    /// Close, in order if that is safe.
    Stop,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Connect to the account's server; answered by `Connected` or `ConnectFailed`.
    Connect,
    /// Write these bytes.
    Write(Vec<u8>),
    /// Send the end of our side.
    FinishWriting,
    /// Give the connection up. Unless both sides have ended, the server must not take this for
    /// an end in order.
    Close,
    /// Give up a connection on which nothing was received that is to be kept, or whose server has
    /// ended its side: in order, with an end and no reset.
    Leave,
    /// Store this, synced.
    Store(Batch),
    /// Note, synced, that this message is about to be written.
    Depart(MessageId),
    /// Nothing of the message was written: it waits again.
    Return(MessageId),
    /// The message was written and never acknowledged.
    Unconfirmed(MessageId),
    /// The server has read to our end: everything received is acknowledged.
    AllRead,
    /// The server accepts logins in this way.
    Remember(Way),
    /// Whether the server ends its messages with an `f`, as was found just now.
    RememberEnd(bool),
    /// The server was asked for a live session and knows none.
    LiveRefused,
    /// A live session begins; this is the server's newest number. Answered by [`Input::Read`]s of
    /// what the server may not know.
    BeginLive(u64),
    /// The server's ids mean other messages now.
    BeginIds {
        /// Up to which one they mean what they meant; `None`: not one of them does.
        kept: Option<u64>,
        /// What they are ids of now, if the server tells.
        of: Option<StoreEpoch>,
        /// What the person is told.
        change: Option<ServerChange>,
    },
    /// The server's ids are of this, as it tells for the first time.
    KeepStore(StoreEpoch),
    /// The server has this number from this device already: the next message gets a higher one.
    NumberAbove(u64),
    /// The server refused a message for its number: it needs a tag of a new device name. Answered by
    /// [`Input::Renumbered`].
    Renumber(MessageId),
    /// Store what a live server told, synced, and the cursor after it.
    StoreLive {
        /// In order.
        updates: Vec<LiveUpdate>,
        /// The newest number of all that is here then; `None`: as before.
        cursor: Option<u64>,
    },
    /// Store older messages that were asked for.
    StoreOlder {
        /// Oldest first.
        messages: Vec<Delivered>,
        /// The end of the answer.
        end: HistoryEnd,
    },
    /// Store a part of the list of conversations.
    StoreList {
        /// The one with the newest message first.
        conversations: Vec<ConversationNews>,
        /// There is no other part.
        is_last: bool,
    },
    /// Older messages of this conversation cannot be had now.
    NoOlder(Login),
    /// The server surely knows that these have been read.
    ReadsTold(Vec<Read>),
    /// News that is not kept.
    News(live::Event),
    /// The state of the link changed.
    Link(LinkState),
}
