//! Own messages, from the compose box to the server's end mark.

use mensageiro_protocol::{Login, Text};
use rusqlite::Connection;

use super::{History, Result, append, delivery, read_message, received};
use crate::engine::{Delivery, Message, MessageId, Peer, net::Outgoing};

impl History {
    /// Puts a message into the outbox.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn add_to_outbox(&self, to: &Login, text: &Text) -> Result<Message> {
        let transaction = self.connection.unchecked_transaction()?;
        let with = Peer::Person(to.clone());
        let message = append(&transaction, &with, text, delivery::WAITING)?;
        transaction.commit()?;
        Ok(message)
    }

    /// What waits, in the order it was written.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn outbox(&self) -> Result<Vec<Outgoing>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT m.id, c.peer, m.text, m.at, m.delivery
             FROM messages m JOIN conversations c ON c.id = m.conversation
             WHERE m.delivery IN (1, 2) ORDER BY m.id",
        )?;
        let rows = statement.query_map([], read_message)?;
        let messages = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(messages.into_iter().filter_map(outgoing).collect())
    }

    /// Notes that a message is about to be written to the server: should the app die now, nobody
    /// knows whether it arrived. The line also tells the server that what it sent before is read.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn depart(&self, id: MessageId) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        set_delivery(&transaction, id, delivery::WAITING, delivery::DEPARTED)?;
        received::note_turn(&transaction)?;
        transaction.commit()?;
        Ok(())
    }

    /// Nothing of the message was written after all.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn put_back(&self, id: MessageId) -> Result<()> {
        set_delivery(&self.connection, id, delivery::DEPARTED, delivery::WAITING)?;
        Ok(())
    }

    /// The message was written and not acknowledged. `None`: it is not in the outbox.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn unconfirmed(&self, id: MessageId) -> Result<Option<Message>> {
        let changed = set_delivery(
            &self.connection,
            id,
            delivery::DEPARTED,
            delivery::UNCONFIRMED,
        )?;
        self.if_changed(changed, id)
    }

    /// Puts an unconfirmed message into the outbox again. `None`: it is not unconfirmed.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn send_again(&self, id: MessageId) -> Result<Option<Message>> {
        let changed = set_delivery(
            &self.connection,
            id,
            delivery::UNCONFIRMED,
            delivery::WAITING,
        )?;
        self.if_changed(changed, id)
    }

    /// Deletes a message that waits or is unconfirmed. `false`: it is neither.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn discard(&self, id: MessageId) -> Result<bool> {
        let deleted = self
            .connection
            .prepare_cached("DELETE FROM messages WHERE id = ?1 AND delivery IN (?2, ?3)")?
            .execute((id.0, delivery::WAITING, delivery::UNCONFIRMED))?;
        Ok(deleted > 0)
    }

    /// Whether messages that were on their way when the app died arrived, nobody knows.
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

/// An own message, as it goes out.
pub fn outgoing(message: Message) -> Option<Outgoing> {
    match message {
        Message {
            id,
            with: Peer::Person(to),
            text,
            delivery: Delivery::Waiting,
            ..
        } => Some(Outgoing { id, to, text }),
        _ => None,
    }
}

/// Whether the message was in the state `from`, and is now in the state `to`.
pub(super) fn set_delivery(
    connection: &Connection,
    id: MessageId,
    from: i64,
    to: i64,
) -> rusqlite::Result<bool> {
    let changed = connection
        .prepare_cached("UPDATE messages SET delivery = ?3 WHERE id = ?1 AND delivery = ?2")?
        .execute((id.0, from, to))?;
    Ok(changed > 0)
}
