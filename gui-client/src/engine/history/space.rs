//! How much of the disk the messages of a server take.

use rusqlite::Connection;

use super::{History, Result};

/// The most conversations that a server may begin. A person has hundreds; the list is kept in memory.
const CONVERSATIONS_AT_MOST: i64 = 20_000;

impl History {
    /// The bytes that the database takes on the disk, without those that are free for new messages.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn bytes(&self) -> Result<u64> {
        let pragma = |name: &str| -> rusqlite::Result<i64> {
            self.connection
                .pragma_query_value(None, name, |row| row.get(0))
        };
        let pages = pragma("page_count")?.saturating_sub(pragma("freelist_count")?);
        let bytes = pages.saturating_mul(pragma("page_size")?);
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    /// Whether a server can begin another conversation.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn has_room_for_conversations(&self) -> Result<bool> {
        Ok(count(&self.connection)? < CONVERSATIONS_AT_MOST)
    }
}

/// None is ever deleted, so the highest id counts them.
fn count(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT coalesce(max(id), 0) FROM conversations")?
        .query_row([], |row| row.get(0))
}
