//! What became of messages: edits and deletions.

use rusqlite::OptionalExtension;

use super::{
    ChangeEntry, IndexError, Messages, Revision, Series,
    entries::Entry,
    schema::{Table, checksum},
    state_rows as rows,
};
use crate::model::{
    conversation::Conversation,
    message::{Message, MessageId},
};

impl Messages {
    /// What became of messages of a conversation, in their order, by the edits up to `edits` and the deletions up to
    /// `deletions`. Nothing is read where nothing was changed since the oldest of them.
    ///
    /// # Errors
    /// [`IndexError`] when the disk fails or something is damaged.
    pub fn revisions(
        &self,
        conversation: &Conversation,
        of: &[MessageId],
        (edits, deletions): (MessageId, MessageId),
    ) -> Result<Vec<Revision>, IndexError> {
        let shared = &self.shared();
        let memory = shared.memory.read();
        let last = memory.last_of(conversation, Series::Changes);
        if of.iter().all(|of| *of >= last) {
            return Ok(vec![Revision::default(); of.len()]);
        }
        let in_memory = of.iter().map(|of| Revision {
            is_deleted: memory.revision(*of, deletions).is_deleted,
            edit: memory.revision(*of, edits).edit,
        });
        let mut revisions: Vec<_> = in_memory.collect();
        drop(memory);
        shared.read(|file, connection| {
            let failed = |source| IndexError::sqlite(file, source);
            let sql = "SELECT key, checksum FROM state WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC LIMIT 1";
            let mut statement = connection.prepare_cached(sql).map_err(failed)?;
            let mut scratch = Vec::new();
            let mut last = |of, is_deletion, up_to| {
                let key = |by| {
                    rows::change_key(&ChangeEntry {
                        of,
                        is_deletion,
                        by,
                    })
                };
                let found = statement.query_row((&key(MessageId(0))[..], &key(up_to)[..]), |row| {
                    Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?))
                });
                let Some((key, sum)) = found.optional().map_err(failed)? else {
                    return Ok(None);
                };
                let is_right = checksum(Table::State, &key, &[], &mut scratch) == sum.cast_unsigned();
                let by = key.last_chunk().map(|by| MessageId(u64::from_be_bytes(*by)));
                by.filter(|_| is_right)
                    .map(Some)
                    .ok_or_else(|| IndexError::damaged(file, "a change of a message cannot be read"))
            };
            for (revision, of) in revisions.iter_mut().zip(of) {
                revision.is_deleted |= last(*of, true, deletions)?.is_some();
                revision.edit = revision.edit.max(last(*of, false, edits)?);
            }
            Ok(())
        })?;
        Ok(revisions)
    }

    /// Whether a message, that is none that changes others, was deleted.
    ///
    /// # Errors
    /// [`IndexError`] when the disk fails or something is damaged.
    pub fn is_deleted(&self, message: &Message) -> Result<bool, IndexError> {
        if message.changes().is_some() {
            return Ok(false);
        }
        let ever = (MessageId::MAX, MessageId::MAX);
        let revisions = self.revisions(&message.conversation(), &[message.id], ever)?;
        Ok(revisions.iter().any(|one| one.is_deleted))
    }

    /// One message of a conversation, if it is there.
    ///
    /// # Errors
    /// [`IndexError`] when the disk fails or something is damaged.
    pub fn one(
        &self,
        conversation: &Conversation,
        series: Series,
        id: MessageId,
    ) -> Result<Option<Message>, IndexError> {
        let (found, _) = self.some_between((conversation, series), id..=id)?;
        let entries: Vec<_> = found
            .into_iter()
            .filter(|entry| (entry.first()..=entry.last()).contains(&id))
            .map(|entry| (conversation, entry))
            .collect();
        let mut one = None;
        self.texts().read(&entries, &mut |message| {
            one = Some(message);
            false
        })?;
        Ok(one)
    }
}
