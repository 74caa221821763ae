//! Which tags of whom have been accepted: the memory that makes a message which is sent twice
//! one message.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasherDefault, Hash, Hasher},
};

use jiff::{SignedDuration, Timestamp};
use mensageiro_protocol::Login;

use super::Accepted;
use crate::{
    message::{MessageId, Tag},
    store::{Store, StoreError, TagHash, TagRecord},
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

/// The tags of those who have lately sent some.
#[derive(Default)]
pub(super) struct Tags {
    of: HashMap<Login, TagsOf>,
    /// Whose tags the commit in hand may have added to.
    touched: Vec<Login>,
    looked_at: Timestamp,
}

/// The tags of one login.
pub(super) struct TagsOf {
    ids: HashMap<Key, Offset, BuildHasherDefault<KeyHasher>>,
    /// No message with a tag has a lower number.
    base: MessageId,
    /// When messages were sent, by rising numbers, in milliseconds: one for each commit, with its
    /// first message of the login.
    times: Vec<(MessageId, i64)>,
    /// What the commit in hand has added.
    added: Vec<Key>,
    loaded_at: Timestamp,
    used_at: Timestamp,
}

/// So much of a [`TagHash`] that no two of a login's tags are the same: 88 bits. A key and its
/// offset take 16 bytes together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u8; 11]);

/// The number of a message above [`TagsOf::base`]: 40 bits, which no server's numbers outrun while
/// its tags are remembered.
#[derive(Clone, Copy)]
struct Offset([u8; 5]);

/// Takes a part of a [`Key`] as it is: nothing mixes it better than the hash it comes from.
#[derive(Default)]
struct KeyHasher(u64);

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

    /// The commit in hand is durable, or it is not. Now and then, forgets who has long sent
    /// nothing.
    pub(super) fn settle(&mut self, is_durable: bool, now: Timestamp) {
        for login in self.touched.drain(..) {
            if let Some(tags) = self.of.get_mut(&login) {
                tags.settle(is_durable);
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
        let tags = store.tags(login, not_before, MOST)?;
        let time = |one: &TagRecord| (one.id, one.sent_at.as_millisecond());
        let mut times: Vec<_> = tags.iter().map(time).collect();
        times.sort_unstable();
        times.dedup_by_key(|(_, at)| *at);
        times.shrink_to_fit();
        let base = times.first().map_or(MessageId(0), |(id, _)| *id);
        let ids = tags
            .into_iter()
            .map(|one| (Key::of(one.hash), Offset::of(one.id, base)));
        Ok(Self {
            ids: ids.collect(),
            base,
            times,
            added: Vec::new(),
            loaded_at: now,
            used_at: now,
        })
    }

    /// What stands for each of these tags.
    pub(super) fn keys<'a>(&self, tags: impl Iterator<Item = Option<&'a Tag>>) -> Vec<Option<Key>> {
        let key = |tag| Key::of(TagHash::of(tag));
        let keys: Vec<_> = tags.map(|tag| tag.map(key)).collect();
        // Looked up in a row, what all of them need comes from memory at the same time, and is
        // there when it is asked for.
        let known = keys.iter().flatten();
        std::hint::black_box(known.filter(|key| self.ids.contains_key(key)).count());
        keys
    }

    /// The message that was sent under this tag before. If there is none, the tag stands for
    /// `id` from now on.
    pub(super) fn before(&mut self, key: Key, id: MessageId, now: Timestamp) -> Option<Accepted> {
        match self.ids.entry(key) {
            Entry::Occupied(before) => {
                let id = before.get().above(self.base);
                let commit = self.times.partition_point(|(first, _)| *first <= id);
                let sent = commit.checked_sub(1).and_then(|at| self.times.get(at));
                Some(Accepted {
                    id,
                    sent_at: sent
                        .and_then(|(_, at)| Timestamp::from_millisecond(*at).ok())
                        .unwrap_or(now),
                    is_repeat: true,
                })
            }
            Entry::Vacant(free) => {
                if self.times.is_empty() {
                    self.base = id;
                }
                free.insert(Offset::of(id, self.base));
                if self.added.is_empty() {
                    self.times.push((id, now.as_millisecond()));
                }
                self.added.push(key);
                None
            }
        }
    }

    fn settle(&mut self, is_durable: bool) {
        if !is_durable && !self.added.is_empty() {
            self.times.pop();
            for key in &self.added {
                self.ids.remove(key);
            }
        }
        self.added.clear();
    }

    fn is_of_use(&self, now: Timestamp) -> bool {
        now.duration_since(self.used_at).abs() < IDLE
            && now.duration_since(self.loaded_at).abs() < FRESH
            && self.ids.len() < MOST_IN_MEMORY
    }
}

impl Key {
    fn of(TagHash(hash): TagHash) -> Self {
        let [key @ .., _, _, _, _, _] = hash.to_le_bytes();
        Self(key)
    }
}

impl Offset {
    fn of(id: MessageId, base: MessageId) -> Self {
        let [offset @ .., _, _, _] = id.0.saturating_sub(base.0).to_le_bytes();
        Self(offset)
    }

    fn above(self, base: MessageId) -> MessageId {
        let [a, b, c, d, e] = self.0;
        MessageId(base.0 + u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]))
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [low @ .., _, _, _] = self.0;
        state.write_u64(u64::from_le_bytes(low));
    }
}

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::Text;

    use super::*;
    use crate::{
        message::Message,
        options::Durability,
        store::{Block, Commit, DiskStore, LastNumbers, Loss},
    };

    #[test]
    fn a_tag_is_remembered_for_seven_days_in_memory_and_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let open = || DiskStore::open(folder.path(), Durability::Sync, Loss::Refused).unwrap();
        let mut store = open();
        let (ana, tag) = (Login::parse("ana").unwrap(), Tag::parse("a").unwrap());
        let sent_at = Timestamp::from_second(1_700_000_000).unwrap();
        let later = |hours| sent_at + SignedDuration::from_hours(hours);
        let (id, next) = (MessageId(1), MessageId(2));
        let mut tags = Tags::default();
        let before = |store: &DiskStore, tags: &mut Tags, now| {
            let of_ana = tags.of(store, &ana, now).unwrap();
            let key = Key::of(TagHash::of(&tag));
            let before = of_ana.before(key, next, now);
            tags.settle(false, now);
            before.map(|before| (before.id, before.sent_at))
        };
        let of_ana = tags.of(&store, &ana, sent_at).unwrap();
        let key = Key::of(TagHash::of(&tag));
        assert_eq!(of_ana.before(key, id, sent_at), None);
        let message = Message {
            id,
            sent_at,
            from: ana.clone(),
            to: ana.clone(),
            members: None,
            tag: Some(tag.clone()),
            text: Text::from("hello"),
        };
        let commit = Commit {
            blocks: vec![Block {
                conversation: message.conversation(),
                messages: vec![message.into()],
            }],
            last: LastNumbers {
                message: id,
                read_mark: 0,
            },
            ..Commit::default()
        };
        store.commit(&commit).unwrap();
        tags.settle(true, sent_at);
        drop(store);
        store = open();
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
}
