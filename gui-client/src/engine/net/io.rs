//! The inputs and effects of the connection's state machine, and the values in them.

use std::time::Duration;

use mensageiro_protocol::{
    Framing, Login, Text,
    live::{
        self, About, ConversationNews, Delivered, HistoryEnd, HistoryRequest, Join, Read, StoreId,
        Tag, Welcome,
    },
};

use crate::engine::{
    Distrust, Encryption, LinkProblem, LinkState, MessageId, Peer, Refusal, Request,
    RequestProblem, Rights, ServerChange,
};

/// A message of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Its id in the local database.
    pub id: MessageId,
    /// The recipient.
    pub to: Login,
    /// The text.
    pub text: Text,
    /// What it says about another message, in live sessions.
    pub about: Option<About>,
    /// Its tag in live sessions.
    pub tag: Tag,
}

/// Messages that a machine has not finished, for the next machine of the account.
#[derive(Debug, Default)]
pub struct Unsent {
    /// Messages that may be sent, or sent again with their tag, in order.
    pub waiting: Vec<Outgoing>,
    /// Messages that were being sent without a tag: only the person may send them again.
    pub departed: Option<Outgoing>,
}

/// How a server accepts logins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As a live session: it pushes everything as it happens.
    Live,
    /// As a classic session of the assignment.
    Classic(Framing),
}

/// What is known of a connection before the first line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    /// How it is encrypted; `None`: it is not.
    pub encryption: Option<Encryption>,
    /// The server is on this computer.
    pub is_here: bool,
}

/// What the ids of a live server belong to, as its `welcome` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreEpoch {
    /// Its store.
    pub store: StoreId,
    /// The store's epoch: within one, no id is given twice.
    pub epoch: u64,
}

impl StoreEpoch {
    /// Reads it from a `welcome`. A server may name none.
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
    /// It does not end its messages with `f`.
    pub has_no_end: bool,
    /// It should be asked for a live session: it is due again, or nothing is known about it.
    pub is_live_due: bool,
    /// It has led live sessions: it is asked for one at each connection.
    pub was_live: bool,
    /// The cursor: the id up to which this device has everything.
    pub cursor: Option<u64>,
    /// The store that the cursor belongs to, if the server told.
    pub store: Option<StoreEpoch>,
    /// The highest id of any message here; an own message's may be above the cursor.
    pub highest: u64,
    /// The list of conversations has been stored.
    pub is_listed: bool,
    /// The name of this device, with which the tags of new messages begin.
    pub device: Tag,
    /// What this device joins with first.
    pub join: Option<Join>,
}

/// An update of a live server that is to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveUpdate {
    /// A message, perhaps an own one.
    Message(Delivered),
    /// An own message is accepted.
    Accepted {
        /// Which.
        id: MessageId,
        /// Its id at the server.
        server_id: u64,
        /// When, in milliseconds since 1970.
        at: i64,
    },
    /// An own message is not taken.
    Refused {
        /// Which.
        id: MessageId,
        /// Why.
        why: Refusal,
    },
    /// Somebody has received or read messages.
    Receipt(live::Receipt),
    /// Another session of this user has read on.
    Read(Read),
}

impl LiveUpdate {
    /// Whether it changes another message.
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Message(message) if message.about.is_some_and(About::is_change))
    }

    /// The bytes of the text that is to be stored.
    pub fn text_bytes(&self) -> usize {
        match self {
            Self::Message(message) => message.text.as_str().len(),
            _ => 0,
        }
    }

    /// The id of the message that this is about, if any.
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
    /// This message, which is accepted by it.
    Sent(MessageId),
}

/// What is stored in one transaction and synced before anything is written to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The messages, in order of arrival.
    pub received: Vec<Received>,
    /// The round these messages end; `None`: more may come, or the link broke.
    pub ends: Option<Round>,
}

/// An input of the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// Connect, and stay connected until [`Input::Stop`].
    Start,
    /// The connection was made.
    Connected(Channel),
    /// What answers is not trusted. Nothing was said to it.
    Distrusted(Distrust),
    /// Connecting failed.
    ConnectFailed(LinkProblem),
    /// One `read` brought these bytes.
    Bytes(&'a [u8]),
    /// The server closed its side in order.
    Closed,
    /// The server cut the connection.
    Reset,
    /// The connection broke.
    Broken(LinkProblem),
    /// The last [`Effect::Write`] failed after so many bytes.
    WriteFailed {
        /// The number of bytes that may have been sent.
        written: usize,
    },
    /// A message is in the outbox.
    Send(Outgoing),
    /// A message that was refused for its number has a new tag: the answer to [`Effect::Renumber`].
    Renumbered(Outgoing),
    /// A message is no longer in the outbox.
    Discard(MessageId),
    /// The person has read on.
    Read(Read),
    /// What the person has set and the server does not know. `known`: a session begins, in which the server is asked for
    /// what was changed after this change.
    Set {
        /// The last change that is known.
        known: Option<u64>,
        /// The changes, without tags.
        sets: Vec<live::Set>,
    },
    /// The person types to this user or group.
    Typing(Login),
    /// The person's presence, for the others.
    Status {
        /// The person is away.
        is_away: bool,
        /// The note beside it.
        note: Text,
    },
    /// The window wants older messages; answered by [`Effect::StoreOlder`] or [`Effect::NoOlder`].
    History(HistoryRequest),
    /// The person asks for something about devices, users or groups; answered by [`Effect::Administered`].
    Administer(Request),
    /// Fetch now, or check that the link is alive.
    FetchNow,
    /// How often to fetch by reconnecting.
    FetchEvery(Option<Duration>),
    /// Whether the server's messages take all the space they may take.
    Full(bool),
    /// What the server said was not stored, since it contradicts what is here; this is the whole outbox.
    Contradicted(Vec<Outgoing>),
    /// The deadline of the machine has come.
    Timer,
    /// Close; in order, if that is safe.
    Stop,
}

/// An effect that the machine asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Connect to the account's server; answered by `Connected` or `ConnectFailed`.
    Connect,
    /// Write these bytes.
    Write(Vec<u8>),
    /// Close our direction of the connection.
    FinishWriting,
    /// Drop the connection. Unless both sides have closed, the server must not take this for an
    /// orderly end.
    Close,
    /// Drop a connection in order, without a reset: nothing was received that must be kept, or the
    /// server has closed its side.
    Leave,
    /// Store this batch, synced.
    Store(Batch),
    /// Record, synced, that this message is about to be sent.
    Depart(MessageId),
    /// Nothing of the message was sent: it waits again.
    Return(MessageId),
    /// The message was sent and never acknowledged.
    Unconfirmed(MessageId),
    /// The server has read everything up to our end: everything received is acknowledged.
    AllRead,
    /// The server accepts logins in this way.
    Remember(Way),
    /// Remember whether the server ends its messages with an `f`.
    RememberEnd(bool),
    /// The server has refused a live session.
    LiveRefused,
    /// The server wants TLS: the next connection tries it.
    TryTls,
    /// What the server lets the user do, as its `welcome` says.
    Rights(Rights),
    /// The code of the invite is used, or good for nothing.
    ForgetInvite,
    /// The answer to [`Input::Administer`].
    Administered {
        /// What was asked for.
        request: Request,
        /// The line with the answer.
        answer: Result<live::Event, RequestProblem>,
    },
    /// A live session begins; this is the server's newest id. Answered by [`Input::Read`]s that the
    /// server may not know, and by [`Input::Set`].
    BeginLive(u64),
    /// The server's ids mean other messages now.
    BeginIds {
        /// The id up to which they mean the same; `None`: none of them does.
        kept: Option<u64>,
        /// The store they belong to now, if the server tells.
        of: Option<StoreEpoch>,
        /// What to tell the person.
        change: Option<ServerChange>,
    },
    /// The server has told for the first time which store its ids belong to.
    KeepStore(StoreEpoch),
    /// The server has a message with this number of this device already: the next one gets a higher
    /// number.
    NumberAbove(u64),
    /// The server has refused a message for its number: it needs a tag with a new device name.
    /// Answered by [`Input::Renumbered`].
    Renumber(MessageId),
    /// Store updates of a live server and the cursor after them, synced.
    StoreLive {
        /// In order.
        updates: Vec<LiveUpdate>,
        /// The new cursor; `None`: unchanged.
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
    /// Store what is set for conversations.
    StoreSettings {
        /// What was told.
        changed: Vec<live::Setting>,
        /// The conversation and the values ([`values`](super::values::values)) of a change that it answers.
        told: Option<(Login, u8)>,
        /// Up to this change all are known now.
        last: Option<u64>,
    },
    /// The server takes these values of a conversation from nobody.
    SetRefused {
        /// Which one.
        with: Login,
        /// Which values.
        values: u8,
    },
    /// Older messages of this conversation are not available now.
    NoOlder(Login),
    /// The server surely knows these read marks.
    ReadsTold(Vec<Read>),
    /// An event that is not stored.
    News(live::Event),
    /// The state of the link changed.
    Link(LinkState),
}
