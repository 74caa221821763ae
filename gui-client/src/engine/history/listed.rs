//! Storing the list of conversations that a live server gives to a new device.

use mensageiro_protocol::live::{ConversationNews, Read};
use rusqlite::Connection;

use super::{
    History, Result, fact,
    reads::read_elsewhere,
    row::{conversation, known_conversation, number},
    set_fact,
};
use crate::engine::{Conversation, Event, Peer};

impl History {
    /// Whether the whole list has been stored.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn is_listed(&self) -> Result<bool> {
        Ok(fact::<i64>(&self.connection, "surveyed")?.is_some())
    }

    /// Stores a part of the list: the last message of each conversation and how far the person has
    /// read; older messages stay at the server.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`], [`super::HistoryError::Contradicted`]; nothing of it is stored then.
    pub fn receive_list(&self, told: &[ConversationNews], is_last: bool) -> Result<Listed> {
        let transaction = self.connection.unchecked_transaction()?;
        let mut missed = Vec::new();
        for one in told {
            missed.extend(self.list(&transaction, one)?);
        }
        if is_last {
            set_fact(&transaction, "surveyed", 1)?;
        }
        transaction.commit()?;
        let rows = told
            .iter()
            .map(|one| self.conversation(&Peer::Person(one.with.clone())));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        let rows = rows.into_iter().flatten().collect();
        Ok(Listed { rows, missed })
    }

    /// Returns what is new for the window of what should have been here.
    fn list(&self, connection: &Connection, told: &ConversationNews) -> Result<Vec<Event>> {
        let with = Peer::Person(told.with.clone());
        let last = number(told.last.id);
        let known_from = known_from(connection, &with)?;
        let is_older = known_from.is_some_and(|known_from| last < known_from);
        let is_here = is_here(connection, last)?;
        let is_own = told.last.from == self.login;
        // An own message may be here without the answer that gives it its id.
        let is_missing = !is_older && !is_here && !is_own;
        let mut message = told.delivered();
        message.is_old = !is_missing || told.unread == 0;
        let mut missed = Vec::new();
        if is_older || is_here || is_missing {
            missed = self.store(connection, &message)?;
            if let Some(edit) = told.edit() {
                missed.extend(self.store(connection, &edit)?);
            }
        }
        if is_older || is_missing {
            // If the message is here already, so is everything after it. If not, perhaps nothing before it is.
            let conversation = conversation(connection, &with)?;
            connection
                .prepare_cached("UPDATE conversations SET known_from = ?2 WHERE id = ?1")?
                .execute((conversation, last))?;
        }
        if !is_missing {
            // What was on its way is accepted by it. The window gets everything else as rows.
            missed.retain(|event| matches!(event, Event::Message(one) if one.written.is_some()));
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
        Ok(missed)
    }
}

/// What a part of the list has brought.
#[derive(Debug, PartialEq)]
pub struct Listed {
    /// The rows of its conversations.
    pub rows: Vec<Conversation>,
    /// What is new for the window: messages that should have been here, and own ones that were on their way.
    pub missed: Vec<Event>,
}

fn is_here(connection: &Connection, server_id: i64) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM messages WHERE server_id = ?1)")?
        .query_row([server_id], |row| row.get(0))
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
