use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use ::fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use jiff::Timestamp;
use mensageiro_protocol::Login;
use tracing::warn;

use super::{
    Commit, CursorRecord, LastNumbers, Store, StoreError, TagRecord, Unarchived,
    high_water::HighWater, mend, reading, records, rosters::Rosters,
};
use crate::{
    conversation::Conversation,
    message::{Message, MessageId, ReadMark},
    options::Durability,
};

/// The store in a folder of its own, kept by the embedded database fjall.
///
/// See `docs/STORAGE.md` for its keyspaces.
pub struct FjallStore {
    folder: PathBuf,
    database: Database,
    pub(super) messages: Keyspace,
    pub(super) cursors: Keyspace,
    pub(super) rosters: Keyspace,
    pub(super) reads: Keyspace,
    pub(super) tags: Keyspace,
    pub(super) seen: Keyspace,
    pub(super) numbers: Keyspace,
    persist: PersistMode,
    pub(super) known_rosters: Mutex<Rosters>,
    high_water: Mutex<HighWater>,
    /// At start, the number below which no message may be numbered.
    floor: MessageId,
    /// The last mark that was archived, so that nobody looks through what was removed.
    archived: AtomicU64,
}

/// What to do when messages that were acknowledged are not in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The store does not open, unless it was opened for less than surviving a power cut.
    Refused,
    /// Go on without them, and without what cannot be read of the last writes.
    Accepted,
}

pub(super) const LAST_MESSAGE: &str = "last-message";
pub(super) const LAST_READ_MARK: &str = "last-read-mark";
const ARCHIVE_BYTES: &str = "archive-bytes";

/// What each part of the store keeps in memory before it becomes a table on disk, at most.
const MEMTABLE_BYTES: u64 = 8 * 1024 * 1024;

/// Old records of tags that are removed with one write.
const FORGOTTEN_AT_ONCE: usize = 4096;

impl FjallStore {
    /// Opens the store in `folder`, making it when there is none. `durability` is what a commit
    /// waits for.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it open, [`StoreError::Lost`] when
    /// acknowledged messages are missing and this is not `Accepted`, otherwise what the disk says.
    pub fn open(folder: &Path, durability: Durability, loss: Loss) -> Result<Self, StoreError> {
        let failed = |error| failed(folder, error);
        if loss == Loss::Accepted {
            mend::cut_damaged_journals(folder)
                .map_err(|error| failed(::fjall::Error::Io(error)))?;
        }
        let database = Database::builder(folder)
            .worker_threads(1)
            .open()
            .map_err(failed)?;
        let keyspace = |name| {
            database
                .keyspace(name, || {
                    KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES)
                })
                .map_err(failed)
        };
        let (high_water, floor) =
            HighWater::open(folder).map_err(|error| failed(::fjall::Error::Io(error)))?;
        let mut store = Self {
            folder: folder.to_owned(),
            messages: keyspace("messages")?,
            cursors: keyspace("cursors")?,
            rosters: keyspace("rosters")?,
            reads: keyspace("reads")?,
            tags: keyspace("tags")?,
            seen: keyspace("seen")?,
            numbers: keyspace("numbers")?,
            database,
            persist: match durability {
                Durability::Sync => PersistMode::SyncData,
                Durability::Relaxed => PersistMode::Buffer,
            },
            known_rosters: Mutex::default(),
            high_water: Mutex::new(high_water),
            floor,
            archived: AtomicU64::new(0),
        };
        store.look_for_loss(durability, loss)?;
        store.load_rosters()?;
        Ok(store)
    }

    fn look_for_loss(&mut self, durability: Durability, loss: Loss) -> Result<(), StoreError> {
        let there = MessageId(self.number(LAST_MESSAGE)?);
        let missing = self.floor.0.saturating_sub(there.0);
        if missing > 0 {
            if durability == Durability::Sync && loss == Loss::Refused {
                return Err(StoreError::Lost {
                    folder: self.folder.clone(),
                    missing,
                    there,
                });
            }
            warn!(
                "{}: {missing} acknowledged messages are missing; the last one there is {there}, the next one will be {}",
                self.folder.display(),
                self.floor.next()
            );
            // What was accepted once is not asked about again.
            let mut batch = self.database.batch().durability(Some(self.persist));
            batch.insert(&self.numbers, LAST_MESSAGE, self.floor.0.to_be_bytes());
            batch.commit().map_err(|e| self.failed(e))?;
        }
        self.floor = self.floor.max(there);
        Ok(())
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

    fn number(&self, name: &str) -> Result<u64, StoreError> {
        match self.numbers.get(name).map_err(|e| self.failed(e))? {
            None => Ok(0),
            Some(bytes) => records::number(&bytes).ok_or_else(|| self.damaged(name)),
        }
    }

    /// The marks at the head of the archive's queue, oldest first, by the records they are in.
    fn marks(&self) -> impl Iterator<Item = Result<Vec<ReadMark>, StoreError>> {
        let start = self.archived.load(Ordering::Relaxed).to_be_bytes();
        self.reads.range(start..).map(|guard| {
            let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
            records::reads(&key, &value).ok_or_else(|| self.damaged("a read mark"))
        })
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

impl Store for FjallStore {
    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let mut batch = self.database.batch().durability(Some(self.persist));
        self.write(commit, &mut batch);
        batch.commit().map_err(|e| self.failed(e))?;
        if !commit.blocks.is_empty()
            && let Err(error) = lock(&self.high_water).write(commit.last.message)
        {
            // The commit stands; only a later loss might not be noticed.
            warn!("{}: high-water: {error}", self.folder.display());
        }
        Ok(())
    }

    fn last_numbers(&self) -> Result<LastNumbers, StoreError> {
        let there = MessageId(self.number(LAST_MESSAGE)?);
        Ok(LastNumbers {
            message: there.max(self.floor),
            read_mark: self.number(LAST_READ_MARK)?,
        })
    }

    fn cursors(&self, visit: &mut dyn FnMut(CursorRecord)) -> Result<(), StoreError> {
        for guard in self.cursors.iter() {
            let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
            let record = cursor_record(&key, &value).ok_or_else(|| self.damaged("a cursor"))?;
            visit(record);
        }
        Ok(())
    }

    fn last_of(&self, conversation: &Conversation) -> Result<MessageId, StoreError> {
        reading::last_of(self, conversation)
    }

    fn history(
        &self,
        with: &Conversation,
        before: Option<MessageId>,
        limit: usize,
        up_to: MessageId,
    ) -> Result<Vec<Message>, StoreError> {
        let before = before.unwrap_or(MessageId::MAX);
        let last = up_to.min(MessageId(before.0.saturating_sub(1)));
        reading::newest(self, with, last, limit)
    }

    fn timeline(
        &self,
        conversations: &[Conversation],
        after: MessageId,
        up_to: MessageId,
        visit: &mut dyn FnMut(Message) -> bool,
    ) -> Result<(), StoreError> {
        reading::merged(self, conversations, after, up_to, visit)
    }

    fn tags(
        &self,
        login: &Login,
        not_before: Timestamp,
        most: usize,
    ) -> Result<Vec<TagRecord>, StoreError> {
        let range =
            records::tags_key(login, MessageId(0))..=records::tags_key(login, MessageId::MAX);
        let mut found = Vec::new();
        let mut old = Vec::new();
        for guard in self.tags.range(range).rev() {
            let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
            let (sent_at, tags) = records::tags(&value).ok_or_else(|| self.damaged("tags"))?;
            if sent_at < not_before || found.len() >= most {
                old.push(key);
            } else {
                found.extend(
                    tags.into_iter()
                        .map(|(hash, id)| TagRecord { hash, id, sent_at }),
                );
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

    fn seen(&self) -> Result<HashMap<Login, Timestamp>, StoreError> {
        let mut seen = HashMap::new();
        for guard in self.seen.iter() {
            let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
            let (login, at) = seen_record(&key, &value)
                .ok_or_else(|| self.damaged("when a user was last there"))?;
            seen.insert(login, at);
        }
        Ok(seen)
    }

    fn unarchived(
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
                reading::read_by(self, &mark, &mut |message| {
                    shown += 1;
                    visit(&mark, message);
                })?;
                marks_shown += 1;
                last = Some(mark.number);
            }
        }
        Ok(last)
    }

    fn archived(&self, up_to: u64, archive_bytes: u64) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        for record in self.marks() {
            let record = record?;
            let Some(first) = record.first().filter(|first| first.number <= up_to) else {
                break;
            };
            batch.remove(&self.reads, first.number.to_be_bytes());
            if record.last().is_some_and(|last| last.number > up_to) {
                let rest = record.iter().filter(|mark| mark.number > up_to);
                let value = records::reads_value(rest);
                batch.insert(&self.reads, (up_to + 1).to_be_bytes(), value);
            }
        }
        batch.insert(&self.numbers, ARCHIVE_BYTES, archive_bytes.to_be_bytes());
        batch.commit().map_err(|e| self.failed(e))?;
        self.archived.store(up_to, Ordering::Relaxed);
        Ok(())
    }

    fn archive_bytes(&self) -> Result<u64, StoreError> {
        self.number(ARCHIVE_BYTES)
    }
}

fn cursor_record(key: &[u8], value: &[u8]) -> Option<CursorRecord> {
    let (conversation, user) = records::split_conversation(key)?;
    Some(CursorRecord {
        conversation,
        user: records::login(user)?,
        cursor: records::cursor(value)?,
    })
}

fn seen_record(key: &[u8], value: &[u8]) -> Option<(Login, Timestamp)> {
    let at = i64::from_be_bytes(value.try_into().ok()?);
    Some((records::login(key)?, Timestamp::from_millisecond(at).ok()?))
}

/// No code panics while it holds one of these, so a poisoned one is as good as any.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(folder: &Path, error: ::fjall::Error) -> StoreError {
    let folder = folder.to_owned();
    match error {
        ::fjall::Error::Locked => StoreError::InUse(folder),
        ::fjall::Error::Io(source) => StoreError::Io { folder, source },
        ::fjall::Error::Poisoned => StoreError::Io {
            folder,
            source: std::io::Error::other(
                "an earlier write failed; free disk space or mend the disk, then restart the server",
            ),
        },
        other => StoreError::Damaged {
            folder,
            reason: other.to_string(),
        },
    }
}
