//! Finding a day in a conversation.

use jiff::Timestamp;
use rusqlite::OptionalExtension;

use super::{
    History, Result,
    row::{COLUMNS, peer_name, read_message},
};
use crate::engine::{Message, Peer};

impl History {
    /// The first message of a conversation since a moment, or else its newest one. The second value: it is the first one
    /// here, and older ones may be elsewhere.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn first_since(&self, with: &Peer, since: Timestamp) -> Result<(Option<Message>, bool)> {
        let find = |condition: &str, at: i64| {
            let sql = format!(
                "SELECT {COLUMNS}
                 FROM conversations c JOIN messages m ON m.conversation = c.id
                 WHERE c.peer = ?1 AND {condition} LIMIT 1"
            );
            let mut statement = self.connection.prepare_cached(&sql)?;
            statement
                .query_row((peer_name(with), at), read_message)
                .optional()
        };
        let at = since.as_millisecond();
        let found = match find("m.at >= ?2 ORDER BY m.place", at)? {
            Some(found) => Some(found),
            None => find("m.at < ?2 ORDER BY m.place DESC", at)?,
        };
        let Some(mut found) = found else {
            return Ok((None, !self.has_all_of(with)?));
        };
        self.add_receipts(std::slice::from_mut(&mut found))?;
        let first = find("?2 = ?2 ORDER BY m.place", 0)?;
        let is_first = first.is_some_and(|first| first.id == found.id);
        let is_cut_off = is_first && found.at > since && !self.has_all_of(with)?;
        Ok((Some(found), is_cut_off))
    }
}
