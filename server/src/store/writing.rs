//! From what was gathered to the records of the database.

use ::fjall::{OwnedWriteBatch, Slice};

use super::{
    archiving::Blocks,
    fjall::{FjallStore, LAST_MESSAGE, LAST_READ_MARK, SETTLED, lock},
    growing::GrowingBlock,
    records,
    unsettled::Unsettled,
};
use crate::message::MessageId;

impl FjallStore {
    /// Adds all that is to be stored to a batch. Returns the blocks.
    pub(super) fn write(&self, unsettled: &Unsettled, batch: &mut OwnedWriteBatch) -> Blocks {
        let mut blocks = Blocks::new();
        for (conversation, block) in unsettled.blocks() {
            let key = records::numbered(conversation.to_vec(), block.first());
            let value = Slice::from(block.value(self.roster_of(block, batch)));
            batch.insert(&self.messages, key.clone(), value.clone());
            blocks.insert(key, value);
        }
        for (login, tags) in unsettled.tags() {
            for record in tags {
                let key = records::tags_key(login, record.id());
                batch.insert(&self.tags, key, record.value());
            }
        }
        for (key, cursor) in unsettled.cursors() {
            batch.insert(&self.cursors, key, cursor);
        }
        for (first, reads) in unsettled.reads() {
            batch.insert(&self.reads, first.to_be_bytes(), reads);
        }
        for (login, at) in unsettled.seen() {
            batch.insert(&self.seen, login, at);
        }
        let last = unsettled.last();
        if last.message > MessageId(0) {
            batch.insert(&self.numbers, LAST_MESSAGE, last.message.0.to_be_bytes());
        }
        if last.read_mark > 0 {
            batch.insert(&self.numbers, LAST_READ_MARK, last.read_mark.to_be_bytes());
        }
        batch.insert(&self.numbers, SETTLED, unsettled.number().to_be_bytes());
        blocks
    }

    /// What stands for the members of a block's group; they are added to the batch if they are
    /// new. 0: a pair.
    fn roster_of(&self, block: &GrowingBlock, batch: &mut OwnedWriteBatch) -> u32 {
        let Some((group, members)) = block.roster() else {
            return 0;
        };
        let (version, is_new) = lock(&self.known_rosters).version(group, members);
        if is_new {
            let value = records::roster_value(group, members);
            batch.insert(&self.rosters, version.to_be_bytes(), value);
        }
        version
    }
}
