//! What the store on disk answers: from memory what is not settled yet, the rest from the database.

use std::{collections::HashMap, ops::RangeInclusive};

use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::{
    super::{
        Commit, CursorRecord, LastNumbers, Store, StoreError, TagRecord, Unarchived,
        fjall::lock,
        growing::GrowingBlock,
        unsettled::{self, Unsettled},
    },
    DiskStore, Parts,
};
use crate::{
    conversation::Conversation,
    message::{Message, MessageId, ReadMark},
};

impl Parts {
    /// Looks at what is in memory, the older part first. What is not there is in the database.
    fn in_memory<T>(&self, look: impl FnMut(&Unsettled) -> T) -> Vec<T> {
        let memory = lock(&self.memory);
        let settling = memory.settling.as_deref();
        let parts = settling.into_iter().chain([&memory.gathered]);
        parts.map(look).collect()
    }
}

impl Store for DiskStore {
    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        self.parts.commit(commit)
    }

    fn last_numbers(&self) -> Result<LastNumbers, StoreError> {
        let parts = &self.parts;
        let in_memory = parts.in_memory(Unsettled::last);
        let database = parts.database.last_numbers()?;
        let all = || in_memory.iter().chain([&database]);
        let message = all().map(|last| last.message).max();
        Ok(LastNumbers {
            message: message.unwrap_or_default().max(parts.floor),
            read_mark: all().map(|last| last.read_mark).max().unwrap_or_default(),
        })
    }

    fn cursors(&self, visit: &mut dyn FnMut(CursorRecord)) -> Result<(), StoreError> {
        self.parts.settle()?;
        self.parts.database.cursors(visit)
    }

    fn last_of(&self, conversation: &Conversation) -> Result<MessageId, StoreError> {
        let parts = &self.parts;
        let last = parts.in_memory(|part| {
            let blocks = part.blocks_of(conversation);
            blocks.last().map(GrowingBlock::last)
        });
        match last.into_iter().flatten().max() {
            Some(last) => Ok(last),
            None => parts.database.last_of(conversation),
        }
    }

    fn history(
        &self,
        with: &Conversation,
        before: Option<MessageId>,
        limit: usize,
        up_to: MessageId,
    ) -> Result<Vec<Message>, StoreError> {
        let last = up_to.min(before_it(before.unwrap_or(MessageId::MAX)));
        let blocks = self
            .parts
            .in_memory(|part| part.newest_blocks(with, last, limit))
            .concat();
        let settled = blocks
            .first()
            .map_or(last, |block| before_it(block.first()));
        let mut newest = unsettled::read(with, &blocks, (MessageId(0), last));
        newest.drain(..newest.len().saturating_sub(limit));
        if newest.len() == limit {
            return Ok(newest);
        }
        let rest = limit - newest.len();
        let mut found = self.parts.database.history(with, settled, rest)?;
        found.append(&mut newest);
        Ok(found)
    }

    fn timeline(
        &self,
        conversations: &[Conversation],
        after: MessageId,
        up_to: MessageId,
        visit: &mut dyn FnMut(Message) -> bool,
    ) -> Result<(), StoreError> {
        // All at one moment: what is not in memory then is in the database.
        let parts = self.parts.in_memory(|part| {
            let blocks = conversations.iter();
            let blocks = blocks.map(|one| part.blocks_between(one, after, up_to));
            (part.first(), blocks.collect::<Vec<_>>())
        });
        let mut settled = up_to;
        let mut newest = Vec::new();
        for (first, blocks) in parts {
            settled = first.map_or(settled, |first| settled.min(before_it(first)));
            for (conversation, blocks) in conversations.iter().zip(&blocks) {
                newest.extend(unsettled::read(conversation, blocks, (after.next(), up_to)));
            }
        }
        newest.sort_unstable_by_key(|message| message.id);
        let mut goes_on = true;
        self.parts
            .database
            .timeline(conversations, after, settled, &mut |message| {
                goes_on = visit(message);
                goes_on
            })?;
        let mut newest = newest.into_iter();
        while goes_on && let Some(message) = newest.next() {
            goes_on = visit(message);
        }
        Ok(())
    }

    fn tags(
        &self,
        login: &Login,
        not_before: Timestamp,
        most: usize,
    ) -> Result<Vec<TagRecord>, StoreError> {
        let in_memory = self.parts.in_memory(|part| part.tags_of(login));
        let mut tags = self.parts.database.tags(login, not_before, most)?;
        let in_memory = in_memory.into_iter().flatten();
        tags.extend(in_memory.filter(|tag| tag.sent_at >= not_before));
        Ok(tags)
    }

    fn tags_near(
        &self,
        login: &Login,
        near: &RangeInclusive<MessageId>,
    ) -> Result<Vec<TagRecord>, StoreError> {
        let in_memory = self.parts.in_memory(|part| part.tags_near(login, near));
        let mut tags = self.parts.database.tags_near(login, near)?;
        tags.extend(in_memory.into_iter().flatten());
        tags.retain(|tag| near.contains(&tag.id));
        Ok(tags)
    }

    fn seen(&self) -> Result<HashMap<Login, Timestamp>, StoreError> {
        self.parts.settle()?;
        self.parts.database.seen()
    }

    fn unarchived(
        &self,
        marks: usize,
        messages: usize,
        visit: &mut dyn FnMut(&ReadMark, Unarchived<'_>),
    ) -> Result<Option<u64>, StoreError> {
        let database = &self.parts.database;
        if let Some(last) = database.unarchived(marks, messages, visit)? {
            return Ok(Some(last));
        }
        self.parts.settle()?;
        let last = database.unarchived(marks, messages, visit)?;
        if last.is_none() {
            database.at_hand.clear();
        }
        Ok(last)
    }

    fn archived(&self, up_to: u64, archive_bytes: u64) -> Result<(), StoreError> {
        self.parts.database.archived(up_to, archive_bytes)
    }

    fn archive_bytes(&self) -> Result<u64, StoreError> {
        self.parts.database.archive_bytes()
    }
}

fn before_it(id: MessageId) -> MessageId {
    MessageId(id.0.saturating_sub(1))
}
