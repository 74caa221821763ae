//! Which tags of whom have been accepted: the memory that makes a message which is sent twice
//! one message.

mod table;

use std::collections::{HashMap, hash_map::Entry};

use jiff::{SignedDuration, Timestamp};
use mensageiro_protocol::Login;

use self::table::{Fingerprint, Region, Table};
use super::Accepted;
use crate::{
    message::{MessageId, Tag, TagHash},
    store::{Store, StoreError, TagRecord},
};

/// How long a tag is remembered.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How many tags of a login are remembered at most, the newest ones.
const MOST: usize = 1_000_000;

/// How long after its last message a login's tags stay in memory.
const IDLE: SignedDuration = SignedDuration::from_mins(10);

/// After this long, or so many tags, a login's tags are read anew, which forgets the old ones.
const FRESH: SignedDuration = SignedDuration::from_hours(24);
const MOST_IN_MEMORY: usize = 2 * MOST;

/// Of so many regions the store's answers are kept, at most 1,024 tags each.
const MOST_ASKED: usize = 64;

/// So much memory is kept for what the next commit adds.
const KEPT_ADDED: usize = 64;

/// The tags of those who have lately sent some.
#[derive(Default)]
pub(super) struct Tags {
    of: HashMap<Login, TagsOf>,
    /// Whose tags the commit in hand may have added to.
    touched: Vec<Login>,
    looked_at: Timestamp,
}

/// The tags of one login. Of each there is only as much in memory as it takes to know almost every
/// new one, and where to look for the others: the store knows for certain.
pub(super) struct TagsOf {
    regions: Table,
    /// Of tags whose fingerprint another one has too.
    others: HashMap<TagHash, Region>,
    /// No message with a tag has a lower number.
    base: MessageId,
    /// What the commit in hand has added, by rising numbers. The store does not know it yet.
    added: Vec<(MessageId, TagHash)>,
    /// What the store has in regions that were asked for since the commit in hand began: each once,
    /// however much of it is sent again.
    asked: HashMap<Region, HashMap<TagHash, Accepted>>,
    loaded_at: Timestamp,
    used_at: Timestamp,
}

/// A tag that was looked for.
pub(super) struct LookedUp {
    hash: TagHash,
    /// The message that was sent under it before. There seldom is one.
    before: Option<Box<Accepted>>,
}

impl Tags {
    /// What a login has sent; the commit in hand may add to it.
    ///
    /// # Errors
    /// When the store cannot say what was sent before.
    pub(super) fn of(
        &mut self,
        store: &dyn Store,
        login: &Login,
        now: Timestamp,
    ) -> Result<&mut TagsOf, StoreError> {
        self.touched.push(login.clone());
        let tags = match self.of.entry(login.clone()) {
            Entry::Occupied(tags) => tags.into_mut(),
            Entry::Vacant(free) => free.insert(TagsOf::load(store, login, now)?),
        };
        tags.used_at = now;
        Ok(tags)
    }

    /// The commit in hand is durable, or it is not: then those who sent something are forgotten, and
    /// read anew when they do again. Now and then, forgets who has long sent nothing.
    pub(super) fn settle(&mut self, is_durable: bool, now: Timestamp) {
        for login in self.touched.drain(..) {
            match self.of.get_mut(&login) {
                Some(tags) if is_durable && tags.is_of_use(now) => tags.settle(),
                _ => drop(self.of.remove(&login)),
            }
        }
        if now.duration_since(self.looked_at).abs() > IDLE / 2 {
            self.looked_at = now;
            self.of.retain(|_, tags| tags.is_of_use(now));
        }
    }
}

impl TagsOf {
    fn load(store: &dyn Store, login: &Login, now: Timestamp) -> Result<Self, StoreError> {
        let not_before = now.checked_sub(KEPT).unwrap_or(Timestamp::MIN);
        let mut known = store.tags(login, not_before, MOST)?;
        known.sort_unstable_by_key(|one| one.id);
        known.dedup_by_key(|one| one.id);
        let base = known.first().map(|one| one.id);
        let mut tags = Self {
            regions: Table::with_room_for(known.len()),
            others: HashMap::new(),
            base: base.unwrap_or_default(),
            added: Vec::new(),
            asked: HashMap::new(),
            loaded_at: now,
            used_at: now,
        };
        for one in known {
            tags.insert(one.hash, one.id);
        }
        Ok(tags)
    }

    /// What is known about each of these tags before the entry they come from.
    ///
    /// # Errors
    /// When the store cannot say whether one was sent before.
    pub(super) fn look_up<'a>(
        &mut self,
        store: &dyn Store,
        login: &Login,
        tags: impl Iterator<Item = Option<&'a Tag>>,
        now: Timestamp,
    ) -> Result<Vec<Option<LookedUp>>, StoreError> {
        let hashes: Vec<_> = tags.map(|tag| tag.map(TagHash::of)).collect();
        let fingerprints = hashes.iter().flatten().copied().map(Fingerprint::of);
        self.regions.approach(fingerprints);
        let looked_up = hashes.into_iter().map(|hash| {
            let Some(hash) = hash else {
                return Ok(None);
            };
            let before = match self.regions.get(Fingerprint::of(hash)) {
                Some(_) => self.find(store, login, hash, now)?.map(Box::new),
                None => None,
            };
            Ok(Some(LookedUp { hash, before }))
        });
        looked_up.collect()
    }

    /// The message that was sent under this tag before. If there is none, the tag stands for
    /// `id` from now on.
    pub(super) fn before(
        &mut self,
        tag: LookedUp,
        id: MessageId,
        now: Timestamp,
    ) -> Option<Accepted> {
        let before = match tag.before {
            Some(before) => Some(*before),
            None => self.find_added(tag.hash, now),
        };
        if before.is_none() {
            if self.regions.len() == 0 {
                self.base = id;
            }
            self.insert(tag.hash, id);
            self.added.push((id, tag.hash));
        }
        before
    }

    /// Where the message of this tag is, if there is one.
    fn regions(&self, hash: TagHash) -> impl Iterator<Item = Region> + use<> {
        let one = self.regions.get(Fingerprint::of(hash));
        let other = self.others.get(&hash).copied();
        one.into_iter().chain(other)
    }

    fn find(
        &mut self,
        store: &dyn Store,
        login: &Login,
        hash: TagHash,
        now: Timestamp,
    ) -> Result<Option<Accepted>, StoreError> {
        if let Some(added) = self.find_added(hash, now) {
            return Ok(Some(added));
        }
        for region in self.regions(hash) {
            if self.asked.len() >= MOST_ASKED {
                self.asked.clear();
            }
            let there = match self.asked.entry(region) {
                Entry::Occupied(there) => there.into_mut(),
                Entry::Vacant(unknown) => {
                    let there = store.tags_near(login, &region.above(self.base))?;
                    unknown.insert(there.into_iter().map(accepted).collect())
                }
            };
            if let Some(before) = there.get(&hash) {
                return Ok(Some(*before));
            }
        }
        Ok(None)
    }

    fn find_added(&self, hash: TagHash, now: Timestamp) -> Option<Accepted> {
        self.regions(hash).find_map(|region| {
            let region = region.above(self.base);
            let start = self.added.partition_point(|(id, _)| id < region.start());
            let there = self.added[start..].iter();
            let (id, _) = there
                .take_while(|(id, _)| id <= region.end())
                .find(|(_, added)| *added == hash)?;
            Some(Accepted {
                id: *id,
                sent_at: now,
                is_repeat: true,
            })
        })
    }

    fn insert(&mut self, hash: TagHash, id: MessageId) {
        let region = Region::of(id, self.base);
        if !self.regions.insert(Fingerprint::of(hash), region) {
            self.others.insert(hash, region);
        }
    }

    fn settle(&mut self) {
        self.added.clear();
        self.added.shrink_to(KEPT_ADDED);
        if !self.asked.is_empty() {
            self.asked = HashMap::new();
        }
    }

    fn is_of_use(&self, now: Timestamp) -> bool {
        now.duration_since(self.used_at).abs() < IDLE
            && now.duration_since(self.loaded_at).abs() < FRESH
            && self.regions.len() + self.others.len() < MOST_IN_MEMORY
    }
}

fn accepted(before: TagRecord) -> (TagHash, Accepted) {
    let accepted = Accepted {
        id: before.id,
        sent_at: before.sent_at,
        is_repeat: true,
    };
    (before.hash, accepted)
}

#[cfg(test)]
mod tests {
    use std::{iter, path::Path};

    use mensageiro_protocol::Text;

    use super::*;
    use crate::{
        message::Message,
        options::Durability,
        store::{Block, Commit, DiskStore, LastNumbers, Loss},
    };

    /// What a message with this tag is told.
    fn sent(
        of: &mut TagsOf,
        store: &dyn Store,
        login: &Login,
        tag: &Tag,
        id: MessageId,
        now: Timestamp,
    ) -> Option<Accepted> {
        let looked_up = of.look_up(store, login, iter::once(Some(tag)), now);
        let looked_up = looked_up.unwrap().pop().flatten().unwrap();
        of.before(looked_up, id, now)
    }

    fn open(folder: &Path) -> DiskStore {
        DiskStore::open(folder, Durability::Sync, Loss::Refused).unwrap()
    }

    fn tag(tag: &str) -> Tag {
        Tag::parse(tag).unwrap()
    }

    fn ana() -> Login {
        Login::parse("ana").unwrap()
    }

    /// A commit of one message of ana's to herself.
    fn commit(id: MessageId, tag: &Tag, sent_at: Timestamp) -> Commit {
        let message = Message {
            id,
            sent_at,
            from: ana(),
            to: ana(),
            members: None,
            missed_by: None,
            tag: Some(tag.clone()),
            text: Text::from("hello"),
        };
        Commit {
            blocks: vec![Block {
                conversation: message.conversation(),
                messages: vec![message],
            }],
            last: LastNumbers {
                message: id,
                read_mark: 0,
            },
            ..Commit::default()
        }
    }

    #[test]
    fn a_tag_is_remembered_for_seven_days_in_memory_and_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path());
        let (ana, tag) = (ana(), tag("a"));
        let sent_at = Timestamp::from_second(1_700_000_000).unwrap();
        let later = |hours| sent_at + SignedDuration::from_hours(hours);
        let (id, next) = (MessageId(1), MessageId(2));
        let mut tags = Tags::default();
        let before = |store: &DiskStore, tags: &mut Tags, now| {
            let of_ana = tags.of(store, &ana, now).unwrap();
            let before = sent(of_ana, store, &ana, &tag, next, now);
            tags.settle(false, now);
            before.map(|before| (before.id, before.sent_at))
        };
        let of_ana = tags.of(&store, &ana, sent_at).unwrap();
        assert_eq!(sent(of_ana, &store, &ana, &tag, id, sent_at), None);
        store.commit(&commit(id, &tag, sent_at)).unwrap();
        tags.settle(true, sent_at);
        drop(store);
        store = open(folder.path());
        for hours in [0, 1, 23, 47, 100, 7 * 24] {
            assert_eq!(before(&store, &mut tags, later(hours)), Some((id, sent_at)));
        }
        assert_eq!(
            before(&store, &mut Tags::default(), later(7 * 24)),
            Some((id, sent_at))
        );
        assert_eq!(before(&store, &mut tags, later(8 * 24)), None);
        assert_eq!(
            before(&store, &mut Tags::default(), sent_at),
            None,
            "it was forgotten"
        );
    }

    #[test]
    fn two_tags_that_look_the_same_in_memory_are_two_tags() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let ana = ana();
        let both = ["t1027131", "t1486335"].map(tag);
        let prints = both.each_ref().map(|tag| Fingerprint::of(TagHash::of(tag)));
        assert!(prints[0] == prints[1], "the test needs two others");
        let at = |id: u64| Timestamp::from_second(1_700_000_000 + id.cast_signed()).unwrap();
        let mut tags = Tags::default();
        // The second number is in another region than the first.
        for (tag, id) in both.iter().zip([1, 5000]) {
            for is_durable in [false, true] {
                let of_ana = tags.of(&store, &ana, at(id)).unwrap();
                let mut told = || sent(of_ana, &store, &ana, tag, MessageId(id), at(id));
                assert_eq!(told(), None);
                let again = told().map(|again| again.id);
                assert_eq!(again, Some(MessageId(id)), "in the commit in hand");
                if is_durable {
                    store.commit(&commit(MessageId(id), tag, at(id))).unwrap();
                }
                tags.settle(is_durable, at(id));
            }
        }
        for mut tags in [tags, Tags::default()] {
            for (tag, id) in both.iter().zip([1, 5000]) {
                let of_ana = tags.of(&store, &ana, at(9999)).unwrap();
                let told = sent(of_ana, &store, &ana, tag, MessageId(9999), at(9999));
                let expected = Accepted {
                    id: MessageId(id),
                    sent_at: at(id),
                    is_repeat: true,
                };
                assert_eq!(told, Some(expected));
            }
        }
    }
}
