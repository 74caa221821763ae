//! How far the person has read, in this session and in others.

use mensageiro_protocol::live::Read;
use rusqlite::{Connection, OptionalExtension};

use super::{
    History, Result,
    row::{COLUMNS, known_conversation, number, peer_name, read_login, read_message},
};
use crate::engine::{Event, Message, MessageId, Peer};

impl History {
    /// Read marks that the server may not know yet.
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

    /// Notes that the server knows these read marks.
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

    /// The number of unread messages of a conversation.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn unread(&self, with: &Peer) -> Result<usize> {
        let conversation = known_conversation(&self.connection, with)?;
        Ok(unread(&self.connection, conversation)?)
    }

    /// The oldest unread message of a conversation.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn oldest_unread(&self, with: &Peer) -> Result<Option<Message>> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS}
             FROM conversations c JOIN messages m ON m.conversation = c.id
             WHERE c.peer = ?1 AND m.unread = 1 ORDER BY m.place LIMIT 1"
        ))?;
        let found = statement.query_row([peer_name(with)], read_message);
        Ok(found.optional()?)
    }

    /// Marks a message to oneself as read.
    pub(super) fn read_own(
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

/// Takes in the read mark of another session of this user.
pub(super) fn read_elsewhere(
    connection: &Connection,
    read: &Read,
) -> rusqlite::Result<Option<Event>> {
    let with = Peer::Person(read.with.clone());
    let Some(conversation) = known_conversation(connection, &with)? else {
        return Ok(None);
    };
    let up_to = number(read.up_to);
    connection
        .prepare_cached(
            "UPDATE messages SET unread = 0
             WHERE conversation = ?1 AND unread = 1 AND server_id BETWEEN 1 AND ?2",
        )?
        .execute((conversation, up_to))?;
    connection
        .prepare_cached(
            "UPDATE conversations SET seen_id = max(seen_id, ?2), told_id = max(told_id, ?2)
             WHERE id = ?1",
        )?
        .execute((conversation, up_to))?;
    let unread = unread(connection, Some(conversation))?;
    Ok(Some(Event::Unread { with, unread }))
}

/// How many messages of a conversation are unread.
pub(super) fn unread(
    connection: &Connection,
    conversation: Option<i64>,
) -> rusqlite::Result<usize> {
    let unread: i64 = connection
        .prepare_cached("SELECT count(*) FROM messages WHERE conversation = ?1 AND unread = 1")?
        .query_row([conversation], |row| row.get(0))?;
    Ok(usize::try_from(unread).unwrap_or(0))
}
