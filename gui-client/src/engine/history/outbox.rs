//! The outbox: own messages until the server acknowledges them.

use mensageiro_protocol::{
    Login, Text,
    live::{About, Tag},
};
use rusqlite::{Connection, types::Type};

use super::{
    History, Result, generations, numbers,
    row::{LAST_SORT_KEYS, append, delivery, message, next_sort_key, read_login},
    set_fact,
};
use crate::engine::{
    Message, MessageId, Peer,
    net::{Outgoing, Unsent},
};

impl History {
    /// Puts a message into the outbox. `chosen`: the one that it replies to, if its text quotes it.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn add_to_outbox(
        &self,
        to: &Login,
        text: &Text,
        chosen: Option<MessageId>,
    ) -> Result<Message> {
        let transaction = self.connection.unchecked_transaction()?;
        let with = Peer::Person(to.clone());
        let replied_to = self.replied_to(&with, text.as_str(), chosen)?;
        // One that the server does not have yet has another sort key later.
        let re = replied_to.filter(|one| one.server_id.is_some());
        let new = append(&transaction, &with, text, delivery::WAITING)?;
        numbers::tag(&transaction, new.id)?;
        transaction
            .prepare_cached("UPDATE messages SET written = at, re = ?2 WHERE id = ?1")?
            .execute((new.id.0, re.map(|one| one.sort_key.0)))?;
        if generations::is_live(&transaction)? {
            sort_last(&transaction, new.id)?;
        }
        let new = message(&transaction, new.id)?.unwrap_or(new);
        transaction.commit()?;
        Ok(new)
    }

    /// Takes over messages that were in the outbox of a database before this one.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn take_unsent(&self, unsent: &Unsent) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        let departed = unsent.departed.iter();
        let departed = departed.map(|message| (message, delivery::UNCONFIRMED));
        let waiting = unsent.waiting.iter();
        let waiting = waiting.map(|message| (message, delivery::WAITING));
        for (message, delivery) in departed.chain(waiting) {
            // What it would change has to come again first.
            if message.about.is_some_and(About::is_change) {
                continue;
            }
            let is_here: bool = transaction
                .prepare_cached("SELECT EXISTS (SELECT 1 FROM messages WHERE tag = ?1)")?
                .query_row([message.tag.as_str()], |row| row.get(0))?;
            if is_here {
                continue;
            }
            let with = Peer::Person(message.to.clone());
            let new = append(&transaction, &with, &message.text, delivery)?;
            transaction
                .prepare_cached("UPDATE messages SET tag = ?2, written = at WHERE id = ?1")?
                .execute((new.id.0, message.tag.as_str()))?;
            if generations::is_live(&transaction)? {
                sort_last(&transaction, new.id)?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// The waiting messages, in the order they were written.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn outbox(&self) -> Result<Vec<Outgoing>> {
        let mut all = self.waiting("WHERE m.delivery IN (1, 2) ORDER BY m.id", [])?;
        all.extend(self.waiting_changes("ORDER BY g.id", [])?);
        all.sort_by_key(|one| one.id);
        Ok(all)
    }

    /// A message of the outbox, ready to be sent.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn outgoing(&self, id: MessageId) -> Result<Option<Outgoing>> {
        let mut found = self.waiting("WHERE m.delivery = 1 AND m.id = ?1", [id.0])?;
        found.extend(self.waiting_changes("AND g.id = ?1", [id.0])?);
        Ok(found.into_iter().next())
    }

    fn waiting(&self, which: &str, values: impl rusqlite::Params) -> Result<Vec<Outgoing>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT m.id, c.peer, m.text, m.tag,
                 (SELECT server_id FROM messages WHERE conversation = m.conversation
                     AND place = m.re AND server_id > 0)
             FROM messages m JOIN conversations c ON c.id = m.conversation {which}"
        ))?;
        let rows = statement.query_map(values, |row| {
            let tag = Tag::parse(row.get_ref(3)?.as_str()?);
            let re: Option<i64> = row.get(4)?;
            let re = re.and_then(|id| u64::try_from(id).ok());
            Ok(Outgoing {
                id: MessageId(row.get(0)?),
                to: read_login(row.get_ref(1)?.as_str()?, 1)?,
                text: Text::from(row.get_ref(2)?.as_str()?),
                about: re.map(About::Reply),
                tag: tag.map_err(|error| {
                    rusqlite::Error::FromSqlConversionFailure(3, Type::Text, Box::new(error))
                })?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Notes that a message is about to be sent: if the app dies now, nobody knows whether it
    /// arrived. The line also tells the server that everything it sent before is read.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn depart(&self, id: MessageId) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        set_delivery(&transaction, id, [delivery::WAITING; 2], delivery::DEPARTED)?;
        note_turn(&transaction)?;
        transaction.commit()?;
        Ok(())
    }

    /// Nothing of the message was sent: it waits again.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn put_back(&self, id: MessageId) -> Result<()> {
        let from = [delivery::DEPARTED; 2];
        set_delivery(&self.connection, id, from, delivery::WAITING)?;
        Ok(())
    }

    /// The message was sent but not acknowledged. `None`: it is not in the outbox.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn unconfirmed(&self, id: MessageId) -> Result<Option<Message>> {
        let from = [delivery::WAITING, delivery::DEPARTED];
        let changed = set_delivery(&self.connection, id, from, delivery::UNCONFIRMED)?;
        self.if_changed(changed, id)
    }

    /// Puts an unconfirmed or refused message into the outbox again. `None`: it is neither.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn send_again(&self, id: MessageId) -> Result<Option<Message>> {
        let transaction = self.connection.unchecked_transaction()?;
        let from = [delivery::UNCONFIRMED, delivery::REFUSED];
        let changed = set_delivery(&transaction, id, from, delivery::WAITING)?;
        if changed && generations::is_live(&transaction)? {
            sort_last(&transaction, id)?;
        }
        transaction.commit()?;
        self.if_changed(changed, id)
    }

    /// Deletes a message that waits, is unconfirmed or refused. `false`: it is none of these.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn discard(&self, id: MessageId) -> Result<bool> {
        let transaction = self.connection.unchecked_transaction()?;
        let deleted = transaction
            .prepare_cached("DELETE FROM messages WHERE id = ?1 AND delivery IN (1, 4, 5)")?
            .execute([id.0])?;
        if deleted > 0 {
            forget_text(&transaction, id)?;
        }
        transaction.commit()?;
        Ok(deleted > 0)
    }

    /// Nobody knows whether messages that were being sent when the app died have arrived: they are
    /// unconfirmed.
    pub(super) fn settle_departed(&self) -> Result<()> {
        self.connection.execute(
            "UPDATE messages SET delivery = ?1 WHERE delivery = ?2",
            (delivery::UNCONFIRMED, delivery::DEPARTED),
        )?;
        Ok(())
    }

    fn if_changed(&self, changed: bool, id: MessageId) -> Result<Option<Message>> {
        Ok(if changed { self.message(id)? } else { None })
    }
}

/// Notes that a line is about to be written: once the server has it, it counts everything received
/// so far as read.
pub(super) fn note_turn(connection: &Connection) -> rusqlite::Result<()> {
    set_fact(connection, "turn", newest(connection)?)
}

/// The id of the newest message; 0 if there is none.
pub(super) fn newest(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT coalesce(max(id), 0) FROM messages")?
        .query_row([], |row| row.get(0))
}

/// Accepts a message that a classic server has answered with its end mark. Returns whether the
/// message was being sent.
pub(super) fn accept_classic(connection: &Connection, id: MessageId) -> rusqlite::Result<bool> {
    let from = [delivery::DEPARTED; 2];
    if !set_delivery(connection, id, from, delivery::ACCEPTED)? {
        return Ok(false);
    }
    let stood_last = connection
        .prepare_cached("SELECT place >= ?2 FROM messages WHERE id = ?1")?
        .query_row((id.0, LAST_SORT_KEYS), |row| row.get(0))?;
    if stood_last {
        let sort_key = next_sort_key(connection)?;
        connection
            .prepare_cached("UPDATE messages SET place = ?2 WHERE id = ?1")?
            .execute((id.0, sort_key))?;
    }
    Ok(true)
}

/// Moves a message to the end until a live server gives it its sort key.
pub(super) fn sort_last(connection: &Connection, id: MessageId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE messages SET place = ?2 WHERE id = ?1")?
        .execute((id.0, LAST_SORT_KEYS + id.0))?;
    Ok(())
}

/// Removes the text of a deleted message from the search index.
pub(super) fn forget_text(connection: &Connection, id: MessageId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM search WHERE rowid = ?1")?
        .execute([id.0])?;
    Ok(())
}

/// Changes the state of a message to `to` if it is one of `from`. Returns whether it was.
fn set_delivery(
    connection: &Connection,
    id: MessageId,
    from: [i64; 2],
    to: i64,
) -> rusqlite::Result<bool> {
    let changed = connection
        .prepare_cached(
            "UPDATE messages SET delivery = ?4, refusal = NULL
             WHERE id = ?1 AND delivery IN (?2, ?3)",
        )?
        .execute((id.0, from[0], from[1], to))?;
    Ok(changed > 0)
}
