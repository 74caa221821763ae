//! Queries that the index answers without the log: last messages, tags, read marks.

use std::ops::RangeInclusive;

use mensageiro_protocol::Login;

use super::{Index, IndexError, Series, TagEntry, memtable::InMemory, schema, state_rows as rows};
use crate::model::{
    conversation::Conversation,
    message::{MessageId, ReadMark},
};

impl Index {
    /// The last message of a conversation; 0 if there is none.
    pub fn last_of(&self, conversation: &Conversation) -> MessageId {
        self.shared
            .memory
            .read()
            .last_of(conversation, Series::Said)
    }

    /// The newest tags of a login, at most `most`, of messages from `not_below` on, in ascending order of ids.
    ///
    /// # Errors
    /// [`IndexError`] when the disk fails or the index is damaged.
    pub fn tags(
        &self,
        login: &Login,
        not_below: MessageId,
        most: usize,
    ) -> Result<Vec<TagEntry>, IndexError> {
        let InMemory { entries, written } = self
            .shared
            .memory
            .read()
            .newest_tags(login, not_below, most);
        let Some(written) = written.filter(|_| entries.len() < most) else {
            return Ok(entries);
        };
        let rest = most - entries.len();
        let mut older = self
            .shared
            .newest(written, written.last, |found, tag: &TagEntry| {
                found < rest && tag.id >= not_below
            })?;
        older.extend(entries);
        Ok(older)
    }

    /// The tags of a login whose messages are in a range, in ascending order of ids.
    ///
    /// # Errors
    /// [`IndexError`] when the disk fails or the index is damaged.
    pub fn tags_near(
        &self,
        login: &Login,
        near: &RangeInclusive<MessageId>,
    ) -> Result<Vec<TagEntry>, IndexError> {
        let InMemory { entries, written } = self.shared.memory.read().tags_between(login, near);
        let Some(written) = written.filter(|written| written.last >= *near.start()) else {
            return Ok(entries);
        };
        let last = written.last.min(*near.end());
        let mut older = self
            .shared
            .newest(written, last, |_, tag: &TagEntry| tag.id >= *near.start())?;
        older.extend(entries);
        Ok(older)
    }

    /// The read marks in the database that are not archived, from a number on, at most `most`, in ascending order.
    ///
    /// # Errors
    /// [`IndexError`] when the disk fails or the index is damaged.
    pub fn marks(&self, from: u64, most: usize) -> Result<Vec<ReadMark>, IndexError> {
        self.shared.read(|file, connection| {
            let failed = |source| IndexError::sqlite(file, source);
            let damaged = || IndexError::damaged(file, "a read mark is changed");
            let sql = "SELECT key, value, checksum FROM state WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT ?3";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let keys = (rows::mark_key(from), rows::mark_key(u64::MAX), most);
            let mut found = statement.query(keys).map_err(failed)?;
            let (mut marks, mut scratch) = (Vec::new(), Vec::new());
            while let Some(row) = found.next().map_err(failed)? {
                let read = || {
                    let (key, value) = (row.get_ref(0)?.as_blob()?, row.get_ref(1)?.as_blob()?);
                    Ok((key, value, row.get::<_, i64>(2)?.cast_unsigned()))
                };
                let (key, value, sum) = read().map_err(failed)?;
                let is_right =
                    schema::checksum(schema::Table::State, key, value, &mut scratch) == sum;
                let mark = is_right.then(|| rows::read_mark(&key[1..], value)).flatten();
                marks.push(mark.ok_or_else(damaged)?);
            }
            Ok(marks)
        })
    }
}
