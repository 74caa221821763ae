//! Which tags of whom have been accepted: what makes a message that is sent twice one message.
//!
//! Of a login's tags the newest 500,000 to 1,000,000 are known, whatever the time. Only as much of each is in memory as it
//! takes to know almost every new one, and where to look for the others: the index knows for certain.

mod floors;
mod table;

use std::{
    collections::{HashMap, hash_map::Entry},
    ops::RangeInclusive,
};

use jiff::Timestamp;
use mensageiro_protocol::Login;

pub(super) use self::floors::Floors;
use self::table::{Fingerprint, Region, Table};
use crate::{
    index::{Index, IndexError, TagEntry},
    model::message::{MessageId, Tag, TagHash},
};

/// Where accepted tags can be read again.
pub trait TagReader {
    /// The tags of a login's messages from one on, by rising ids.
    ///
    /// # Errors
    /// [`IndexError`] when they cannot be read.
    fn tags(&self, login: &Login, from: MessageId) -> Result<Vec<TagEntry>, IndexError>;

    /// Those of the messages in a range.
    ///
    /// # Errors
    /// [`IndexError`] when they cannot be read.
    fn tags_in(
        &self,
        login: &Login,
        range: &RangeInclusive<MessageId>,
    ) -> Result<Vec<TagEntry>, IndexError>;
}

impl TagReader for Index {
    fn tags(&self, login: &Login, from: MessageId) -> Result<Vec<TagEntry>, IndexError> {
        self.tags(login, from, usize::MAX)
    }

    fn tags_in(
        &self,
        login: &Login,
        range: &RangeInclusive<MessageId>,
    ) -> Result<Vec<TagEntry>, IndexError> {
        self.tags_near(login, range)
    }
}

/// So many batches after its last message a login's tags leave memory.
const IDLE_BATCHES: u64 = 20_000;

/// Of so many regions the index's answers are kept, at most 1,024 tags each.
const MOST_ASKED: usize = 64;

/// So much memory is kept for what the next batch adds.
const KEPT_ADDED: usize = 64;

/// The tags of those who have lately sent some. It only spares looks into the index: whatever is in it, the answers
/// are the same.
#[derive(Default)]
pub struct Tags {
    of: HashMap<Login, TagsOf>,
    batches: u64,
    swept_at: u64,
    /// Whose tags the batch in hand may add to.
    touched: Vec<Login>,
}

/// The tags of one login.
struct TagsOf {
    regions: Table,
    /// Of tags whose fingerprint another one has too.
    others: HashMap<TagHash, Region>,
    /// No message with a tag has a lower number.
    base: MessageId,
    /// What the batch in hand has added, by rising numbers. The index does not know it yet.
    added: Vec<TagEntry>,
    /// What the index has in regions that were asked for since the batch in hand began: each once,
    /// however much of it is sent again.
    asked: HashMap<Region, HashMap<TagHash, TagEntry>>,
    /// The lowest id that counted when these were read.
    floor: MessageId,
    used_at: u64,
}

/// A tag that was looked for.
pub(super) struct LookedUp {
    hash: TagHash,
    /// The message that was sent under it in an earlier batch. There seldom is one.
    before: Option<Box<TagEntry>>,
}

impl Tags {
    /// What is known of tags under which a login sends something, before the batch in hand. Tags of messages below `floor` are
    /// not known any more.
    ///
    /// # Errors
    /// [`IndexError`] when the index cannot say whether one was sent before.
    pub(super) fn look_up<'a>(
        &mut self,
        reader: &dyn TagReader,
        login: &Login,
        floor: MessageId,
        tags: impl Iterator<Item = Option<&'a Tag>>,
    ) -> Result<Vec<Option<LookedUp>>, IndexError> {
        let of = match self.of.entry(login.clone()) {
            Entry::Occupied(known) if known.get().floor == floor => known.into_mut(),
            Entry::Occupied(mut old) => {
                old.insert(TagsOf::load(reader, login, floor)?);
                old.into_mut()
            }
            Entry::Vacant(free) => free.insert(TagsOf::load(reader, login, floor)?),
        };
        of.used_at = self.batches;
        of.look_up(reader, login, tags)
    }

    /// The message that was sent under a tag before. If there is none, `accept` says which one is from now on, if
    /// it is accepted.
    pub(super) fn before(
        &mut self,
        login: &Login,
        tag: &LookedUp,
        accept: impl FnOnce() -> Option<(MessageId, Timestamp)>,
    ) -> Option<TagEntry> {
        // It was looked up in this batch, so it is there.
        let of = self.of.get_mut(login)?;
        let before = tag.before.as_deref().copied();
        let before = before.or_else(|| of.find_added(tag.hash));
        if before.is_none()
            && let Some((id, sent_at)) = accept()
        {
            if of.added.is_empty() {
                self.touched.push(login.clone());
            }
            of.add(TagEntry {
                hash: tag.hash,
                id,
                sent_at,
            });
        }
        before
    }

    /// The batch in hand is applied; `take` gets what it has added for each login. Now and then, forgets who has long sent nothing.
    pub(super) fn end_batch(&mut self, mut take: impl FnMut(&Login, &[TagEntry])) {
        for login in self.touched.drain(..) {
            if let Some(of) = self.of.get_mut(&login) {
                take(&login, &of.added);
                of.end_batch();
            }
        }
        self.batches += 1;
        if self.batches - self.swept_at > IDLE_BATCHES / 2 {
            self.swept_at = self.batches;
            let batches = self.batches;
            self.of.retain(|_, of| batches - of.used_at < IDLE_BATCHES);
        }
    }
}

impl TagsOf {
    fn load(reader: &dyn TagReader, login: &Login, floor: MessageId) -> Result<Self, IndexError> {
        let known = reader.tags(login, floor)?;
        let mut tags = Self {
            regions: Table::with_room_for(known.len()),
            others: HashMap::new(),
            base: known.first().map(|one| one.id).unwrap_or_default(),
            added: Vec::new(),
            asked: HashMap::new(),
            floor,
            used_at: 0,
        };
        for one in known {
            tags.insert(one.hash, one.id);
        }
        Ok(tags)
    }

    fn look_up<'a>(
        &mut self,
        reader: &dyn TagReader,
        login: &Login,
        tags: impl Iterator<Item = Option<&'a Tag>>,
    ) -> Result<Vec<Option<LookedUp>>, IndexError> {
        let hashes: Vec<_> = tags.map(|tag| tag.map(TagHash::of)).collect();
        let fingerprints = hashes.iter().flatten().copied().map(Fingerprint::of);
        self.regions.approach(fingerprints);
        let looked_up = hashes.into_iter().map(|hash| {
            let Some(hash) = hash else {
                return Ok(None);
            };
            let before = match self.regions.get(Fingerprint::of(hash)) {
                Some(_) => self.find(reader, login, hash)?.map(Box::new),
                None => None,
            };
            Ok(Some(LookedUp { hash, before }))
        });
        looked_up.collect()
    }

    /// Where the message of this tag is, if there is one.
    fn regions(&self, hash: TagHash) -> impl Iterator<Item = Region> + use<> {
        let one = self.regions.get(Fingerprint::of(hash));
        let other = self.others.get(&hash).copied();
        one.into_iter().chain(other)
    }

    fn find(
        &mut self,
        reader: &dyn TagReader,
        login: &Login,
        hash: TagHash,
    ) -> Result<Option<TagEntry>, IndexError> {
        for region in self.regions(hash) {
            if self.asked.len() >= MOST_ASKED {
                self.asked.clear();
            }
            let there = match self.asked.entry(region) {
                Entry::Occupied(there) => there.into_mut(),
                Entry::Vacant(unknown) => {
                    let there = reader.tags_in(login, &region.above(self.base))?;
                    unknown.insert(there.into_iter().map(|one| (one.hash, one)).collect())
                }
            };
            if let Some(before) = there.get(&hash).filter(|one| one.id >= self.floor) {
                return Ok(Some(*before));
            }
        }
        Ok(None)
    }

    fn find_added(&self, hash: TagHash) -> Option<TagEntry> {
        self.regions(hash).find_map(|region| {
            let region = region.above(self.base);
            let start = self.added.partition_point(|one| one.id < *region.start());
            let there = self.added[start..].iter();
            there
                .take_while(|one| one.id <= *region.end())
                .find(|added| added.hash == hash)
                .copied()
        })
    }

    fn add(&mut self, one: TagEntry) {
        if self.regions.len() == 0 {
            self.base = one.id;
        }
        self.insert(one.hash, one.id);
        self.added.push(one);
    }

    fn insert(&mut self, hash: TagHash, id: MessageId) {
        let region = Region::of(id, self.base);
        if !self.regions.insert(Fingerprint::of(hash), region) {
            self.others.insert(hash, region);
        }
    }

    fn end_batch(&mut self) {
        self.added.clear();
        self.added.shrink_to(KEPT_ADDED);
        if !self.asked.is_empty() {
            self.asked = HashMap::new();
        }
    }
}

impl std::fmt::Debug for Tags {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tags").finish_non_exhaustive()
    }
}
