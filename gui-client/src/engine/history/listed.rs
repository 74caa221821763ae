//! Storing the list of conversations that a live server gives to a new device.

use mensageiro_protocol::live::{ConversationNews, Read};
use rusqlite::Connection;

use super::{
    History, Result, fact,
    reads::read_elsewhere,
    row::{conversation, known_conversation, number},
    set_fact,
};
use crate::engine::{Conversation, Peer};

impl History {
    /// Whether the whole list has been stored.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn is_listed(&self) -> Result<bool> {
        Ok(fact::<i64>(&self.connection, "surveyed")?.is_some())
    }

    /// Stores a part of the list: the last message of each conversation and how far the person has
    /// read; older messages stay at the server. Returns the rows of these conversations.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]; nothing of it is stored then.
    pub fn receive_list(
        &self,
        told: &[ConversationNews],
        is_last: bool,
    ) -> Result<Vec<Conversation>> {
        let transaction = self.connection.unchecked_transaction()?;
        for one in told {
            self.list(&transaction, one)?;
        }
        if is_last {
            set_fact(&transaction, "surveyed", 1)?;
        }
        transaction.commit()?;
        let rows = told
            .iter()
            .map(|one| self.conversation(&Peer::Person(one.with.clone())));
        Ok(rows
            .collect::<Result<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    fn list(&self, connection: &Connection, told: &ConversationNews) -> rusqlite::Result<()> {
        let with = Peer::Person(told.with.clone());
        let last = number(told.last.id);
        // If the message is here already, so is everything after it.
        if known_from(connection, &with)?.is_some_and(|known_from| last < known_from) {
            self.store(connection, &told.delivered())?;
            let conversation = conversation(connection, &with)?;
            connection
                .prepare_cached("UPDATE conversations SET known_from = ?2 WHERE id = ?1")?
                .execute((conversation, last))?;
        }
        if told.group {
            connection
                .prepare_cached("UPDATE conversations SET is_group = 1 WHERE peer = ?1")?
                .execute([told.with.as_str()])?;
        }
        if told.read > 0 {
            let (with, up_to) = (told.with.clone(), told.read);
            read_elsewhere(connection, &Read { with, up_to })?;
        }
        Ok(())
    }
}

/// From this id on, all messages of the conversation are here.
fn known_from(connection: &Connection, with: &Peer) -> rusqlite::Result<Option<i64>> {
    let own: Option<i64> = match known_conversation(connection, with)? {
        None => None,
        Some(id) => connection
            .prepare_cached("SELECT known_from FROM conversations WHERE id = ?1")?
            .query_row([id], |row| row.get(0))?,
    };
    match own {
        None => fact(connection, "known_from"),
        own => Ok(own),
    }
}
