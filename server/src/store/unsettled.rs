//! What is in the log and not in the database yet: in memory, as the database will have it.

use std::{collections::HashMap, ops::RangeInclusive};

use mensageiro_protocol::Login;

use super::{
    Commit, LastNumbers, TagHash, TagRecord,
    block::{self, Author, Records},
    growing::{End, GrowingBlock, Roster},
    log::{self, Kind},
    records::{self, TagsWriter},
};
use crate::{
    conversation::Conversation,
    message::{Message, MessageId},
};

/// Bytes of read marks in one record, at most: the archive takes some of them and writes the rest
/// again.
const READS_BYTES: usize = 16 * 1024;

/// Commits that follow one another, taken together.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    /// By conversation: blocks, by rising numbers.
    blocks: HashMap<Key, Vec<GrowingBlock>>,
    cursors: HashMap<Key, Vec<u8>>,
    /// By rising numbers: that of the first mark, and the record.
    reads: Vec<(u64, Vec<u8>)>,
    /// By login.
    tags: HashMap<Key, Vec<TagsWriter>>,
    seen: HashMap<Key, Vec<u8>>,
    last: LastNumbers,
    /// The rosters of the log's records, by their numbers there.
    rosters: HashMap<u32, Roster>,
    /// The first message of all.
    first: Option<MessageId>,
    /// Of the last commit; 0 if there is none.
    number: u64,
}

/// A tag of the commit that is being added.
struct NewTag<'a> {
    author: &'a [u8],
    hash: TagHash,
    id: MessageId,
    at_ms: i64,
}

/// A key of the database, or its beginning.
type Key = Box<[u8]>;

impl Unsettled {
    /// Adds a record of the log. `None` if it cannot be read.
    pub(super) fn read(&mut self, record: &[u8], number: u64) -> Option<()> {
        let mut tags = Vec::new();
        let read = self.add_items(record, |key, records| {
            let [lesser, greater] = records::names(key)?;
            End::read(records, |id, at_ms, message| {
                tags.extend(message.tag.map(|tag| NewTag {
                    author: match message.from {
                        Author::Lesser => lesser,
                        Author::Greater => greater,
                        Author::Member(name) | Author::MemberMissed(name, _) => name.as_bytes(),
                    },
                    hash: TagHash::of_text(tag),
                    id,
                    at_ms,
                }));
            })
        });
        self.add_tags(tags);
        read?;
        self.number = number;
        Some(())
    }

    /// Adds a record of the log that was made of this commit a moment ago, so that its messages need not
    /// be read.
    pub(super) fn add(&mut self, record: &[u8], number: u64, commit: &Commit) -> Option<()> {
        let blocks = commit.blocks.iter();
        let mut parts = blocks.flat_map(|block| block::parts(&block.messages));
        self.add_items(record, |_, _| End::of(parts.next()?))?;
        let messages = commit.blocks.iter().flat_map(|block| &block.messages);
        let tags = messages.filter_map(|message| {
            Some(NewTag {
                author: message.from.as_str().as_bytes(),
                hash: TagHash::of(message.tag.as_ref()?),
                id: message.id,
                at_ms: message.sent_at.as_millisecond(),
            })
        });
        self.add_tags(tags.collect());
        self.number = number;
        Some(())
    }

    /// `end`: what the messages of a block, with this key, end with.
    fn add_items<'a>(
        &mut self,
        record: &'a [u8],
        mut end: impl FnMut(&'a [u8], Records<'a>) -> Option<End>,
    ) -> Option<()> {
        for item in log::items(record) {
            let log::Item { kind, key, value } = item?;
            match kind {
                Kind::Roster => {
                    let roster = records::roster(value)?;
                    let number = u32::from_be_bytes(key.try_into().ok()?);
                    self.rosters.insert(number, roster);
                }
                Kind::Block => self.add_block(key, value, &mut end)?,
                Kind::Cursor => put(&mut self.cursors, key, value),
                Kind::Reads => self.add_reads(key, value)?,
                Kind::Seen => put(&mut self.seen, key, value),
                Kind::Last => {
                    self.last = LastNumbers {
                        message: MessageId(records::number(key)?),
                        read_mark: records::number(value)?,
                    };
                }
            }
        }
        Some(())
    }

    fn add_block<'a>(
        &mut self,
        key: &'a [u8],
        value: &'a [u8],
        end: impl FnOnce(&'a [u8], Records<'a>) -> Option<End>,
    ) -> Option<()> {
        let (conversation, first) = key.split_last_chunk()?;
        let first = MessageId(u64::from_be_bytes(*first));
        let (header, records) = block::split(first, value)?;
        let roster = match header.roster {
            0 => None,
            number => Some(self.rosters.get(&number)?),
        };
        let end = end(conversation, records)?;
        let blocks = match self.blocks.get_mut(conversation) {
            Some(blocks) => blocks,
            None => self.blocks.entry(conversation.into()).or_default(),
        };
        match blocks.last_mut().filter(|last| last.takes(roster)) {
            Some(last) => last.append(&header, &records, first, end)?,
            None => {
                let roster = roster.cloned();
                blocks.push(GrowingBlock::begin(&header, &records, first, roster, end));
            }
        }
        self.first = Some(self.first.map_or(first, |before| before.min(first)));
        Some(())
    }

    fn add_tags(&mut self, mut tags: Vec<NewTag<'_>>) {
        // Blocks come by conversation. Records of tags follow one another by number.
        tags.sort_by_key(|tag| tag.id);
        for tags in tags.chunk_by(|one, next| one.author == next.author) {
            let author = tags[0].author;
            let writers = match self.tags.get_mut(author) {
                Some(writers) => writers,
                None => self.tags.entry(author.into()).or_default(),
            };
            for tag in tags {
                match writers.last_mut().filter(|last| !last.is_full()) {
                    Some(last) => last.add(tag.hash, tag.id, tag.at_ms),
                    None => {
                        let mut writer = TagsWriter::new(tag.id, tag.at_ms);
                        writer.add(tag.hash, tag.id, tag.at_ms);
                        writers.push(writer);
                    }
                }
            }
        }
    }

    fn add_reads(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let marks = records::versioned(value)?;
        match self.reads.last_mut() {
            Some((_, last)) if last.len() + marks.len() <= READS_BYTES => {
                last.extend_from_slice(marks);
            }
            _ => self.reads.push((records::number(key)?, value.to_vec())),
        }
        Some(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.number == 0
    }

    /// The number of the last commit.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The last numbers used; 0 if there is no commit.
    pub(super) fn last(&self) -> LastNumbers {
        self.last
    }

    /// The first message. All that are in the database have lower numbers.
    pub(super) fn first(&self) -> Option<MessageId> {
        self.first
    }

    /// All blocks with their conversations' keys.
    pub(super) fn blocks(&self) -> impl Iterator<Item = (&[u8], &GrowingBlock)> {
        let blocks = self.blocks.iter();
        blocks.flat_map(|(key, blocks)| blocks.iter().map(|block| (&**key, block)))
    }

    /// The keys of all conversations, each with its first message here.
    pub(super) fn conversations(&self) -> impl Iterator<Item = (&[u8], MessageId)> {
        let first = |blocks: &Vec<GrowingBlock>| blocks.first().map(GrowingBlock::first);
        let conversations = self.blocks.iter();
        conversations.filter_map(move |(key, blocks)| Some((&**key, first(blocks)?)))
    }

    /// The blocks of a conversation, by rising numbers.
    pub(super) fn blocks_of(&self, conversation: &Conversation) -> &[GrowingBlock] {
        let key = records::conversation_key(conversation);
        self.blocks.get(&key[..]).map_or(&[], Vec::as_slice)
    }

    /// Those of them that have the newest messages up to `last`, at least `limit` if there are so
    /// many.
    pub(super) fn newest_blocks(
        &self,
        of: &Conversation,
        last: MessageId,
        limit: usize,
    ) -> Vec<GrowingBlock> {
        let mut blocks = self.blocks_of(of);
        let end = blocks.partition_point(|block| block.first() <= last);
        blocks = &blocks[..end];
        let mut start = end;
        let mut messages = 0;
        while start > 0 && messages < limit {
            start -= 1;
            if blocks[start].last() <= last {
                messages += blocks[start].messages();
            }
        }
        blocks[start..].to_vec()
    }

    /// Those of them that have messages above one and up to another.
    pub(super) fn blocks_between(
        &self,
        of: &Conversation,
        after: MessageId,
        up_to: MessageId,
    ) -> Vec<GrowingBlock> {
        let blocks = self.blocks_of(of).iter();
        let between = blocks.filter(|block| block.last() > after && block.first() <= up_to);
        between.cloned().collect()
    }

    /// The keys and the values of cursors.
    pub(super) fn cursors(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        pairs(&self.cursors)
    }

    /// The numbers and the values of records of read marks.
    pub(super) fn reads(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.reads
            .iter()
            .map(|(number, value)| (*number, &value[..]))
    }

    /// The keys and the values of when users were last there.
    pub(super) fn seen(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        pairs(&self.seen)
    }

    /// The records of tags of each login, this as bytes, by rising numbers.
    pub(super) fn tags(&self) -> impl Iterator<Item = (&[u8], &[TagsWriter])> {
        self.tags.iter().map(|(login, tags)| (&**login, &tags[..]))
    }

    /// Those of a login in the records that have some near.
    pub(super) fn tags_near(
        &self,
        login: &Login,
        near: &RangeInclusive<MessageId>,
    ) -> Vec<TagRecord> {
        let tags = self.tags.get(login.as_str().as_bytes());
        let tags = tags.map_or(&[][..], Vec::as_slice);
        let end = tags.partition_point(|record| record.id() <= *near.end());
        let first = tags[..end].partition_point(|record| record.id() <= *near.start());
        let near = &tags[first.saturating_sub(1)..end];
        // What was written here can be read.
        near.iter()
            .flat_map(|record| records::tags(record.value()).unwrap_or_default())
            .collect()
    }

    /// The tags of one login.
    pub(super) fn tags_of(&self, login: &Login) -> Vec<TagRecord> {
        let tags = self.tags.get(login.as_str().as_bytes());
        let records = tags.into_iter().flatten();
        // What was written here can be read.
        records
            .flat_map(|tags| records::tags(tags.value()).unwrap_or_default())
            .collect()
    }
}

fn put(map: &mut HashMap<Key, Vec<u8>>, key: &[u8], value: &[u8]) {
    match map.get_mut(key) {
        Some(known) => {
            known.clear();
            known.extend_from_slice(value);
        }
        None => drop(map.insert(key.into(), value.into())),
    }
}

fn pairs(map: &HashMap<Key, Vec<u8>>) -> impl Iterator<Item = (&[u8], &[u8])> {
    map.iter().map(|(key, value)| (&**key, &value[..]))
}

/// The messages of some blocks with numbers from `from` to `to`.
///
/// What is in memory was written by this program or has been read once.
pub(super) fn read(
    conversation: &Conversation,
    blocks: &[GrowingBlock],
    (from, to): (MessageId, MessageId),
) -> Vec<Message> {
    let mut found = Vec::new();
    for block in blocks {
        let _ = block.reader(conversation).read(from, to, &mut found);
    }
    found
}
