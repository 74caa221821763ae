//! From a commit to the records of a [`FjallStore`].

use std::collections::HashMap;

use ::fjall::OwnedWriteBatch;
use mensageiro_protocol::Login;

use super::{
    Block, Commit, FjallStore, TagHash, block,
    fjall::{LAST_MESSAGE, LAST_READ_MARK, lock},
    records,
};
use crate::{
    conversation::Conversation,
    message::{Message, MessageId},
};

/// A block with more bytes than this is ended, so that nobody reads much to get little.
const BLOCK_BYTES: usize = 64 * 1024;

impl FjallStore {
    /// Adds all that is to be stored to a batch.
    pub(super) fn write(&self, commit: &Commit, batch: &mut OwnedWriteBatch) {
        let mut buffer = Vec::new();
        for block in &commit.blocks {
            self.write_block(block, batch, &mut buffer);
        }
        self.write_tags(&commit.blocks, batch);
        for record in &commit.cursors {
            let mut key = records::conversation_key(&record.conversation);
            key.extend_from_slice(record.user.as_str().as_bytes());
            batch.insert(&self.cursors, key, records::cursor_value(&record.cursor));
        }
        if let Some(first) = commit.reads.first() {
            let value = records::reads_value(&commit.reads);
            batch.insert(&self.reads, first.number.to_be_bytes(), value);
            let last = commit.last.read_mark.to_be_bytes();
            batch.insert(&self.numbers, LAST_READ_MARK, last);
        }
        for (login, at) in &commit.seen {
            let at = at.as_millisecond().to_be_bytes();
            batch.insert(&self.seen, login.as_str(), at);
        }
        if !commit.blocks.is_empty() {
            let last = commit.last.message.0.to_be_bytes();
            batch.insert(&self.numbers, LAST_MESSAGE, last);
        }
    }

    /// Adds the messages of one conversation to a batch, as one record if they are of one roster
    /// and not too large.
    fn write_block(&self, block: &Block, batch: &mut OwnedWriteBatch, buffer: &mut Vec<u8>) {
        let Block {
            conversation,
            messages,
        } = block;
        let key = records::conversation_key(conversation);
        let mut rest = &messages[..];
        while let Some(first) = rest.first() {
            let roster = match (&first.members, conversation) {
                (Some(members), Conversation::Group(group)) => {
                    let mut known = lock(&self.known_rosters);
                    let (version, is_new) = known.version(group, members);
                    if is_new {
                        let value = records::roster_value(group, members);
                        batch.insert(&self.rosters, version.to_be_bytes(), value);
                    }
                    version
                }
                _ => 0,
            };
            let mut bytes = 0;
            let is_together = |message: &Message| {
                bytes += message.text.len();
                message.members == first.members && bytes <= BLOCK_BYTES
            };
            let more = rest[1..].iter().map(|message| &**message);
            let count = 1 + more.map(is_together).take_while(|&is| is).count();
            let (part, left) = rest.split_at(count);
            let last = part.last().map_or(first.id, |message| message.id);
            let header = block::BlockHeader {
                sent_at_ms: first.sent_at.as_millisecond(),
                span: last.0 - first.id.0,
                roster,
            };
            buffer.clear();
            block::write_block_header(header, buffer);
            for message in part {
                block::write_message(conversation, first.id, message, buffer);
            }
            let key = records::numbered(key.clone(), first.id);
            batch.insert(&self.messages, key, &buffer[..]);
            rest = left;
        }
    }

    /// Adds a record of tags for each login that has sent some.
    fn write_tags(&self, blocks: &[Block], batch: &mut OwnedWriteBatch) {
        let mut of = HashMap::<&Login, (MessageId, Vec<u8>)>::new();
        for message in blocks.iter().flat_map(|block| &block.messages) {
            let Some(tag) = &message.tag else {
                continue;
            };
            let (first, value) = of.entry(&message.from).or_insert_with(|| {
                let mut value = Vec::with_capacity(512);
                records::write_tags_header(message.sent_at, &mut value);
                (message.id, value)
            });
            *first = message.id.min(*first);
            records::write_tag(TagHash::of(tag), message.id, value);
        }
        for (login, (first, value)) in of {
            batch.insert(&self.tags, records::tags_key(login, first), value);
        }
    }
}
