//! Which tags of whom have been accepted: the memory that makes a message which is sent twice
//! one message.

use std::collections::{HashMap, hash_map::Entry};

use jiff::{SignedDuration, Timestamp};
use mensageiro_protocol::Login;

use super::Accepted;
use crate::{
    message::{MessageId, Tag},
    store::{Store, StoreError, TagHash},
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
    /// What the commit in hand has added.
    added: Vec<(Login, TagHash)>,
    looked_at: Timestamp,
}

struct TagsOf {
    ids: HashMap<TagHash, (MessageId, Timestamp)>,
    loaded_at: Timestamp,
    used_at: Timestamp,
}

impl Tags {
    /// The message that a login sent under this tag before. If there is none, the tag stands for
    /// `id` from now on.
    ///
    /// # Errors
    /// When the store cannot say what was sent before.
    pub(super) fn before(
        &mut self,
        store: &dyn Store,
        login: &Login,
        tag: &Tag,
        id: MessageId,
        now: Timestamp,
    ) -> Result<Option<Accepted>, StoreError> {
        let tags = match self.of.get_mut(login) {
            Some(tags) => tags,
            None => {
                let tags = TagsOf::load(store, login, now)?;
                self.of.entry(login.clone()).or_insert(tags)
            }
        };
        tags.used_at = now;
        let hash = TagHash::of(tag);
        match tags.ids.entry(hash) {
            Entry::Occupied(before) => Ok(Some(Accepted {
                id: before.get().0,
                sent_at: before.get().1,
                is_repeat: true,
            })),
            Entry::Vacant(free) => {
                free.insert((id, now));
                self.added.push((login.clone(), hash));
                Ok(None)
            }
        }
    }

    /// The commit in hand is durable, or it is not. Now and then, forgets who has long sent
    /// nothing.
    pub(super) fn settle(&mut self, is_durable: bool, now: Timestamp) {
        for (login, hash) in self.added.drain(..) {
            if !is_durable && let Some(tags) = self.of.get_mut(&login) {
                tags.ids.remove(&hash);
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
        let ids = store.tags(login, not_before, MOST)?;
        Ok(Self {
            ids: ids.into_iter().collect(),
            loaded_at: now,
            used_at: now,
        })
    }

    fn is_of_use(&self, now: Timestamp) -> bool {
        now.duration_since(self.used_at).abs() < IDLE
            && now.duration_since(self.loaded_at).abs() < FRESH
            && self.ids.len() < MOST_IN_MEMORY
    }
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::Text;

    use super::*;
    use crate::{
        message::Message,
        options::Durability,
        store::{Block, Commit, FjallStore, LastNumbers, Loss},
    };

    #[test]
    fn a_tag_is_remembered_for_seven_days_in_memory_and_on_disk() {
        let folder = tempfile::tempdir().unwrap();
        let store = FjallStore::open(folder.path(), Durability::Sync, Loss::Refused).unwrap();
        let (ana, tag) = (Login::parse("ana").unwrap(), Tag::parse("a").unwrap());
        let sent_at = Timestamp::from_second(1_700_000_000).unwrap();
        let later = |hours| sent_at + SignedDuration::from_hours(hours);
        let (id, next) = (MessageId(1), MessageId(2));
        let mut tags = Tags::default();
        let before = |tags: &mut Tags, now| {
            let before = tags.before(&store, &ana, &tag, next, now).unwrap();
            tags.settle(false, now);
            before.map(|before| (before.id, before.sent_at))
        };
        let first = tags.before(&store, &ana, &tag, id, sent_at).unwrap();
        assert!(first.is_none());
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
        for hours in [0, 1, 23, 47, 100, 7 * 24] {
            assert_eq!(before(&mut tags, later(hours)), Some((id, sent_at)));
        }
        assert_eq!(
            before(&mut Tags::default(), later(7 * 24)),
            Some((id, sent_at))
        );
        assert_eq!(before(&mut tags, later(8 * 24)), None);
        assert_eq!(
            before(&mut Tags::default(), sent_at),
            None,
            "it was forgotten"
        );
    }
}
