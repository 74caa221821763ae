//! The database behind the log.

use std::{
    collections::{HashMap, HashSet},
    io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
};

use ::fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, compaction::Leveled};
use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::{
    CursorRecord, LastNumbers, StoreError, TagRecord, archiving::AtHand, reading, records,
    rosters::Rosters, unsettled::Unsettled,
};
use crate::{
    conversation::Conversation,
    message::{Message, MessageId},
    options::Durability,
};

/// All that is settled, kept by the embedded database fjall in a folder of its own.
///
/// See `docs/STORAGE.md` for its keyspaces.
pub(super) struct FjallStore {
    folder: PathBuf,
    pub(super) database: Database,
    persist: PersistMode,
    pub(super) messages: Keyspace,
    pub(super) cursors: Keyspace,
    pub(super) rosters: Keyspace,
    pub(super) reads: Keyspace,
    pub(super) tags: Keyspace,
    pub(super) seen: Keyspace,
    pub(super) numbers: Keyspace,
    pub(super) known_rosters: Mutex<Rosters>,
    pub(super) at_hand: AtHand,
    /// The last mark that was archived, so that nobody looks through what was removed.
    pub(super) archived: AtomicU64,
}

pub(super) const LAST_MESSAGE: &str = "last-message";
pub(super) const LAST_READ_MARK: &str = "last-read-mark";
pub(super) const ARCHIVE_BYTES: &str = "archive-bytes";
pub(super) const SETTLED: &str = "settled";

/// What a part of the store keeps in memory before it becomes a table on disk, at most: as much as
/// a busy server brings it in some seconds. A quiet one needs hours to fill it.
const MESSAGES_BYTES: u64 = 8 * 1024 * 1024;
const MARKS_BYTES: u64 = 4 * 1024 * 1024;
const FEW_BYTES: u64 = 1024 * 1024;

/// So many new tables of a part of the store are merged into the older ones together. Merging few at
/// a time writes the older ones again and again; the database slows down when there are twenty.
const MERGED_TABLES: u8 = 12;

/// A table is no longer than this. The database merges new ones with older ones of [`MERGED_TABLES`]
/// times as much, 252 MiB, before these go one level down.
const TABLE_BYTES: u64 = 21 * 1024 * 1024;

/// Old records of tags that are removed with one write.
const FORGOTTEN_AT_ONCE: usize = 4096;

impl FjallStore {
    /// Opens the database in `folder`, making it when there is none. `durability` is what
    /// [`FjallStore::settle`] waits for.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it open, otherwise what the disk says.
    pub(super) fn open(folder: &Path, durability: Durability) -> Result<Self, StoreError> {
        let failed = |error| failed(folder, error);
        let database = Database::builder(folder)
            .worker_threads(1)
            .open()
            .map_err(failed)?;
        let merging = Leveled::default()
            .with_l0_threshold(MERGED_TABLES)
            .with_table_target_size(TABLE_BYTES);
        let merging = Arc::new(merging);
        let keyspace = |name, memory| {
            let options = || {
                KeyspaceCreateOptions::default()
                    .max_memtable_size(memory)
                    .compaction_strategy(merging.clone())
            };
            database.keyspace(name, options).map_err(failed)
        };
        let store = Self {
            folder: folder.to_owned(),
            messages: keyspace("messages", MESSAGES_BYTES)?,
            cursors: keyspace("cursors", FEW_BYTES)?,
            rosters: keyspace("rosters", FEW_BYTES)?,
            reads: keyspace("reads", MARKS_BYTES)?,
            tags: keyspace("tags", MARKS_BYTES)?,
            seen: keyspace("seen", FEW_BYTES)?,
            numbers: keyspace("numbers", FEW_BYTES)?,
            database,
            persist: match durability {
                Durability::Sync => PersistMode::SyncData,
                Durability::Relaxed => PersistMode::Buffer,
            },
            known_rosters: Mutex::default(),
            at_hand: AtHand::default(),
            archived: AtomicU64::new(0),
        };
        store.load_rosters()?;
        Ok(store)
    }

    /// Takes in what commits of the log brought: all of it or nothing.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn settle(&self, unsettled: &Unsettled) -> Result<(), StoreError> {
        let mut batch = self.database.batch().durability(Some(self.persist));
        let blocks = self.write(unsettled, &mut batch);
        // First, as the archive may see the marks before the commit returns.
        self.at_hand.add(blocks, unsettled.reads().next().is_some());
        batch.commit().map_err(|e| self.failed(e))
    }

    /// The same at a start. If the database has lost the end of its journal, it may still have some
    /// of this, under other keys than before: that goes.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn settle_again(&self, unsettled: &Unsettled) -> Result<(), StoreError> {
        let mut batch = self.database.batch().durability(Some(self.persist));
        let blocks = self.write(unsettled, &mut batch);
        for (conversation, first) in unsettled.conversations() {
            let key = |message| records::numbered(conversation.to_vec(), message);
            for guard in self.messages.range(key(first)..=key(MessageId::MAX)) {
                let there = guard.key().map_err(|e| self.failed(e))?;
                if !blocks.contains_key(&*there) {
                    batch.remove(&self.messages, there);
                }
            }
        }
        let reads: Vec<_> = unsettled
            .reads()
            .map(|(first, _)| first.to_be_bytes())
            .collect();
        if let Some(&first) = reads.first() {
            for guard in self.reads.range(first..) {
                let there = guard.key().map_err(|e| self.failed(e))?;
                if !reads.iter().any(|key| *key == *there) {
                    batch.remove(&self.reads, there);
                }
            }
        }
        for (login, tags) in unsettled.tags() {
            let key = |id| records::tags_key(login, id);
            let keys: HashSet<_> = tags.iter().map(|record| key(record.id())).collect();
            let Some(first) = tags.first() else {
                continue;
            };
            for guard in self.tags.range(key(first.id())..=key(MessageId::MAX)) {
                let there = guard.key().map_err(|e| self.failed(e))?;
                if !keys.contains(&*there) {
                    batch.remove(&self.tags, there);
                }
            }
        }
        batch.commit().map_err(|e| self.failed(e))
    }

    /// The number of the last commit that was taken in.
    ///
    /// # Errors
    /// When the disk refuses or the record is damaged.
    pub(super) fn settled(&self) -> Result<u64, StoreError> {
        self.number(SETTLED)
    }

    /// The last numbers that were used.
    ///
    /// # Errors
    /// When the disk refuses or a record is damaged.
    pub(super) fn last_numbers(&self) -> Result<LastNumbers, StoreError> {
        Ok(LastNumbers {
            message: MessageId(self.number(LAST_MESSAGE)?),
            read_mark: self.number(LAST_READ_MARK)?,
        })
    }

    /// Sees to it that this number counts as used.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(super) fn use_up_to(&self, message: MessageId) -> Result<(), StoreError> {
        let mut batch = self.database.batch().durability(Some(self.persist));
        batch.insert(&self.numbers, LAST_MESSAGE, message.0.to_be_bytes());
        batch.commit().map_err(|e| self.failed(e))
    }

    fn load_rosters(&self) -> Result<(), StoreError> {
        let mut known = lock(&self.known_rosters);
        for guard in self.rosters.iter() {
            let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
            let version = key.first_chunk().copied().map(u32::from_be_bytes);
            let (version, (group, members)) = version
                .zip(records::roster(&value))
                .ok_or_else(|| self.damaged("who belongs to a group"))?;
            known.load(version, group, members);
        }
        Ok(())
    }

    pub(super) fn number(&self, name: &str) -> Result<u64, StoreError> {
        match self.numbers.get(name).map_err(|e| self.failed(e))? {
            None => Ok(0),
            Some(bytes) => records::number(&bytes).ok_or_else(|| self.damaged(name)),
        }
    }

    pub(super) fn roster(&self, version: u32) -> Option<super::rosters::Members> {
        lock(&self.known_rosters).members(version)
    }

    pub(super) fn failed(&self, error: ::fjall::Error) -> StoreError {
        failed(&self.folder, error)
    }

    pub(super) fn damaged(&self, what: &str) -> StoreError {
        StoreError::Damaged {
            folder: self.folder.clone(),
            reason: format!("{what} cannot be read"),
        }
    }
}

/// See [`Store`](super::Store): the same, of what is settled.
impl FjallStore {
    pub(super) fn cursors(&self, visit: &mut dyn FnMut(CursorRecord)) -> Result<(), StoreError> {
        for guard in self.cursors.iter() {
            let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
            let record =
                records::cursor_record(&key, &value).ok_or_else(|| self.damaged("a cursor"))?;
            visit(record);
        }
        Ok(())
    }

    pub(super) fn last_of(&self, conversation: &Conversation) -> Result<MessageId, StoreError> {
        reading::last_of(self, conversation)
    }

    pub(super) fn history(
        &self,
        with: &Conversation,
        last: MessageId,
        limit: usize,
    ) -> Result<Vec<Message>, StoreError> {
        reading::newest(self, with, last, limit)
    }

    pub(super) fn timeline(
        &self,
        conversations: &[Conversation],
        after: MessageId,
        up_to: MessageId,
        visit: &mut dyn FnMut(Message) -> bool,
    ) -> Result<(), StoreError> {
        reading::merged(self, conversations, after, up_to, visit)
    }

    pub(super) fn tags(
        &self,
        login: &Login,
        not_before: Timestamp,
        most: usize,
    ) -> Result<Vec<TagRecord>, StoreError> {
        let name = login.as_str().as_bytes();
        let range = records::tags_key(name, MessageId(0))..=records::tags_key(name, MessageId::MAX);
        let mut found = Vec::new();
        let mut old = Vec::new();
        for guard in self.tags.range(range).rev() {
            let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
            let mut tags = records::tags(&value).ok_or_else(|| self.damaged("tags"))?;
            tags.retain(|tag| tag.sent_at >= not_before);
            if tags.is_empty() || found.len() >= most {
                old.push(key);
            } else {
                found.extend(tags);
            }
        }
        for some in old.chunks(FORGOTTEN_AT_ONCE) {
            let mut batch = self.database.batch();
            for key in some {
                batch.remove(&self.tags, key.clone());
            }
            batch.commit().map_err(|e| self.failed(e))?;
        }
        Ok(found)
    }

    /// Those in the records that have some near.
    pub(super) fn tags_near(
        &self,
        login: &Login,
        near: &RangeInclusive<MessageId>,
    ) -> Result<Vec<TagRecord>, StoreError> {
        let key = |id| records::tags_key(login.as_str().as_bytes(), id);
        let range = key(MessageId(0))..=key(*near.end());
        let mut found = Vec::new();
        for guard in self.tags.range(range).rev() {
            let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
            let first = records::number_at_end(&key).map(MessageId);
            let (first, tags) = first
                .zip(records::tags(&value))
                .ok_or_else(|| self.damaged("tags"))?;
            found.extend(tags);
            // Records follow one another by number: those before have none near.
            if first <= *near.start() {
                break;
            }
        }
        Ok(found)
    }

    pub(super) fn seen(&self) -> Result<HashMap<Login, Timestamp>, StoreError> {
        let mut seen = HashMap::new();
        for guard in self.seen.iter() {
            let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
            let (login, at) = records::seen_record(&key, &value)
                .ok_or_else(|| self.damaged("when a user was last there"))?;
            seen.insert(login, at);
        }
        Ok(seen)
    }
}

/// No code panics while it holds one of these, so a poisoned one is as good as any.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn failed(folder: &Path, error: ::fjall::Error) -> StoreError {
    let folder = folder.to_owned();
    match error {
        ::fjall::Error::Locked => StoreError::InUse(folder),
        // What no file answers.
        ::fjall::Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock => {
            StoreError::Thread(error)
        }
        ::fjall::Error::Io(source) => StoreError::Io { folder, source },
        ::fjall::Error::Poisoned => StoreError::Io {
            folder,
            source: io::Error::other("an earlier write failed"),
        },
        other => StoreError::Damaged {
            folder,
            reason: other.to_string(),
        },
    }
}
