//! All messages of a store of format 3 by rising ids.
//!
//! The database has them by conversation, in blocks of what came to one within some seconds. So a block is read when
//! its first message is the next one, and forgotten after its last one: in memory are 16 bytes for each block, and those
//! blocks that overlap.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    vec,
};

use super::{
    database::Database,
    records::{self, Members, Stored},
    tail::Tail,
};
use crate::{
    migration::MigrationError,
    model::{conversation::Conversation, message::MessageId},
};

/// A block that has not been read: the id of its first message, and its conversation, a place in the list of all.
struct Entry {
    first: u64,
    conversation: u32,
    /// Its place in the tail, or [`IN_DATABASE`].
    tail: u32,
}

const IN_DATABASE: u32 = u32::MAX;

/// A block whose messages are being shown.
struct Open {
    conversation: u32,
    members: Option<Members>,
    messages: vec::IntoIter<Stored>,
}

/// See the module.
pub(super) struct Timeline<'a> {
    database: &'a Database,
    tail: &'a Tail,
    conversations: Vec<Conversation>,
    /// By rising ids.
    blocks: Vec<Entry>,
}

/// The messages of one block, as they are read.
pub(super) struct BlockRead<'a> {
    pub(super) conversation: &'a Conversation,
    pub(super) members: Option<&'a Members>,
    pub(super) messages: &'a [Stored],
}

/// One message.
pub(super) struct Next<'a> {
    pub(super) conversation: &'a Conversation,
    pub(super) members: Option<&'a Members>,
    pub(super) message: Stored,
}

impl<'a> Timeline<'a> {
    /// Finds the blocks there are.
    ///
    /// # Errors
    /// [`MigrationError`]: a record cannot be read, or the disk refuses.
    pub(super) fn new(database: &'a Database, tail: &'a Tail) -> Result<Self, MigrationError> {
        let mut conversations = Vec::new();
        let mut places = HashMap::new();
        let mut place_of = |conversation: Conversation| {
            *places
                .entry(conversation)
                .or_insert_with_key(|conversation| {
                    conversations.push(conversation.clone());
                    conversations.len() as u32 - 1
                })
        };
        let mut blocks = Vec::new();
        // Those of one conversation mostly follow one another.
        let mut before: Option<(Conversation, u32)> = None;
        database.each(&database.messages, "a message", &mut |key, _| {
            let (conversation, first) = records::split_block_key(key)?;
            // The database may have lost the end of what it had, so that some of it comes again with the tail.
            let tail = tail.first_of.get(&conversation);
            if tail.is_some_and(|tail| first >= *tail) {
                return Some(());
            }
            let place = match &before {
                Some((known, place)) if *known == conversation => *place,
                _ => place_of(conversation.clone()),
            };
            before = Some((conversation, place));
            blocks.push(Entry {
                first: first.0,
                conversation: place,
                tail: IN_DATABASE,
            });
            Some(())
        })?;
        for (at, block) in tail.blocks.iter().enumerate() {
            blocks.push(Entry {
                first: block.first.0,
                conversation: place_of(block.conversation.clone()),
                tail: at as u32,
            });
        }
        blocks.sort_unstable_by_key(|block| block.first);
        Ok(Self {
            database,
            tail,
            conversations,
            blocks,
        })
    }

    /// Shows every block when it is read, and every message in its turn.
    ///
    /// # Errors
    /// [`MigrationError`]: something cannot be read, or `visit` refuses.
    pub(super) fn show(
        &self,
        read: &mut dyn FnMut(BlockRead<'_>),
        visit: &mut dyn FnMut(Next<'_>) -> Result<(), MigrationError>,
    ) -> Result<(), MigrationError> {
        let mut entries = self.blocks.iter().peekable();
        // Of each open block the id of its next message, and which one it is.
        let mut heads: BinaryHeap<Reverse<(MessageId, usize)>> = BinaryHeap::new();
        let mut open: Vec<Option<Open>> = Vec::new();
        let mut free = Vec::new();
        let mut last = MessageId(0);
        loop {
            let next = heads.peek().map(|Reverse((id, _))| id.0);
            if let Some(entry) = entries.next_if(|entry| next.is_none_or(|id| entry.first < id)) {
                if let Some(block) = self.open(entry)? {
                    read(BlockRead {
                        conversation: self.conversation(block.conversation),
                        members: block.members.as_ref(),
                        messages: block.messages.as_slice(),
                    });
                    let slot = free.pop().unwrap_or_else(|| {
                        open.push(None);
                        open.len() - 1
                    });
                    push(&mut heads, &block, slot);
                    open[slot] = Some(block);
                }
                continue;
            }
            let Some(Reverse((id, slot))) = heads.pop() else {
                return Ok(());
            };
            let Some(block) = &mut open[slot] else {
                continue;
            };
            if let Some(message) = block.messages.next() {
                if id <= last {
                    // Two records have it.
                    self.database.leave_out("a message")?;
                } else {
                    last = id;
                    visit(Next {
                        conversation: self.conversation(block.conversation),
                        members: block.members.as_ref(),
                        message,
                    })?;
                }
            }
            if block.messages.as_slice().is_empty() {
                open[slot] = None;
                free.push(slot);
            } else {
                push(&mut heads, block, slot);
            }
        }
    }

    fn conversation(&self, place: u32) -> &Conversation {
        &self.conversations[place as usize]
    }

    /// Reads a block. `None`: it cannot be read, and loss is accepted.
    fn open(&self, entry: &Entry) -> Result<Option<Open>, MigrationError> {
        let conversation = self.conversation(entry.conversation);
        let first = MessageId(entry.first);
        let mut found = Vec::new();
        let (members, is_whole) = match entry.tail {
            at if at != IN_DATABASE => {
                let block = &self.tail.blocks[at as usize];
                let members = block.members.clone();
                let read = records::messages(
                    conversation,
                    first,
                    &block.value,
                    members.as_ref(),
                    &mut found,
                );
                (members, read.is_some())
            }
            _ => {
                let key = records::block_key(conversation, first);
                let Some(value) = self.database.block(&key)? else {
                    return Ok(None);
                };
                let header = records::split_block(&value).map(|(header, _)| header.roster);
                let members = header
                    .and_then(|number| self.database.roster(number))
                    .cloned();
                let read =
                    records::messages(conversation, first, &value, members.as_ref(), &mut found);
                (members, read.is_some())
            }
        };
        if !is_whole {
            self.database.leave_out("a message")?;
        }
        let is_any = !found.is_empty();
        Ok(is_any.then(|| Open {
            conversation: entry.conversation,
            members,
            messages: found.into_iter(),
        }))
    }
}

fn push(heads: &mut BinaryHeap<Reverse<(MessageId, usize)>>, block: &Open, slot: usize) {
    if let Some(next) = block.messages.as_slice().first() {
        heads.push(Reverse((next.id, slot)));
    }
}
