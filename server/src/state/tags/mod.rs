//! Which tags of whom have been accepted: what makes a message that is sent twice one message.
//!
//! Of a login's tags the newest 500,000 to 1,000,000 are known, whatever the time. Only as much of each is in memory as it
//! takes to know almost every new one, and where to look for the others: the index knows for certain.

mod floors;
mod preload;
mod table;

use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
    ops::RangeInclusive,
    sync::Arc,
};

use jiff::Timestamp;
use mensageiro_protocol::Login;

pub(super) use self::floors::{Floor, Floors};
pub use self::preload::{Preload, Wanted};
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
    /// What others read for it.
    preload: Arc<Preload>,
    batches: u64,
    swept_at: u64,
    /// Whose tags the batch in hand may add to.
    touched: Vec<Login>,
}

/// The tags of one login.
struct TagsOf {
    /// Of messages before the floor after the next step, and of those from it on.
    old: Table,
    new: Table,
    /// Of tags whose fingerprint another one has too.
    others: HashMap<TagHash, Region>,
    /// No message with a tag has a lower number.
    base: MessageId,
    /// What the batch in hand has added, by rising numbers. The index does not know it yet.
    added: Vec<TagEntry>,
    /// What the index has in regions that were asked for since the batch in hand began: each once,
    /// however much of it is sent again.
    asked: HashMap<Region, HashMap<TagHash, TagEntry>>,
    floor: Floor,
    /// Tags of earlier messages do not count.
    since: MessageId,
    /// Tags up to that of this message are in it; `None`: all that there are.
    complete_to: Option<MessageId>,
    used_at: u64,
}

/// A tag that was looked for.
pub(super) struct LookedUp {
    hash: TagHash,
    /// The message that was sent under it in an earlier batch. There seldom is one.
    before: Option<Box<TagEntry>>,
}

impl Tags {
    /// Of a server, whose sessions read tags before they are needed.
    pub fn new(preload: Arc<Preload>) -> Self {
        Self {
            preload,
            ..Self::default()
        }
    }

    /// Takes over what was read for it. It is looked through under no lock that others need.
    pub fn take_preloaded(&mut self) {
        for (login, tags) in self.preload.take() {
            let of = self.of.entry(login).or_insert(tags);
            of.used_at = self.batches;
        }
    }

    /// What is known of tags under which a login sends something, before the batch in hand. Tags of messages below the floor
    /// are not known any more, nor those of messages before `since`.
    ///
    /// # Errors
    /// [`IndexError`] when the index cannot say whether one was sent before.
    pub(super) fn look_up<'a>(
        &mut self,
        reader: &dyn TagReader,
        (login, since): (&Login, MessageId),
        floor: Floor,
        tags: impl Iterator<Item = Option<&'a Tag>>,
    ) -> Result<Vec<Option<LookedUp>>, IndexError> {
        let of = match self.of.entry(login.clone()) {
            Entry::Occupied(known) if known.get().is_of(floor) => known.into_mut(),
            entry => {
                self.preload.note(login, true);
                entry
                    .insert_entry(TagsOf::load(reader, login, floor, None)?)
                    .into_mut()
            }
        };
        of.catch_up(reader, login)?;
        of.used_at = self.batches;
        of.since = since;
        of.look_up(reader, login, tags)
    }

    /// From the next batch on other tags are forgotten.
    pub(super) fn step(&mut self, login: &Login, floor: Floor) {
        if let Some(of) = self.of.get_mut(login) {
            of.step(floor);
        }
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
            self.of.retain(|login, of| {
                let is_used = batches - of.used_at < IDLE_BATCHES;
                if !is_used {
                    self.preload.note(login, false);
                }
                is_used
            });
        }
    }
}

impl TagsOf {
    /// Reads those up to a message's, or all.
    fn load(
        reader: &dyn TagReader,
        login: &Login,
        floor: Floor,
        complete_to: Option<MessageId>,
    ) -> Result<Self, IndexError> {
        // Who has sent none needs no look.
        let known = match floor.count {
            0 => Vec::new(),
            _ => reader.tags(login, floor.floor)?,
        };
        let up_to = complete_to.unwrap_or(MessageId::MAX);
        let known = &known[..known.partition_point(|one| one.id <= up_to)];
        let old = known.partition_point(|one| one.id < floor.next);
        let mut tags = Self {
            old: Table::with_room_for(old),
            new: Table::with_room_for(known.len() - old),
            others: HashMap::new(),
            base: known.first().map(|one| one.id).unwrap_or_default(),
            added: Vec::new(),
            asked: HashMap::new(),
            floor,
            since: MessageId(0),
            complete_to,
            used_at: 0,
        };
        for one in known {
            tags.insert(one.hash, one.id);
        }
        Ok(tags)
    }

    /// Whether it knows what is to be known. What was read elsewhere may be of another time.
    fn is_of(&self, floor: Floor) -> bool {
        (self.floor.floor, self.floor.next) == (floor.floor, floor.next)
    }

    /// Adds what has come since it was read elsewhere.
    fn catch_up(&mut self, reader: &dyn TagReader, login: &Login) -> Result<(), IndexError> {
        if let Some(complete_to) = self.complete_to {
            let rest = reader.tags_in(login, &(complete_to.next()..=MessageId::MAX))?;
            self.complete_to = None;
            for one in rest {
                self.insert(one.hash, one.id);
            }
        }
        Ok(())
    }

    fn step(&mut self, floor: Floor) {
        self.floor = floor;
        self.old = mem::replace(&mut self.new, Table::with_room_for(0));
        let base = self.base;
        self.others
            .retain(|_, region| *region.above(base).end() >= floor.floor);
    }

    fn look_up<'a>(
        &mut self,
        reader: &dyn TagReader,
        login: &Login,
        tags: impl Iterator<Item = Option<&'a Tag>>,
    ) -> Result<Vec<Option<LookedUp>>, IndexError> {
        let hashes: Vec<_> = tags.map(|tag| tag.map(TagHash::of)).collect();
        let fingerprints = hashes.iter().flatten().copied().map(Fingerprint::of);
        self.old.approach(fingerprints.clone());
        self.new.approach(fingerprints);
        let looked_up = hashes.into_iter().map(|hash| {
            let Some(hash) = hash else {
                return Ok(None);
            };
            let before = match self.regions(hash).next() {
                Some(_) => self.find(reader, login, hash)?.map(Box::new),
                None => None,
            };
            Ok(Some(LookedUp { hash, before }))
        });
        looked_up.collect()
    }

    /// Where the message of this tag is, if there is one.
    fn regions(&self, hash: TagHash) -> impl Iterator<Item = Region> + use<> {
        let fingerprint = Fingerprint::of(hash);
        let one = self.new.get(fingerprint);
        let older = self.old.get(fingerprint);
        let other = match one.or(older) {
            Some(_) => self.others.get(&hash).copied(),
            None => None,
        };
        one.into_iter().chain(older).chain(other)
    }

    fn find(
        &mut self,
        reader: &dyn TagReader,
        login: &Login,
        hash: TagHash,
    ) -> Result<Option<TagEntry>, IndexError> {
        let oldest = self.floor.floor.max(self.since);
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
            if let Some(before) = there.get(&hash).filter(|one| one.id >= oldest) {
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
        if self.old.len() + self.new.len() == 0 {
            self.base = one.id;
        }
        self.insert(one.hash, one.id);
        self.added.push(one);
    }

    fn insert(&mut self, hash: TagHash, id: MessageId) {
        let region = Region::of(id, self.base);
        let table = match id < self.floor.next {
            true => &mut self.old,
            false => &mut self.new,
        };
        if !table.insert(Fingerprint::of(hash), region) {
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
