//! Storing one message of a live server: a new one, a known one, or an own one.

use mensageiro_protocol::live::{About, Delivered};
use rusqlite::{Connection, OptionalExtension};

use super::{
    History, HistoryError, Result, fact,
    generations::{self, live_sort_key},
    ids,
    outbox::forget_text,
    reads::unread,
    row::{
        NewMessage, conversation, delivery, insert, known_conversation, message, number,
        refusal_name,
    },
};
use crate::engine::{Event, MessageId, Peer, Refusal};

/// How many messages of a conversation, the newest first, are compared with one that a classic
/// session may have brought without an id.
const WITHOUT_NUMBER: i64 = 200;

impl History {
    /// Stores a message. Returns what is new for the window; nothing if the message is known.
    ///
    /// # Errors
    /// [`HistoryError::Failed`], [`HistoryError::Contradicted`]
    pub(super) fn store(&self, connection: &Connection, told: &Delivered) -> Result<Vec<Event>> {
        if told.about.is_some_and(About::is_change) {
            return self.store_change(connection, told);
        }
        let server_id = number(told.id);
        let is_own = told.from == self.login;
        if let Some(known) = by_server_id(connection, server_id)? {
            return match known.is(told, is_own) {
                true => Ok(Vec::new()),
                false => Err(HistoryError::Contradicted("another message had this id")),
            };
        }
        if let (true, Some(tag)) = (is_own, &told.tag)
            && let Some(id) = by_tag(connection, tag.as_str(), told.with.as_str())?
        {
            return self.accept(connection, MessageId(id), server_id, told.at);
        }
        let with = Peer::Person(told.with.clone());
        if let Some(id) = take_up(connection, told, &with, is_own)? {
            let unread = unread(connection, known_conversation(connection, &with)?)?;
            let moved = message(connection, id)?.map(Event::Message);
            let as_before = Event::Unread { with, unread };
            return Ok(moved.into_iter().chain([as_before]).collect());
        }
        let author = (!is_own && told.from != told.with).then_some(&told.from);
        let conversation = conversation(connection, &with)?;
        if ids::rejoin(connection, told, conversation, is_own)? {
            tracing::debug!(server_id, "told again, as before ids began anew");
            return Ok(Vec::new());
        }
        let is_unread = !is_own && !told.is_old && !is_seen(connection, conversation, server_id)?;
        let sort_key = live_sort_key(connection, server_id)?;
        if self.is_deleted(connection, conversation, (sort_key, told.from.as_str()))? {
            return Ok(Vec::new());
        }
        let re = told
            .about
            .map(|about| live_sort_key(connection, number(about.target())));
        let new = NewMessage {
            author,
            at: told.at,
            sort_key: Some(sort_key),
            server_id: Some(server_id),
            re: re.transpose()?,
            is_unread,
            ..NewMessage::now(
                &with,
                &told.text,
                if is_own {
                    delivery::ACCEPTED
                } else {
                    delivery::RECEIVED
                },
            )
        };
        let id = insert(connection, &new)?;
        if author.is_some() {
            connection
                .prepare_cached("UPDATE conversations SET is_group = 1 WHERE id = ?1")?
                .execute([conversation])?;
        }
        self.read_own(connection, id, server_id)?;
        // It may have been edited before it came.
        self.apply_changes(connection, conversation, sort_key)?;
        Ok(message(connection, id)?
            .map(Event::Message)
            .into_iter()
            .collect())
    }

    /// Notes that the server has accepted an own message under this id. Another device may have changed it before that was heard
    /// here. Returns what is new for the window.
    ///
    /// # Errors
    /// As [`accept`].
    pub(super) fn accept(
        &self,
        connection: &Connection,
        id: MessageId,
        server_id: i64,
        at: i64,
    ) -> Result<Vec<Event>> {
        let mut news = accept(connection, id, server_id, at)?;
        let changed: Option<(i64, i64)> = connection
            .prepare_cached(
                "SELECT conversation, place FROM messages m WHERE id = ?1 AND EXISTS (SELECT 1 FROM changes
                     WHERE conversation = m.conversation AND of = m.place AND delivery = 3)",
            )?
            .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        if let Some((conversation, of)) = changed {
            news.extend(self.apply_changes(connection, conversation, of)?);
        }
        Ok(news)
    }
}

/// Notes that the server has accepted an own message under this id. Returns what is new for the window.
///
/// # Errors
/// [`HistoryError::Failed`]; [`HistoryError::Contradicted`] if another message has the id, or this one has another.
fn accept(connection: &Connection, id: MessageId, server_id: i64, at: i64) -> Result<Vec<Event>> {
    let mut news = Vec::new();
    match by_server_id(connection, server_id)? {
        Some(known) if known.id == id => return Ok(news),
        // The server has told the message itself before this answer, without its tag.
        Some(known) if is_copy(connection, known.id, id)? => {
            connection
                .prepare_cached("DELETE FROM messages WHERE id = ?1")?
                .execute([known.id.0])?;
            forget_text(connection, known.id)?;
            news.push(Event::Discarded(known.id));
        }
        Some(_) => return Err(HistoryError::Contradicted("another message has this id")),
        None => {}
    }
    let sort_key = live_sort_key(connection, server_id)?;
    let accepted = connection
        .prepare_cached(
            "UPDATE messages SET delivery = ?2, server_id = ?3, place = ?4, at = ?5,
                 refusal = NULL
             WHERE id = ?1 AND (server_id IS NULL OR server_id < 0)",
        )?
        .execute((id.0, delivery::ACCEPTED, server_id, sort_key, at))?;
    if accepted == 0 && message(connection, id)?.is_some() {
        return Err(HistoryError::Contradicted("this message has another id"));
    }
    news.extend(message(connection, id)?.map(Event::Message));
    Ok(news)
}

/// Whether a message is only the server's copy of an own one: the same text in the same conversation, not
/// written here.
fn is_copy(connection: &Connection, told: MessageId, own: MessageId) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM messages told JOIN messages own
                 ON own.conversation = told.conversation AND own.text = told.text
             WHERE told.id = ?1 AND own.id = ?2 AND told.delivery = ?3
                 AND told.tag IS NULL AND told.written IS NULL)",
        )?
        .query_row((told.0, own.0, delivery::ACCEPTED), |row| row.get(0))
}

/// Notes that the server has refused an own message.
pub(super) fn refuse(
    connection: &Connection,
    id: MessageId,
    why: Refusal,
) -> rusqlite::Result<Option<Event>> {
    connection
        .prepare_cached(
            "UPDATE messages SET delivery = ?2, refusal = ?3
             WHERE id = ?1 AND delivery IN (1, 2)",
        )?
        .execute((id.0, delivery::REFUSED, refusal_name(why)))?;
    Ok(message(connection, id)?.map(Event::Message))
}

/// Gives a message of a classic session its id, now that a live server tells it again.
fn take_up(
    connection: &Connection,
    told: &Delivered,
    with: &Peer,
    is_own: bool,
) -> rusqlite::Result<Option<MessageId>> {
    let mut after = 0;
    if !told.is_old {
        let up_to: i64 = fact(connection, "repeated_up_to")?.unwrap_or(0);
        if number(told.id) > up_to {
            return Ok(None);
        }
        after = fact(connection, "repeated_after")?.unwrap_or(0);
    }
    let Some(conversation) = known_conversation(connection, with)? else {
        return Ok(None);
    };
    // In a classic session, a group's message begins with its author (rule G2).
    let text = if is_own || told.from == told.with {
        told.text.as_str().to_owned()
    } else {
        format!("{}: {}", told.from, told.text)
    };
    let found: Option<i64> = connection
        .prepare_cached(
            "SELECT id FROM (
                 SELECT id, text, delivery, server_id FROM messages
                 WHERE conversation = ?1 AND place < ?2 ORDER BY place DESC LIMIT ?3
             ) WHERE server_id IS NULL AND id > ?4 AND delivery = ?5
                 AND replace(text, char(10), ' ') = replace(?6, char(10), ' ')
             LIMIT 1",
        )?
        .query_row(
            (
                conversation,
                generations::start(connection)?,
                WITHOUT_NUMBER,
                after,
                if is_own {
                    delivery::ACCEPTED
                } else {
                    delivery::RECEIVED
                },
                text,
            ),
            |row| row.get(0),
        )
        .optional()?;
    if let Some(id) = found {
        let sort_key = live_sort_key(connection, number(told.id))?;
        connection
            .prepare_cached(
                "UPDATE messages SET server_id = ?2, place = ?3, at = ?4 WHERE id = ?1",
            )?
            .execute((id, number(told.id), sort_key, told.at))?;
    }
    Ok(found.map(MessageId))
}

fn is_seen(connection: &Connection, conversation: i64, server_id: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT seen_id >= ?2 FROM conversations WHERE id = ?1")?
        .query_row((conversation, server_id), |row| row.get(0))
}

/// A message that has an id of the server.
struct Known {
    id: MessageId,
    is_received: bool,
    text: String,
}

impl Known {
    /// Whether the server tells this message again. What was written here keeps its text, and a classic session
    /// brings a text on one line, that of a group with its author before it (rule G2).
    fn is(&self, told: &Delivered, is_own: bool) -> bool {
        if is_own || !self.is_received {
            return is_own != self.is_received;
        }
        let on_one_line = |text: &str| text.replace('\n', " ");
        let (known, said) = (on_one_line(&self.text), on_one_line(told.text.as_str()));
        known == said || known == format!("{}: {said}", told.from)
    }
}

fn by_server_id(connection: &Connection, server_id: i64) -> rusqlite::Result<Option<Known>> {
    connection
        .prepare_cached(
            "SELECT id, delivery, coalesce(first_text, text) FROM messages WHERE server_id = ?1",
        )?
        .query_row([server_id], |row| {
            Ok(Known {
                id: MessageId(row.get(0)?),
                is_received: row.get::<_, i64>(1)? == delivery::RECEIVED,
                text: row.get(2)?,
            })
        })
        .optional()
}

/// The message that was sent with a tag in a conversation.
fn by_tag(connection: &Connection, tag: &str, with: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation
             WHERE m.tag = ?1 AND c.peer = ?2",
        )?
        .query_row([tag, with], |row| row.get(0))
        .optional()
}
