use std::path::{Path, PathBuf};

use ::fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};
use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};
use serde::{Deserialize, Serialize};

use super::{Commit, LastNumbers, Store, StoreError, Unarchived};
use crate::{
    message::{Message, MessageId, ReadMark},
    options::Durability,
};

/// The store in a folder of its own, kept by the embedded database fjall.
///
/// Three keyspaces: `messages` (recipient, number → message), `reads` (number → read mark) and
/// `numbers` (name → number). See `docs/STORAGE.md`.
pub struct FjallStore {
    folder: PathBuf,
    database: Database,
    messages: Keyspace,
    reads: Keyspace,
    numbers: Keyspace,
    persist: PersistMode,
}

/// A message as it is written: the recipient and the number are in the key.
#[derive(Serialize, Deserialize)]
struct MessageRecord<'a> {
    sent_at_ms: i64,
    from: &'a str,
    group: Option<&'a str>,
    text: &'a str,
}

/// A read mark as it is written: its number is the key.
#[derive(Serialize, Deserialize)]
struct ReadRecord<'a> {
    reader: &'a str,
    first: MessageId,
    last: MessageId,
    read_at_ms: i64,
}

const LAST_MESSAGE: &str = "last-message";
const LAST_READ_MARK: &str = "last-read-mark";
const ARCHIVE_BYTES: &str = "archive-bytes";

impl FjallStore {
    /// Opens the store in `folder`, making it when there is none. `durability` is what a commit
    /// waits for.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it open, otherwise what the disk says.
    pub fn open(folder: &Path, durability: Durability) -> Result<Self, StoreError> {
        let failed = |error| failed(folder, error);
        let database = Database::builder(folder)
            .worker_threads(1)
            .open()
            .map_err(failed)?;
        let keyspace = |name| {
            database
                .keyspace(name, KeyspaceCreateOptions::default)
                .map_err(failed)
        };
        Ok(Self {
            folder: folder.to_owned(),
            messages: keyspace("messages")?,
            reads: keyspace("reads")?,
            numbers: keyspace("numbers")?,
            database,
            persist: match durability {
                Durability::Sync => PersistMode::SyncData,
                Durability::Relaxed => PersistMode::Buffer,
            },
        })
    }

    fn number(&self, name: &str) -> Result<u64, StoreError> {
        match self.numbers.get(name).map_err(|e| self.failed(e))? {
            None => Ok(0),
            Some(bytes) => number(&bytes).ok_or_else(|| self.damaged(name)),
        }
    }

    /// The marks at the head of the archive's queue, oldest first.
    fn marks(&self) -> impl Iterator<Item = Result<ReadMark, StoreError>> {
        self.database.snapshot().iter(&self.reads).map(|guard| {
            let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
            self.read_mark(&key, &value)
                .ok_or_else(|| self.damaged("a read mark"))
        })
    }

    fn read_mark(&self, key: &[u8], value: &[u8]) -> Option<ReadMark> {
        let record: ReadRecord<'_> = decode(value)?;
        Some(ReadMark {
            number: number(key)?,
            reader: Login::parse(record.reader).ok()?,
            first: record.first,
            last: record.last,
            read_at: Timestamp::from_millisecond(record.read_at_ms).ok()?,
        })
    }

    fn messages_of(&self, mark: &ReadMark) -> Result<Vec<Message>, StoreError> {
        let range = message_key(&mark.reader, mark.first)..=message_key(&mark.reader, mark.last);
        self.messages
            .range(range)
            .map(|guard| {
                let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
                message(&key, &value).ok_or_else(|| self.damaged("a message"))
            })
            .collect()
    }

    fn failed(&self, error: ::fjall::Error) -> StoreError {
        failed(&self.folder, error)
    }

    fn damaged(&self, what: &str) -> StoreError {
        StoreError::Damaged {
            folder: self.folder.clone(),
            reason: format!("{what} cannot be read"),
        }
    }
}

impl Store for FjallStore {
    fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        let mut batch = self.database.batch().durability(Some(self.persist));
        for message in &commit.accepted {
            let record = MessageRecord {
                sent_at_ms: message.sent_at.as_millisecond(),
                from: message.from.as_str(),
                group: message.group.as_ref().map(Login::as_str),
                text: message.text.as_str(),
            };
            batch.insert(
                &self.messages,
                message_key(&message.to, message.id),
                encode(&record),
            );
        }
        for mark in &commit.read {
            let record = ReadRecord {
                reader: mark.reader.as_str(),
                first: mark.first,
                last: mark.last,
                read_at_ms: mark.read_at.as_millisecond(),
            };
            batch.insert(&self.reads, mark.number.to_be_bytes(), encode(&record));
        }
        if let Some(last) = commit.accepted.last() {
            batch.insert(&self.numbers, LAST_MESSAGE, last.id.0.to_be_bytes());
        }
        if let Some(last) = commit.read.last() {
            batch.insert(&self.numbers, LAST_READ_MARK, last.number.to_be_bytes());
        }
        batch.commit().map_err(|e| self.failed(e))
    }

    fn last_numbers(&self) -> Result<LastNumbers, StoreError> {
        Ok(LastNumbers {
            message: MessageId(self.number(LAST_MESSAGE)?),
            read_mark: self.number(LAST_READ_MARK)?,
        })
    }

    fn unread(&self, visit: &mut dyn FnMut(Message)) -> Result<(), StoreError> {
        let mut read = std::collections::HashMap::<Login, Vec<ReadMark>>::new();
        for mark in self.marks() {
            let mark = mark?;
            read.entry(mark.reader.clone()).or_default().push(mark);
        }
        for guard in self.messages.iter() {
            let (key, value) = guard.into_inner().map_err(|e| self.failed(e))?;
            let message = message(&key, &value).ok_or_else(|| self.damaged("a message"))?;
            let marks = read.get(&message.to).map_or(&[][..], Vec::as_slice);
            if !marks.iter().any(|mark| mark.covers(message.id)) {
                visit(message);
            }
        }
        Ok(())
    }

    fn unarchived(&self, marks: usize, messages: usize) -> Result<Vec<Unarchived>, StoreError> {
        let mut found = Vec::new();
        let mut count = 0;
        for mark in self.marks().take(marks) {
            let mark = mark?;
            let messages_of = self.messages_of(&mark)?;
            count += messages_of.len();
            if count > messages && !found.is_empty() {
                break;
            }
            found.push(Unarchived {
                mark,
                messages: messages_of,
            });
        }
        Ok(found)
    }

    fn archived(&self, done: &[Unarchived], archive_bytes: u64) -> Result<(), StoreError> {
        let mut batch = self.database.batch();
        for Unarchived { mark, messages } in done {
            for message in messages {
                batch.remove(&self.messages, message_key(&message.to, message.id));
            }
            batch.remove(&self.reads, mark.number.to_be_bytes());
        }
        batch.insert(&self.numbers, ARCHIVE_BYTES, archive_bytes.to_be_bytes());
        batch.commit().map_err(|e| self.failed(e))
    }

    fn archive_bytes(&self) -> Result<u64, StoreError> {
        self.number(ARCHIVE_BYTES)
    }
}

/// Recipient, a zero byte (which no login holds), number: one recipient's messages in order.
fn message_key(to: &Login, id: MessageId) -> Vec<u8> {
    let mut key = Vec::with_capacity(to.as_str().len() + 9);
    key.extend_from_slice(to.as_str().as_bytes());
    key.push(0);
    key.extend_from_slice(&id.0.to_be_bytes());
    key
}

fn message(key: &[u8], value: &[u8]) -> Option<Message> {
    let (to, id) = key.split_at_checked(key.len().checked_sub(8)?)?;
    let record: MessageRecord<'_> = decode(value)?;
    Some(Message {
        id: MessageId(number(id)?),
        sent_at: Timestamp::from_millisecond(record.sent_at_ms).ok()?,
        from: Login::parse(record.from).ok()?,
        to: Login::parse(str::from_utf8(to.strip_suffix(&[0])?).ok()?).ok()?,
        group: record.group.map(Login::parse).transpose().ok()?,
        text: Text::from(record.text),
    })
}

fn number(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

/// The first byte of each record is the version of its form.
const RECORD_VERSION: u8 = 1;

fn encode(record: &impl Serialize) -> Vec<u8> {
    // Writing plain structs to a growing vector cannot fail.
    postcard::to_extend(record, vec![RECORD_VERSION]).unwrap_or_default()
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (&RECORD_VERSION, record) = bytes.split_first()? else {
        return None;
    };
    postcard::from_bytes(record).ok()
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
