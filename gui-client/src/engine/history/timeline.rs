//! What the window reads: conversations and pages of them; and what it keeps with them.

use super::{History, Result, conversation, peer_name, read_message, read_peer};
use crate::engine::{Conversation, Message, MessageId, Peer};

/// No page is longer, whatever is asked for.
const LONGEST_PAGE: usize = 1000;

impl History {
    /// All conversations, the one with the newest message first, those with a draft only last.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn conversations(&self) -> Result<Vec<Conversation>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT c.peer, c.draft,
                 (SELECT max(id) FROM messages WHERE conversation = c.id),
                 (SELECT count(*) FROM messages
                  WHERE conversation = c.id AND delivery = 0 AND id > c.seen_up_to)
             FROM conversations c",
        )?;
        let rows = statement.query_map([], |row| {
            let last: Option<i64> = row.get(2)?;
            let unread: i64 = row.get(3)?;
            Ok(Conversation {
                with: read_peer(row, 0)?,
                last: last
                    .map(|id| self.message(MessageId(id)))
                    .transpose()?
                    .flatten(),
                unread: usize::try_from(unread).unwrap_or(0),
                draft: row.get(1)?,
            })
        })?;
        let mut all = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        all.retain(|one| one.last.is_some() || !one.draft.is_empty());
        all.sort_by_key(|one| std::cmp::Reverse(one.last.as_ref().map(|last| last.id)));
        Ok(all)
    }

    /// Up to `limit` (and never more than 1,000) messages older than `before`, or the newest;
    /// oldest first. The second value tells that there is nothing older.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn page(
        &self,
        with: &Peer,
        before: Option<MessageId>,
        limit: usize,
    ) -> Result<(Vec<Message>, bool)> {
        let limit = limit.min(LONGEST_PAGE);
        let mut statement = self.connection.prepare_cached(
            "SELECT m.id, c.peer, m.text, m.at, m.delivery
             FROM conversations c JOIN messages m ON m.conversation = c.id
             WHERE c.peer = ?1 AND m.id < ?2 ORDER BY m.id DESC LIMIT ?3",
        )?;
        let before = before.map_or(i64::MAX, |id| id.0);
        // One more than asked for tells whether there is more.
        let one_more = limit as i64 + 1;
        let rows = statement.query_map((peer_name(with), before, one_more), read_message)?;
        let mut messages = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        let complete = messages.len() <= limit;
        messages.truncate(limit);
        messages.reverse();
        Ok((messages, complete))
    }

    /// Everything in a conversation up to this message has been on the screen.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn mark_seen(&self, with: &Peer, up_to: MessageId) -> Result<()> {
        self.connection
            .prepare_cached(
                "UPDATE conversations SET seen_up_to = ?2 WHERE peer = ?1 AND seen_up_to < ?2",
            )?
            .execute((peer_name(with), up_to.0))?;
        Ok(())
    }

    /// Keeps what is typed for a conversation; empty: nothing.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn save_draft(&self, with: &Peer, text: &str) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        let conversation = conversation(&transaction, with)?;
        transaction
            .prepare_cached("UPDATE conversations SET draft = ?2 WHERE id = ?1")?
            .execute((conversation, text))?;
        transaction.commit()?;
        Ok(())
    }
}
