//! What a live server tells: each message stored once, whatever is told again.

use mensageiro_protocol::{
    Framing,
    live::{Delivered, HistoryEnd, Read, Receipt},
};
use rusqlite::{Connection, OptionalExtension};

use super::{
    History, Result, fact,
    outbox::{forget_text, place_last},
    receipts,
    row::{
        LAST_PLACES, NewMessage, conversation, delivery, epoch_start, insert, known_conversation,
        live_place, message, read_login, refusal_name,
    },
    set_fact,
};
use crate::engine::{
    Event, MessageId, Peer, Refusal,
    net::{Told, Way},
};

/// A server that was classic once may tell messages again that came without a number: so many of
/// them are looked at in a conversation, the newest first.
const WITHOUT_NUMBER: i64 = 200;

impl History {
    /// How the server accepted the last login.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn way(&self) -> Result<Option<Way>> {
        let way: Option<String> = fact(&self.connection, "framing")?;
        Ok(match way.as_deref() {
            Some("live") => Some(Way::Live),
            Some("line") => Some(Way::Classic(Framing::Line)),
            Some("bare") => Some(Way::Classic(Framing::Bare)),
            _ => None,
        })
    }

    /// Keeps how the server accepted a login.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn remember_way(&self, way: Way) -> Result<()> {
        let way = match way {
            Way::Live => "live",
            Way::Classic(Framing::Line) => "line",
            Way::Classic(Framing::Bare) => "bare",
        };
        set_fact(&self.connection, "framing", way)?;
        Ok(())
    }

    /// When a live session was last asked for in vain, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn live_tried_at(&self) -> Result<Option<i64>> {
        Ok(fact(&self.connection, "live_tried_at")?)
    }

    /// Keeps that a live session was asked for in vain.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn note_live_tried(&self, at: i64) -> Result<()> {
        set_fact(&self.connection, "live_tried_at", at)?;
        Ok(())
    }

    /// Everything of this user up to this number is here, or older than the first live session.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn position(&self) -> Result<Option<u64>> {
        let position: Option<i64> = fact(&self.connection, "position")?;
        Ok(position.and_then(|id| u64::try_from(id).ok()))
    }

    /// A live session begins; `last` is the server's newest number. Tells what moves by it: from
    /// now on what waits stands at the end.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn begin_live(&self, last: u64) -> Result<Vec<Event>> {
        let transaction = self.connection.unchecked_transaction()?;
        let mut moved = Vec::new();
        let position: Option<i64> = fact(&transaction, "position")?;
        if position.is_none() {
            set_fact(&transaction, "known_from", number(last) + 1)?;
        }
        if !is_live(&transaction)? {
            begin_epoch(&transaction, true)?;
            // What a classic session brought, and the server does not count as read, comes again.
            let sure: i64 = fact(&transaction, "sure_up_to")?.unwrap_or(0);
            let after = if position.is_none() { sure } else { 0 };
            set_fact(&transaction, "repeated_after", after)?;
            set_fact(&transaction, "repeated_up_to", number(last))?;
            let waiting: Vec<i64> = transaction
                .prepare("SELECT id FROM messages WHERE delivery IN (1, 2) AND place < ?1")?
                .query_map([LAST_PLACES], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            for id in waiting.into_iter().map(MessageId) {
                place_last(&transaction, id)?;
                moved.extend(message(&transaction, id)?.map(Event::Message));
            }
        }
        transaction.commit()?;
        Ok(moved)
    }

    /// The server's numbers have begun anew: it is not the one it was. What it told before stays,
    /// with numbers that no server gives.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn begin_anew(&self) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        transaction.execute_batch(
            "UPDATE messages SET server_id = -id WHERE server_id > 0;
             UPDATE conversations SET known_from = NULL, seen_id = 0, told_id = 0;
             DELETE FROM receipts;
             DELETE FROM facts WHERE name IN ('position', 'known_from');",
        )?;
        begin_epoch(&transaction, true)?;
        transaction.commit()?;
        Ok(())
    }

    /// Stores what was told, in one transaction, and the position after it. Returns what is news
    /// for the window.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]; nothing of it is stored then.
    pub fn receive_live(&self, told: &[Told], position: Option<u64>) -> Result<Vec<Event>> {
        let transaction = self.connection.unchecked_transaction()?;
        let mut news = Vec::new();
        for one in told {
            match one {
                Told::Message(one) => news.extend(self.store(&transaction, one)?),
                Told::Accepted { id, server_id, at } => {
                    news.extend(accept(&transaction, *id, number(*server_id), *at)?);
                    self.read_own(&transaction, *id, number(*server_id))?;
                }
                Told::Refused { id, why } => news.extend(refuse(&transaction, *id, *why)?),
                Told::Receipt(receipt) => news.extend(keep_receipt(&transaction, receipt)?),
                Told::Read(read) => news.extend(read_elsewhere(&transaction, read)?),
            }
        }
        if let Some(position) = position {
            set_fact(&transaction, "position", number(position))?;
        }
        transaction.commit()?;
        Ok(news)
    }

    /// From which number on everything of a conversation is here, if there may be older ones.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn gap_below(&self, with: &Peer) -> Result<Option<u64>> {
        if !is_live(&self.connection)? {
            return Ok(None);
        }
        let known: Option<Option<i64>> = self
            .connection
            .prepare_cached("SELECT known_from FROM conversations WHERE peer = ?1")?
            .query_row([super::row::peer_name(with)], |row| row.get(0))
            .optional()?;
        let known_from = match known.flatten() {
            Some(known_from) => Some(known_from),
            None => fact(&self.connection, "known_from")?,
        };
        Ok(known_from
            .and_then(|id| u64::try_from(id).ok())
            .filter(|&id| id > 1))
    }

    /// Stores an answer to `history`: from its oldest message on everything is here now.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]; nothing of it is stored then.
    pub fn receive_older(&self, messages: &[Delivered], end: &HistoryEnd) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        // The newest first, so that equal texts without a number are taken up in order.
        for one in messages.iter().rev() {
            self.store(&transaction, one)?;
        }
        let known_from = match messages.iter().map(|one| one.id).min() {
            // A server that does not go back has nothing older, whatever it says.
            Some(oldest) if end.more && end.before.is_none_or(|before| oldest < before) => {
                number(oldest)
            }
            _ => 0,
        };
        let conversation = conversation(&transaction, &Peer::Person(end.with.clone()))?;
        transaction
            .prepare_cached("UPDATE conversations SET known_from = ?2 WHERE id = ?1")?
            .execute((conversation, known_from))?;
        transaction.commit()?;
        Ok(())
    }

    /// What the person has read and the server may not know of: conversations and numbers.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn reads_to_tell(&self) -> Result<Vec<Read>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT peer, seen_id FROM conversations WHERE seen_id > told_id AND peer <> ''",
        )?;
        let rows = statement.query_map([], |row| {
            let up_to: i64 = row.get(1)?;
            Ok(Read {
                with: read_login(row.get_ref(0)?.as_str()?, 0)?,
                up_to: u64::try_from(up_to).unwrap_or(0),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The server knows of these now.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn reads_told(&self, reads: &[Read]) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        for Read { with, up_to } in reads {
            transaction
                .prepare_cached(
                    "UPDATE conversations SET told_id = ?2 WHERE peer = ?1 AND told_id < ?2",
                )?
                .execute((with.as_str(), number(*up_to)))?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Returns what is news of it: nothing if it is here already.
    fn store(&self, connection: &Connection, told: &Delivered) -> rusqlite::Result<Vec<Event>> {
        let server_id = number(told.id);
        let is_own = told.from == self.login;
        if let Some(known) = by_server_id(connection, server_id)? {
            tracing::debug!(server_id, known, "told again");
            return Ok(Vec::new());
        }
        if let (true, Some(tag)) = (is_own, &told.tag)
            && let Some(id) = by_tag(connection, tag.as_str())?
        {
            let news = accept(connection, MessageId(id), server_id, told.at)?;
            return Ok(news.into_iter().collect());
        }
        let with = Peer::Person(told.with.clone());
        if let Some(id) = take_up(connection, told, &with, is_own)? {
            let unread = unread(connection, known_conversation(connection, &with)?)?;
            let moved = message(connection, id)?.map(Event::Message);
            let as_before = Event::SeenElsewhere { with, unread };
            return Ok(moved.into_iter().chain([as_before]).collect());
        }
        let author = (!is_own && told.from != told.with).then_some(&told.from);
        let conversation = conversation(connection, &with)?;
        let is_unread = !is_own && !told.is_old && !is_seen(connection, conversation, server_id)?;
        let new = NewMessage {
            author,
            at: told.at,
            place: Some(live_place(connection, server_id)?),
            server_id: Some(server_id),
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
        Ok(message(connection, id)?
            .map(Event::Message)
            .into_iter()
            .collect())
    }

    /// What one writes to oneself has been read.
    fn read_own(
        &self,
        connection: &Connection,
        id: MessageId,
        server_id: i64,
    ) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "UPDATE conversations SET seen_id = max(seen_id, ?3)
                 WHERE peer = ?2 AND id = (SELECT conversation FROM messages WHERE id = ?1)",
            )?
            .execute((id.0, self.login.as_str(), server_id))?;
        Ok(())
    }
}

/// A message that came, or went, in a classic session gets its number now, when it is told again.
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
    // In classic a group's message begins with its author (rule G2).
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
                epoch_start(connection)?,
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
        let place = live_place(connection, number(told.id))?;
        connection
            .prepare_cached(
                "UPDATE messages SET server_id = ?2, place = ?3, at = ?4 WHERE id = ?1",
            )?
            .execute((id, number(told.id), place, told.at))?;
    }
    Ok(found.map(MessageId))
}

/// Whether the order is a live server's.
pub(super) fn is_live(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(fact::<i64>(connection, "epoch_is_live")? == Some(1))
}

/// A classic server gives no order: from now on it is that of arrival.
pub(super) fn end_live(connection: &Connection) -> rusqlite::Result<()> {
    if is_live(connection)? {
        begin_epoch(connection, false)?;
    }
    Ok(())
}

fn begin_epoch(connection: &Connection, is_live: bool) -> rusqlite::Result<()> {
    let epoch: i64 = fact(connection, "epoch")?.unwrap_or(0);
    set_fact(connection, "epoch", epoch + 1)?;
    set_fact(connection, "epoch_is_live", i64::from(is_live))
}

/// The server has it, under this number.
fn accept(
    connection: &Connection,
    id: MessageId,
    server_id: i64,
    at: i64,
) -> rusqlite::Result<Option<Event>> {
    if let Some(known) = by_server_id(connection, server_id)? {
        if known != id.0 {
            // Told before the answer came: the same message, once too often.
            connection
                .prepare_cached("DELETE FROM messages WHERE id = ?1")?
                .execute([id.0])?;
            forget_text(connection, id)?;
            return Ok(Some(Event::Discarded(id)));
        }
        return Ok(None);
    }
    let place = live_place(connection, server_id)?;
    connection
        .prepare_cached(
            "UPDATE messages SET delivery = ?2, server_id = ?3, place = ?4, at = ?5,
                 refusal = NULL
             WHERE id = ?1",
        )?
        .execute((id.0, delivery::ACCEPTED, server_id, place, at))?;
    Ok(message(connection, id)?.map(Event::Message))
}

fn refuse(connection: &Connection, id: MessageId, why: Refusal) -> rusqlite::Result<Option<Event>> {
    connection
        .prepare_cached(
            "UPDATE messages SET delivery = ?2, refusal = ?3
             WHERE id = ?1 AND delivery IN (1, 2)",
        )?
        .execute((id.0, delivery::REFUSED, refusal_name(why)))?;
    Ok(message(connection, id)?.map(Event::Message))
}

fn keep_receipt(connection: &Connection, receipt: &Receipt) -> rusqlite::Result<Option<Event>> {
    let with = Peer::Person(receipt.with.clone());
    // Of a conversation that is not here there is no message to tick.
    let Some(conversation) = known_conversation(connection, &with)? else {
        return Ok(None);
    };
    let Receipt {
        by, state, id, at, ..
    } = receipt;
    if !receipts::keep(connection, conversation, by, *state, number(*id), *at)? {
        return Ok(None);
    }
    Ok(Some(Event::Receipt {
        with,
        by: by.clone(),
        state: *state,
        up_to: *id,
        at: jiff::Timestamp::from_millisecond(*at).unwrap_or(jiff::Timestamp::UNIX_EPOCH),
    }))
}

fn read_elsewhere(connection: &Connection, read: &Read) -> rusqlite::Result<Option<Event>> {
    let with = Peer::Person(read.with.clone());
    let Some(conversation) = known_conversation(connection, &with)? else {
        return Ok(None);
    };
    let up_to = number(read.up_to);
    connection
        .prepare_cached(
            "UPDATE messages SET unread = 0
             WHERE conversation = ?1 AND unread = 1 AND server_id <= ?2",
        )?
        .execute((conversation, up_to))?;
    connection
        .prepare_cached(
            "UPDATE conversations SET seen_id = max(seen_id, ?2), told_id = max(told_id, ?2)
             WHERE id = ?1",
        )?
        .execute((conversation, up_to))?;
    let unread = unread(connection, Some(conversation))?;
    Ok(Some(Event::SeenElsewhere { with, unread }))
}

fn unread(connection: &Connection, conversation: Option<i64>) -> rusqlite::Result<usize> {
    let unread: i64 = connection
        .prepare_cached("SELECT count(*) FROM messages WHERE conversation = ?1 AND unread = 1")?
        .query_row([conversation], |row| row.get(0))?;
    Ok(usize::try_from(unread).unwrap_or(0))
}

fn is_seen(connection: &Connection, conversation: i64, server_id: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT seen_id >= ?2 FROM conversations WHERE id = ?1")?
        .query_row((conversation, server_id), |row| row.get(0))
}

fn by_server_id(connection: &Connection, server_id: i64) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM messages WHERE server_id = ?1")?
        .query_row([server_id], |row| row.get(0))
        .optional()
}

fn by_tag(connection: &Connection, tag: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM messages WHERE tag = ?1")?
        .query_row([tag], |row| row.get(0))
        .optional()
}

/// SQLite's integers have a sign; a number beyond them is none that a server can have reached.
fn number(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}
