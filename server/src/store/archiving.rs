//! What the archive takes from a [`FjallStore`]: the messages of read marks, in their order.
//!
//! What is read under load was written a moment ago, and where a reader's mark ends the next one
//! goes on. So blocks are mostly found without looking for them in the database.

use std::{
    collections::{BTreeMap, HashMap},
    ops::ControlFlow,
    sync::{Mutex, atomic::Ordering},
};

use ::fjall::Slice;
use mensageiro_protocol::Login;

use super::{
    StoreError, Unarchived,
    block::{BlockReader, Records},
    fjall::{ARCHIVE_BYTES, FjallStore, lock},
    reading::{blocks, damaged, open},
    records::{self, conversation_key, numbered},
    rosters::Members,
};
use crate::{
    conversation::Conversation,
    message::{MessageId, ReadMark},
};

/// Bytes of blocks that are kept for the archive, at most. One that is so far behind has to look
/// for them.
const KEPT_BYTES: usize = 16 * 1024 * 1024;

/// Readers of a conversation whose places are remembered, at most.
const PLACES: usize = 256;

/// Blocks by their keys.
pub(super) type Blocks = BTreeMap<Vec<u8>, Slice>;

type KeyedBlock = (Vec<u8>, Slice);

/// What need not be looked for while the archive has something to do.
#[derive(Default)]
pub(super) struct AtHand {
    recent: Mutex<Recent>,
    /// Where a reader's last mark in a conversation has ended.
    places: Mutex<Places>,
}

#[derive(Default)]
struct Recent {
    blocks: Blocks,
    bytes: usize,
}

type Places = HashMap<(Conversation, Login), Place>;

struct Place {
    block: Slice,
    /// How much of it has not been read.
    rest: usize,
    /// The message before that, and its time in ms.
    id: MessageId,
    at_ms: i64,
    /// The last message of the block.
    last: MessageId,
    members: Option<Members>,
}

impl AtHand {
    /// Adds all blocks that were just written, if the archive `will_ask` for some or is behind with
    /// those before them. So they are the newest ones without a gap.
    pub(super) fn add(&self, mut blocks: Blocks, will_ask: bool) {
        let mut recent = lock(&self.recent);
        if !will_ask && recent.blocks.is_empty() {
            return;
        }
        let bytes: usize = blocks.values().map(|block| block.len()).sum();
        if recent.bytes + bytes > KEPT_BYTES {
            *recent = Recent::default();
        }
        recent.blocks.append(&mut blocks);
        recent.bytes += bytes;
    }

    /// All blocks with messages of a conversation between two; none if the first one is not here.
    fn blocks(&self, of: &Conversation, first: MessageId, last: MessageId) -> Vec<KeyedBlock> {
        let key = conversation_key(of);
        let recent = lock(&self.recent);
        let before = numbered(key.clone(), MessageId(0))..=numbered(key.clone(), first);
        let Some((first, _)) = recent.blocks.range(before).next_back() else {
            return Vec::new();
        };
        let found = recent.blocks.range(first.clone()..=numbered(key, last));
        found
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    /// For when the archive has nothing to do.
    pub(super) fn clear(&self) {
        self.clear_recent();
        *lock(&self.places) = Places::default();
    }

    /// For when it has done all there is, and more may be on the way.
    fn clear_recent(&self) {
        *lock(&self.recent) = Recent::default();
    }
}

/// See [`Store`](super::Store): the same, of what is settled.
impl FjallStore {
    pub(super) fn unarchived(
        &self,
        marks: usize,
        messages: usize,
        visit: &mut dyn FnMut(&ReadMark, Unarchived<'_>),
    ) -> Result<Option<u64>, StoreError> {
        let mut last = None;
        let (mut marks_shown, mut shown) = (0, 0);
        for record in self.marks() {
            for mark in record? {
                if marks_shown == marks || (shown >= messages && last.is_some()) {
                    return Ok(last);
                }
                self.read_by(&mark, &mut |message| {
                    shown += 1;
                    visit(&mark, message);
                })?;
                marks_shown += 1;
                last = Some(mark.number);
            }
        }
        Ok(last)
    }

    pub(super) fn archived(&self, up_to: u64, archive_bytes: u64) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        let mut is_all = true;
        for record in self.marks() {
            let record = record?;
            let Some(first) = record.first().filter(|first| first.number <= up_to) else {
                is_all = false;
                break;
            };
            batch.remove(&self.reads, first.number.to_be_bytes());
            if record.last().is_some_and(|last| last.number > up_to) {
                is_all = false;
                let rest = record.iter().filter(|mark| mark.number > up_to);
                let mut value = Vec::new();
                records::write_reads(rest, &mut value);
                batch.insert(&self.reads, (up_to + 1).to_be_bytes(), value);
            }
        }
        batch.insert(&self.numbers, ARCHIVE_BYTES, archive_bytes.to_be_bytes());
        batch.commit().map_err(|e| self.failed(e))?;
        self.archived.store(up_to, Ordering::Relaxed);
        if is_all {
            self.at_hand.clear_recent();
        }
        Ok(())
    }

    pub(super) fn archive_bytes(&self) -> Result<u64, StoreError> {
        self.number(ARCHIVE_BYTES)
    }

    /// The marks at the head of the archive's queue, oldest first, by the records they are in.
    fn marks(&self) -> impl Iterator<Item = Result<Vec<ReadMark>, StoreError>> {
        let start = self.archived.load(Ordering::Relaxed).to_be_bytes();
        self.reads.range(start..).map(|guard| {
            let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
            records::reads(&key, &value).ok_or_else(|| self.damaged("a read mark"))
        })
    }

    /// Shows what a user has read, without making messages of it.
    fn read_by(
        &self,
        mark: &ReadMark,
        visit: &mut dyn FnMut(Unarchived<'_>),
    ) -> Result<(), StoreError> {
        let mut places = lock(&self.at_hand.places);
        let at = (mark.conversation.clone(), mark.reader.clone());
        if let Some(place) = places.get_mut(&at)
            && place.id < mark.first
            && place.last >= mark.last
        {
            return place.read_on(mark, visit).ok_or_else(|| damaged(self));
        }
        if places.len() == PLACES {
            places.clear();
        }
        let mut read = |block: BlockReader<'_>, value: &Slice| {
            let place = Place::after(block, value, mark, visit)?;
            places.insert(at.clone(), place);
            Some(ControlFlow::Continue(()))
        };
        let (first, last) = (mark.first, mark.last);
        let recent = self.at_hand.blocks(&mark.conversation, first, last);
        let opened = recent.iter().map(|(key, value)| {
            let block = open(self, &mark.conversation, key, value)?;
            Ok((block, value))
        });
        let opened: Vec<_> = opened.collect::<Result<_, StoreError>>()?;
        if opened.last().is_none_or(|(block, _)| block.last() < last) {
            return blocks(self, &mark.conversation, (first, last), &mut read);
        }
        for (block, value) in opened {
            let _ = read(block, value).ok_or_else(|| damaged(self))?;
        }
        Ok(())
    }
}

impl Place {
    /// Shows what a mark says to be read, and stands after it.
    fn after(
        block: BlockReader<'_>,
        value: &Slice,
        mark: &ReadMark,
        visit: &mut dyn FnMut(Unarchived<'_>),
    ) -> Option<Self> {
        let (last, members) = (block.last(), block.members());
        let (rest, id, at_ms) = block.read_by(mark, visit)?.place();
        Some(Self {
            block: value.clone(),
            rest,
            id,
            at_ms,
            last,
            members,
        })
    }

    /// The same, from here.
    fn read_on(&mut self, mark: &ReadMark, visit: &mut dyn FnMut(Unarchived<'_>)) -> Option<()> {
        let rest = &self.block[self.block.len() - self.rest..];
        let records = Records::new(self.id, self.at_ms, rest);
        let members = self.members.clone();
        let block = BlockReader::of(&mark.conversation, self.last, members, records);
        (self.rest, self.id, self.at_ms) = block.read_by(mark, visit)?.place();
        Some(())
    }
}
