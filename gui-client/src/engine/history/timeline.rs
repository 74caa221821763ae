//! Reading conversations and pages of messages, and storing what the window keeps with them.

use rusqlite::{OptionalExtension, Row, Statement};

use super::{
    History, Result,
    row::{COLUMNS, conversation, known_conversation, peer_name, read_message, read_peer},
};
use crate::engine::{Conversation, Message, MessageId, Peer, SortKey};

/// The longest page.
pub(super) const LONGEST_PAGE: usize = 1000;

/// The columns of a row of the conversation list.
const ROWS: &str = "SELECT c.peer, c.draft,
         (SELECT id FROM messages WHERE conversation = c.id ORDER BY place DESC LIMIT 1),
         (SELECT count(*) FROM messages WHERE conversation = c.id AND unread = 1),
         c.is_group, c.is_pinned, c.muted_until, c.archived, c.marked_unread
     FROM conversations c";

impl History {
    /// All conversations, ordered by their newest message; those with only a draft last.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn conversations(&self) -> Result<Vec<Conversation>> {
        let mut statement = self.connection.prepare_cached(ROWS)?;
        let rows = statement.query_map([], |row| self.read_conversation(row))?;
        let mut all = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        all.retain(|one| one.last.is_some() || !one.draft.is_empty() || one.is_arranged());
        for last in all.iter_mut().filter_map(|one| one.last.as_mut()) {
            self.add_receipts(std::slice::from_mut(last))?;
        }
        all.sort_by_key(|one| std::cmp::Reverse(one.last.as_ref().map(|last| last.sort_key)));
        Ok(all)
    }

    /// One conversation, if it exists.
    pub(super) fn conversation(&self, with: &Peer) -> Result<Option<Conversation>> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{ROWS} WHERE c.peer = ?1"))?;
        let found = statement.query_row([peer_name(with)], |row| self.read_conversation(row));
        let mut found = found.optional()?;
        if let Some(last) = found.as_mut().and_then(|one| one.last.as_mut()) {
            self.add_receipts(std::slice::from_mut(last))?;
        }
        Ok(found)
    }

    /// Reads [`ROWS`].
    fn read_conversation(&self, row: &Row<'_>) -> rusqlite::Result<Conversation> {
        let last: Option<i64> = row.get(2)?;
        let unread: i64 = row.get(3)?;
        Ok(Conversation {
            with: read_peer(row, 0)?,
            is_group: row.get(4)?,
            last: last
                .map(|id| self.message(MessageId(id)))
                .transpose()?
                .flatten(),
            unread: usize::try_from(unread).unwrap_or(0),
            draft: row.get(1)?,
            is_pinned: row.get(5)?,
            muted_until: row.get(6)?,
            archived: row.get::<_, Option<i64>>(7)?.map(SortKey),
            is_marked_unread: row.get(8)?,
        })
    }

    /// Up to `limit` (and never more than 1,000) messages older than `before`, or the newest;
    /// oldest first. The second value tells that there is nothing older.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn page(
        &self,
        with: &Peer,
        before: Option<SortKey>,
        limit: usize,
    ) -> Result<(Vec<Message>, bool)> {
        let limit = limit.min(LONGEST_PAGE);
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS}
             FROM conversations c JOIN messages m ON m.conversation = c.id
             WHERE c.peer = ?1 AND m.place < ?2 ORDER BY m.place DESC LIMIT ?3"
        ))?;
        let (mut messages, is_more) = self.read_rows(&mut statement, with, end(before), limit)?;
        messages.reverse();
        self.add_receipts(&mut messages)?;
        Ok((messages, !is_more))
    }

    /// Up to `limit` (and never more than 1,000) messages newer than `after`, oldest first. The
    /// second value tells that there are still newer ones.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn page_after(
        &self,
        with: &Peer,
        after: SortKey,
        limit: usize,
    ) -> Result<(Vec<Message>, bool)> {
        let limit = limit.min(LONGEST_PAGE);
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {COLUMNS}
             FROM conversations c JOIN messages m ON m.conversation = c.id
             WHERE c.peer = ?1 AND m.place > ?2 ORDER BY m.place LIMIT ?3"
        ))?;
        let (mut messages, newer) = self.read_rows(&mut statement, with, after.0, limit)?;
        self.add_receipts(&mut messages)?;
        Ok((messages, newer))
    }

    /// Up to `limit` messages, and whether there are more.
    fn read_rows(
        &self,
        statement: &mut Statement<'_>,
        with: &Peer,
        sort_key: i64,
        limit: usize,
    ) -> Result<(Vec<Message>, bool)> {
        // Asks for one more to know whether there are more.
        let one_more = limit as i64 + 1;
        let rows = statement.query_map((peer_name(with), sort_key, one_more), read_message)?;
        let mut messages = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        let is_more = messages.len() > limit;
        messages.truncate(limit);
        Ok((messages, is_more))
    }

    /// Notes that everything in a conversation up to this sort key was on the screen. Returns the id
    /// of the newest received message among it, if a live server is to be told.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn mark_seen(&self, with: &Peer, up_to: SortKey) -> Result<Option<u64>> {
        let transaction = self.connection.unchecked_transaction()?;
        let Some(conversation) = known_conversation(&transaction, with)? else {
            return Ok(None);
        };
        let newest: Option<i64> = transaction
            .prepare_cached(
                "SELECT max(server_id) FROM messages
                 WHERE conversation = ?1 AND unread = 1 AND place <= ?2",
            )?
            .query_row((conversation, up_to.0), |row| row.get(0))?;
        transaction
            .prepare_cached(
                "UPDATE messages SET unread = 0
                 WHERE conversation = ?1 AND unread = 1 AND place <= ?2",
            )?
            .execute((conversation, up_to.0))?;
        let news = transaction
            .prepare_cached("UPDATE conversations SET seen_id = ?2 WHERE id = ?1 AND seen_id < ?2")?
            .execute((conversation, newest))?;
        transaction.commit()?;
        Ok(newest
            .filter(|_| news > 0)
            .and_then(|id| u64::try_from(id).ok()))
    }

    /// Saves the draft of a conversation; empty: none.
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

fn end(before: Option<SortKey>) -> i64 {
    before.map_or(i64::MAX, |sort_key| sort_key.0)
}
