//! Messages and conversations as rows of their tables.

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text, live::Tag};
use rusqlite::{Connection, OptionalExtension, Row, types::Type};

use super::generations;
use crate::{
    engine::{Delivery, Message, MessageId, Peer, Refusal, SortKey},
    matching::fold,
};

/// The state of a message in the database; [`Delivery`] is what is shown of it.
pub(super) mod delivery {
    pub(in crate::engine::history) const RECEIVED: i64 = 0;
    pub(in crate::engine::history) const WAITING: i64 = 1;
    pub(in crate::engine::history) const DEPARTED: i64 = 2;
    pub(in crate::engine::history) const ACCEPTED: i64 = 3;
    pub(in crate::engine::history) const UNCONFIRMED: i64 = 4;
    pub(in crate::engine::history) const REFUSED: i64 = 5;
}

/// The lowest sort key of own messages that no live server has accepted: they come after everything else.
pub(super) const LAST_SORT_KEYS: i64 = 1 << 62;

/// The columns that [`read_message`] reads, of `messages m` joined with `conversations c`.
pub(super) const COLUMNS: &str = "m.id, c.peer, m.text, m.at, m.delivery, m.place, m.author, m.server_id, m.refusal, m.written, m.re,
     m.edited, EXISTS (SELECT 1 FROM changes WHERE delivery = 1 AND of = m.place
         AND conversation = m.conversation)";

/// A message to be inserted.
pub(super) struct NewMessage<'a> {
    pub(super) with: &'a Peer,
    pub(super) author: Option<&'a Login>,
    pub(super) text: &'a Text,
    /// Milliseconds since 1970.
    pub(super) at: i64,
    pub(super) delivery: i64,
    /// `None`: after everything that is there.
    pub(super) sort_key: Option<i64>,
    pub(super) server_id: Option<i64>,
    pub(super) tag: Option<&'a Tag>,
    /// The sort key of the message that it replies to.
    pub(super) re: Option<i64>,
    pub(super) is_unread: bool,
}

impl<'a> NewMessage<'a> {
    /// A message of now, at the end.
    pub(super) fn now(with: &'a Peer, text: &'a Text, state: i64) -> Self {
        Self {
            with,
            author: None,
            text,
            at: Timestamp::now().as_millisecond(),
            delivery: state,
            sort_key: None,
            server_id: None,
            tag: None,
            re: None,
            is_unread: state == delivery::RECEIVED,
        }
    }
}

/// Inserts a message.
pub(super) fn insert(connection: &Connection, new: &NewMessage<'_>) -> rusqlite::Result<MessageId> {
    let conversation = conversation(connection, new.with)?;
    let sort_key = match new.sort_key {
        Some(sort_key) => sort_key,
        None => generations::start(connection)? + last_id(connection)? + 1,
    };
    connection
        .prepare_cached(
            "INSERT INTO messages
             (conversation, place, author, text, at, delivery, unread, server_id, tag, re)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute((
            conversation,
            sort_key,
            new.author.map_or("", Login::as_str),
            new.text.as_str(),
            new.at,
            new.delivery,
            new.is_unread,
            new.server_id,
            new.tag.map(Tag::as_str),
            new.re,
        ))?;
    let id = connection.last_insert_rowid();
    connection
        .prepare_cached("INSERT INTO search (rowid, text) VALUES (?1, ?2)")?
        .execute((id, fold(new.text.as_str())))?;
    Ok(MessageId(id))
}

/// Appends a message.
pub(super) fn append(
    connection: &Connection,
    with: &Peer,
    text: &Text,
    delivery: i64,
) -> rusqlite::Result<Message> {
    let id = insert(connection, &NewMessage::now(with, text, delivery))?;
    message(connection, id)?.ok_or(rusqlite::Error::QueryReturnedNoRows)
}

/// An id that no message has, for what changes one.
pub(super) fn next_id(connection: &Connection) -> rusqlite::Result<i64> {
    next_sort_key(connection)?;
    last_id(connection)
}

/// A sort key after all others, for a message that is stored already.
pub(super) fn next_sort_key(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'messages'")?
        .execute([])?;
    Ok(generations::start(connection)? + last_id(connection)?)
}

fn last_id(connection: &Connection) -> rusqlite::Result<i64> {
    let last = connection
        .prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'messages'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(last.unwrap_or(0))
}

/// The id of a conversation, which is created if it does not exist.
pub(super) fn conversation(connection: &Connection, with: &Peer) -> rusqlite::Result<i64> {
    if let Some(known) = known_conversation(connection, with)? {
        return Ok(known);
    }
    connection
        .prepare_cached("INSERT INTO conversations (peer) VALUES (?1)")?
        .execute([peer_name(with)])?;
    Ok(connection.last_insert_rowid())
}

/// The id of a conversation, if it exists.
pub(super) fn known_conversation(
    connection: &Connection,
    with: &Peer,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM conversations WHERE peer = ?1")?
        .query_row([peer_name(with)], |row| row.get(0))
        .optional()
}

pub(super) fn message(connection: &Connection, id: MessageId) -> rusqlite::Result<Option<Message>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM messages m JOIN conversations c ON c.id = m.conversation
             WHERE m.id = ?1"
        ))?
        .query_row([id.0], read_message)
        .optional()
}

/// Reads a message from [`COLUMNS`]; receipts are in a table of their own.
pub(super) fn read_message(row: &Row<'_>) -> rusqlite::Result<Message> {
    let delivery: i64 = row.get(4)?;
    let why = row.get_ref(8)?.as_str_or_null()?;
    let delivery = match delivery {
        delivery::RECEIVED => Delivery::Received,
        delivery::WAITING | delivery::DEPARTED => Delivery::Waiting,
        delivery::ACCEPTED => Delivery::Accepted,
        delivery::REFUSED => Delivery::Refused(read_refusal(why)),
        _ => Delivery::Unconfirmed,
    };
    let author = row.get_ref(6)?.as_str()?;
    let author = (!author.is_empty()).then(|| read_login(author, 6));
    let server_id: Option<i64> = row.get(7)?;
    Ok(Message {
        id: MessageId(row.get(0)?),
        sort_key: SortKey(row.get(5)?),
        server_id: server_id.and_then(|id| u64::try_from(id).ok()),
        with: read_peer(row, 1)?,
        author: author.transpose()?,
        text: Text::from(row.get_ref(2)?.as_str()?),
        re: row.get::<_, Option<i64>>(10)?.map(SortKey),
        edited: row
            .get::<_, Option<i64>>(11)?
            .and_then(|at| Timestamp::from_millisecond(at).ok()),
        is_changing: row.get(12)?,
        at: Timestamp::from_millisecond(row.get(3)?).unwrap_or(Timestamp::UNIX_EPOCH),
        written: row
            .get::<_, Option<i64>>(9)?
            .and_then(|at| Timestamp::from_millisecond(at).ok()),
        delivery,
        receipts: Vec::new(),
    })
}

pub(super) fn read_peer(row: &Row<'_>, column: usize) -> rusqlite::Result<Peer> {
    match row.get_ref(column)?.as_str()? {
        "" => Ok(Peer::Server),
        name => read_login(name, column).map(Peer::Person),
    }
}

pub(super) fn read_login(name: &str, column: usize) -> rusqlite::Result<Login> {
    Login::parse(name).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

pub(super) fn peer_name(peer: &Peer) -> &str {
    match peer {
        Peer::Person(login) => login.as_str(),
        Peer::Server => "",
    }
}

/// A refusal as it is stored.
pub(super) fn refusal_name(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::UnknownRecipient => "unknown-recipient",
        Refusal::NotAMember => "not-a-member",
        Refusal::MailboxFull => "mailbox-full",
        Refusal::Quota => "quota",
        Refusal::TooLong => "too-long",
        Refusal::UnknownMessage => "unknown-message",
        Refusal::Other => "other",
    }
}

fn read_refusal(name: Option<&str>) -> Refusal {
    match name {
        Some("unknown-recipient") => Refusal::UnknownRecipient,
        Some("not-a-member") => Refusal::NotAMember,
        Some("mailbox-full") => Refusal::MailboxFull,
        Some("quota") => Refusal::Quota,
        Some("too-long") => Refusal::TooLong,
        Some("unknown-message") => Refusal::UnknownMessage,
        _ => Refusal::Other,
    }
}

/// An id as SQLite's signed integer. No server reaches a number beyond it.
pub(super) fn number(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}
