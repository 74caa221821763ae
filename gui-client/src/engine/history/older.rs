//! Older messages: those that a live server has and this device may not have yet.

use mensageiro_protocol::live::{Delivered, HistoryEnd};
use rusqlite::OptionalExtension;

use super::{
    History, Result, fact,
    generations::is_live,
    row::{conversation, number, peer_name},
};
use crate::engine::Peer;

impl History {
    /// From this id on, all messages of a conversation are here, if there may be older ones.
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
            .query_row([peer_name(with)], |row| row.get(0))
            .optional()?;
        let known_from = match known.flatten() {
            Some(known_from) => Some(known_from),
            None => fact(&self.connection, "known_from")?,
        };
        Ok(known_from
            .and_then(|id| u64::try_from(id).ok())
            .filter(|&id| id > 1))
    }

    /// Whether all messages of a conversation are known to be here. That is never known with a classic
    /// server, which has given some to other devices.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn has_all_of(&self, with: &Peer) -> Result<bool> {
        Ok(is_live(&self.connection)? && self.gap_below(with)?.is_none())
    }

    /// Stores an answer to `history`: from its oldest message on, everything is here now.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`], [`super::HistoryError::Contradicted`]; nothing of it is stored then.
    pub fn receive_older(&self, messages: &[Delivered], end: &HistoryEnd) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        // The newest first, so that equal texts without a number are taken up in order.
        for one in messages.iter().rev() {
            self.store(&transaction, one)?;
        }
        let known_from = match messages.iter().map(|one| one.id).min() {
            // If a server sends nothing older, there is nothing older, whatever it says.
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
}
