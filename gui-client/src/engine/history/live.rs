//! Storing what a live server tells: each message once, however often it is told.

use mensageiro_protocol::live::Receipt;
use rusqlite::Connection;

use super::{
    History, Result,
    changes::refuse_change,
    fact, generations,
    live_message::refuse,
    outbox::sort_last,
    reads::read_elsewhere,
    receipts,
    row::{LAST_SORT_KEYS, conversation, message, number},
    set_fact,
};
use crate::engine::{Event, MessageId, Peer, net::LiveUpdate};

impl History {
    /// The id up to which this device has everything, except messages older than its first live
    /// session.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn cursor(&self) -> Result<Option<u64>> {
        let cursor: Option<i64> = fact(&self.connection, "position")?;
        Ok(cursor.and_then(|id| u64::try_from(id).ok()))
    }

    /// Begins a live session; `last` is the server's newest id. Returns messages that move: from
    /// now on, waiting messages stand at the end.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn begin_live(&self, last: u64) -> Result<Vec<Event>> {
        let transaction = self.connection.unchecked_transaction()?;
        let mut moved = Vec::new();
        forget_beyond(&transaction, number(last))?;
        let cursor: Option<i64> = fact(&transaction, "position")?;
        if cursor.is_none() {
            set_fact(&transaction, "known_from", number(last) + 1)?;
        }
        if !generations::is_live(&transaction)? {
            generations::begin_live(&transaction, cursor.map_or(0, |cursor| cursor + 1))?;
            // What a classic session brought and the server does not count as read comes again.
            let sure: i64 = fact(&transaction, "sure_up_to")?.unwrap_or(0);
            let after = if cursor.is_none() { sure } else { 0 };
            set_fact(&transaction, "repeated_after", after)?;
            set_fact(&transaction, "repeated_up_to", number(last))?;
            let waiting: Vec<i64> = transaction
                .prepare("SELECT id FROM messages WHERE delivery IN (1, 2) AND place < ?1")?
                .query_map([LAST_SORT_KEYS], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            for id in waiting.into_iter().map(MessageId) {
                sort_last(&transaction, id)?;
                moved.extend(message(&transaction, id)?.map(Event::Message));
            }
        }
        transaction.commit()?;
        Ok(moved)
    }

    /// Stores updates and the cursor after them in one transaction. Returns what is new for the
    /// window.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`], [`super::HistoryError::Contradicted`]; nothing of it is stored then.
    pub fn receive_live(&self, updates: &[LiveUpdate], cursor: Option<u64>) -> Result<Vec<Event>> {
        let transaction = self.connection.unchecked_transaction()?;
        let mut news = Vec::new();
        for update in updates {
            match update {
                LiveUpdate::Message(message) => news.extend(self.store(&transaction, message)?),
                LiveUpdate::Accepted { id, server_id, at } => {
                    let server_id = number(*server_id);
                    if let Some(changed) = self.accept_change(&transaction, *id, server_id, *at)? {
                        news.extend(changed);
                        continue;
                    }
                    news.extend(self.accept(&transaction, *id, server_id, *at)?);
                    self.read_own(&transaction, *id, server_id)?;
                }
                LiveUpdate::Refused { id, why } => {
                    news.extend(refuse_change(&transaction, *id, *why)?);
                    news.extend(refuse(&transaction, *id, *why)?);
                }
                LiveUpdate::Receipt(receipt) => news.extend(keep_receipt(&transaction, receipt)?),
                LiveUpdate::Read(read) => news.extend(read_elsewhere(&transaction, read)?),
            }
        }
        if let Some(cursor) = cursor {
            set_fact(&transaction, "position", number(cursor))?;
        }
        transaction.commit()?;
        Ok(news)
    }
}

/// No message has an id above the server's newest one. Whoever said so was wrong: receipts and reads up to there
/// would hold for messages that are written later.
fn forget_beyond(connection: &Connection, last: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM receipts WHERE up_to > ?1", [last])?;
    connection.execute(
        "UPDATE conversations SET seen_id = min(seen_id, ?1), told_id = min(told_id, ?1)
         WHERE seen_id > ?1 OR told_id > ?1",
        [last],
    )?;
    Ok(())
}

fn keep_receipt(connection: &Connection, receipt: &Receipt) -> rusqlite::Result<Option<Event>> {
    let with = Peer::Person(receipt.with.clone());
    // Its messages may come later, when the person scrolls to them.
    let conversation = conversation(connection, &with)?;
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
