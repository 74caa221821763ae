//! Edits and deletions (PROTOCOL.md, V17). What is shown follows from those that are known, in whatever order they came: the last
//! edit counts, and a deletion always.

use jiff::Timestamp;
use mensageiro_protocol::{
    Text,
    live::{About, Delivered, Tag},
};
use rusqlite::{Connection, OptionalExtension, types::Type};

use super::{
    History, Result,
    generations::live_sort_key,
    numbers,
    outbox::forget_text,
    reads::unread,
    row::{LAST_SORT_KEYS, conversation, delivery, message, next_id, number, read_login},
};
use crate::{
    engine::{Event, MessageId, Peer, Refusal, Version, net::Outgoing},
    matching::fold,
};

/// The most edits of a message that are shown, the newest ones.
const VERSIONS: i64 = 100;

/// A message that may be changed.
struct Changed {
    id: MessageId,
    /// The login that wrote it.
    author: String,
    text: String,
    server_id: Option<i64>,
    is_unread: bool,
}

impl History {
    /// Puts a change of an own message into the outbox: its new text, or `None` to delete it. Returns the id of the change and the
    /// message as it is now; `None`: the server does not have this message, or it is somebody else's.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn change(&self, id: MessageId, text: Option<&Text>) -> Result<Option<(MessageId, Event)>> {
        let transaction = self.connection.unchecked_transaction()?;
        let change = next_id(&transaction)?;
        let changed = transaction
            .prepare_cached(
                "INSERT INTO changes (id, conversation, of, is_deletion, place, author, text, at, delivery)
                 SELECT ?1, conversation, place, ?2, ?3, ?4, ?5, ?6, 1 FROM messages
                 WHERE id = ?7 AND delivery = ?8 AND server_id > 0",
            )?
            .execute((
                change,
                text.is_none(),
                LAST_SORT_KEYS + change,
                self.login.as_str(),
                text.map_or("-", Text::as_str),
                Timestamp::now().as_millisecond(),
                id.0,
                delivery::ACCEPTED,
            ))?;
        numbers::tag(&transaction, MessageId(change))?;
        let message = message(&transaction, id)?;
        transaction.commit()?;
        let event = message.filter(|_| changed > 0).map(Event::Changed);
        Ok(event.map(|event| (MessageId(change), event)))
    }

    /// The texts that a message had, the oldest first, and the one that it has.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn versions(&self, id: MessageId) -> Result<Vec<Version>> {
        let version = |row: &rusqlite::Row<'_>| {
            Ok(Version {
                text: Text::from(row.get_ref(0)?.as_str()?),
                at: Timestamp::from_millisecond(row.get(1)?).unwrap_or(Timestamp::UNIX_EPOCH),
            })
        };
        let first = self
            .connection
            .prepare_cached("SELECT coalesce(first_text, text), at FROM messages WHERE id = ?1")?
            .query_row([id.0], version)
            .optional()?;
        let mut statement = self.connection.prepare_cached(
            "SELECT g.text, g.at FROM messages m JOIN changes g
                 ON g.conversation = m.conversation AND g.of = m.place
             JOIN conversations c ON c.id = m.conversation
             WHERE m.id = ?1 AND g.is_deletion = 0 AND g.delivery = 3
                 AND g.author = CASE WHEN m.delivery <> 0 THEN ?3
                     WHEN m.author <> '' THEN m.author ELSE c.peer END
             ORDER BY g.place DESC LIMIT ?2",
        )?;
        let values = (id.0, VERSIONS, self.login.as_str());
        let edits = statement.query_map(values, version)?;
        let mut edits = edits.collect::<rusqlite::Result<Vec<_>>>()?;
        edits.extend(first);
        edits.reverse();
        Ok(edits)
    }

    /// Stores a change that the server tells. Returns what is new for the window.
    pub(super) fn store_change(
        &self,
        connection: &Connection,
        told: &Delivered,
    ) -> Result<Vec<Event>> {
        let Some(about) = told.about else {
            return Ok(Vec::new());
        };
        let server_id = number(told.id);
        let is_known: bool = connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM changes WHERE server_id = ?1)")?
            .query_row([server_id], |row| row.get(0))?;
        if is_known {
            return Ok(Vec::new());
        }
        let waiting: Option<i64> = match told.tag.as_ref().filter(|_| told.from == self.login) {
            Some(tag) => connection
                .prepare_cached("SELECT id FROM changes WHERE tag = ?1")?
                .query_row([tag.as_str()], |row| row.get(0))
                .optional()?,
            None => None,
        };
        if let Some(id) = waiting {
            let id = MessageId(id);
            let news = self.accept_change(connection, id, server_id, told.at)?;
            return Ok(news.unwrap_or_default());
        }
        let conversation = conversation(connection, &Peer::Person(told.with.clone()))?;
        let of = live_sort_key(connection, number(about.target()))?;
        connection
            .prepare_cached(
                "INSERT INTO changes
                 (id, conversation, of, is_deletion, place, author, text, at, delivery, server_id)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 3, ?9)",
            )?
            .execute((
                next_id(connection)?,
                conversation,
                of,
                matches!(about, About::Delete(_)),
                live_sort_key(connection, server_id)?,
                told.from.as_str(),
                told.text.as_str(),
                told.at,
                server_id,
            ))?;
        let news = self.apply_changes(connection, conversation, of)?;
        if told.from != self.login && unread(connection, Some(conversation))? == 0 {
            read_change(connection, conversation, server_id)?;
        }
        Ok(news)
    }

    /// Notes that the server has accepted a change. `None`: it is none.
    pub(super) fn accept_change(
        &self,
        connection: &Connection,
        id: MessageId,
        server_id: i64,
        at: i64,
    ) -> Result<Option<Vec<Event>>> {
        let place = live_sort_key(connection, server_id)?;
        let found: Option<(i64, i64)> = connection
            .prepare_cached(
                "UPDATE OR IGNORE changes SET delivery = 3, server_id = ?2, place = ?3, at = ?4
                 WHERE id = ?1 RETURNING conversation, of",
            )?
            .query_row((id.0, server_id, place, at), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((conversation, of)) = found else {
            return Ok(None);
        };
        self.apply_changes(connection, conversation, of).map(Some)
    }

    /// Whether its author has deleted the message with this sort key.
    pub(super) fn is_deleted(
        &self,
        connection: &Connection,
        conversation: i64,
        (of, author): (i64, &str),
    ) -> rusqlite::Result<bool> {
        connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM changes WHERE conversation = ?1 AND of = ?2
                     AND is_deletion = 1 AND delivery = 3 AND author = ?3)",
            )?
            .query_row((conversation, of, author), |row| row.get(0))
    }

    /// Makes a message what it is by the changes that are known, if it is here. Returns what is new for the window.
    pub(super) fn apply_changes(
        &self,
        connection: &Connection,
        conversation: i64,
        of: i64,
    ) -> Result<Vec<Event>> {
        let Some(changed) = self.changed(connection, conversation, of)? else {
            return Ok(Vec::new());
        };
        if self.is_deleted(connection, conversation, (of, &changed.author))? {
            return Ok(remove(connection, conversation, &changed)?);
        }
        let last: Option<(String, i64)> = connection
            .prepare_cached(
                "SELECT text, at FROM changes WHERE conversation = ?1 AND of = ?2
                     AND is_deletion = 0 AND delivery = 3 AND author = ?3
                 ORDER BY place DESC LIMIT 1",
            )?
            .query_row((conversation, of, &changed.author), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        if let Some((text, at)) = last.filter(|(text, _)| *text != changed.text) {
            connection
                .prepare_cached(
                    "UPDATE messages SET first_text = coalesce(first_text, text), text = ?2,
                         edited = ?3 WHERE id = ?1",
                )?
                .execute((changed.id.0, &text, at))?;
            forget_text(connection, changed.id)?;
            connection
                .prepare_cached("INSERT INTO search (rowid, text) VALUES (?1, ?2)")?
                .execute((changed.id.0, fold(&text)))?;
        }
        let now = message(connection, changed.id)?;
        Ok(now.map(Event::Changed).into_iter().collect())
    }

    fn changed(
        &self,
        connection: &Connection,
        conversation: i64,
        of: i64,
    ) -> rusqlite::Result<Option<Changed>> {
        connection
            .prepare_cached(
                "SELECT m.id, m.delivery, m.author, c.peer, m.text, m.server_id, m.unread
                 FROM messages m JOIN conversations c ON c.id = m.conversation
                 WHERE m.conversation = ?1 AND m.place = ?2",
            )?
            .query_row((conversation, of), |row| {
                let is_received = row.get::<_, i64>(1)? == delivery::RECEIVED;
                let (author, peer): (String, String) = (row.get(2)?, row.get(3)?);
                Ok(Changed {
                    id: MessageId(row.get(0)?),
                    author: match (is_received, author.is_empty()) {
                        (false, _) => self.login.as_str().to_owned(),
                        (true, true) => peer,
                        (true, false) => author,
                    },
                    text: row.get(4)?,
                    server_id: row.get(5)?,
                    is_unread: row.get(6)?,
                })
            })
            .optional()
    }

    /// The changes that wait, of those that `which` selects.
    pub(super) fn waiting_changes(
        &self,
        which: &str,
        values: impl rusqlite::Params,
    ) -> Result<Vec<Outgoing>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT g.id, c.peer, g.text, g.tag, g.is_deletion, m.server_id
             FROM changes g JOIN conversations c ON c.id = g.conversation
                 JOIN messages m ON m.conversation = g.conversation AND m.place = g.of
             WHERE g.delivery = 1 AND m.server_id > 0 {which}"
        ))?;
        let rows = statement.query_map(values, |row| {
            let tag = Tag::parse(row.get_ref(3)?.as_str()?);
            let of = u64::try_from(row.get::<_, i64>(5)?).unwrap_or(0);
            Ok(Outgoing {
                id: MessageId(row.get(0)?),
                to: read_login(row.get_ref(1)?.as_str()?, 1)?,
                text: Text::from(row.get_ref(2)?.as_str()?),
                about: Some(match row.get(4)? {
                    true => About::Delete(of),
                    false => About::Edit(of),
                }),
                tag: tag.map_err(|error| {
                    rusqlite::Error::FromSqlConversionFailure(3, Type::Text, Box::new(error))
                })?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// Where everything is read, what was changed is read too. The server is told so with the next read marks.
fn read_change(connection: &Connection, conversation: i64, server_id: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE conversations SET seen_id = max(seen_id, ?2) WHERE id = ?1")?
        .execute((conversation, server_id))?;
    Ok(())
}

fn remove(
    connection: &Connection,
    conversation: i64,
    changed: &Changed,
) -> rusqlite::Result<Vec<Event>> {
    let with = message(connection, changed.id)?.map(|message| message.with);
    connection
        .prepare_cached("DELETE FROM messages WHERE id = ?1")?
        .execute([changed.id.0])?;
    forget_text(connection, changed.id)?;
    let mut news = vec![Event::Discarded(changed.id)];
    if let Some(with) = with.filter(|_| changed.is_unread) {
        let unread = unread(connection, Some(conversation))?;
        if let Some(server_id) = changed.server_id.filter(|_| unread == 0) {
            read_change(connection, conversation, server_id)?;
        }
        news.push(Event::Unread { with, unread });
    }
    Ok(news)
}

/// Notes that the server has refused a change: it never was. Returns what is new for the window, if it is one.
pub(super) fn refuse_change(
    connection: &Connection,
    id: MessageId,
    why: Refusal,
) -> rusqlite::Result<Vec<Event>> {
    let found: Option<(i64, i64)> = connection
        .prepare_cached(
            "DELETE FROM changes WHERE id = ?1 AND delivery = 1 RETURNING conversation, of",
        )?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some(found) = found else {
        return Ok(Vec::new());
    };
    let of: Option<i64> = connection
        .prepare_cached("SELECT id FROM messages WHERE conversation = ?1 AND place = ?2")?
        .query_row(found, |row| row.get(0))
        .optional()?;
    let of = of
        .map(|id| message(connection, MessageId(id)))
        .transpose()?;
    let of = of.flatten().map(Event::Changed);
    Ok(of.into_iter().chain([Event::NotChanged(why)]).collect())
}
