//! Writes a frozen memtable and what has changed in the state, in one transaction with the position.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension, ToSql, Transaction, TransactionBehavior, params};

use super::{
    Changes, IndexError, RosterEntry,
    chain::{ChainReader, block_checksum, read_chain},
    entries::{Entry, unpack_all},
    memtable::{Memtable, Written},
    pack::{put, put_time},
    rosters,
    schema::{self, Table, checksum},
    state_rows::{self as rows, Chain, ChainNumber, GROUP, HEADER, SEEN, StoredHeader, Subject},
    sweep::Sweep,
};
use crate::{
    log::{Identity, Position},
    model::message::MessageId,
};

/// A block that has so many bytes gets no more entries. Four of them fit on a page; it holds some eighty messages that were
/// sent alone.
const BLOCK_BYTES: usize = 940;

/// The only one who writes to the database.
pub(super) struct Writer {
    file: PathBuf,
    connection: Connection,
    stored: StoredHeader,
    /// Marks up to this one are forgotten.
    archived: u64,
    sweep: Sweep,
}

impl Writer {
    pub(super) fn new(file: PathBuf, connection: Connection, stored: StoredHeader) -> Self {
        Self {
            file,
            connection,
            stored,
            archived: 0,
            sweep: Sweep::default(),
        }
    }

    /// Writes all of it or nothing. Returns where chains are written now; `number_of` says where they were.
    pub(super) fn write(
        &mut self,
        frozen: &Memtable,
        changes: &Changes,
        forgotten: Position,
        number_of: &dyn Fn(&Subject) -> Option<ChainNumber>,
    ) -> Result<HashMap<Subject, Written>, IndexError> {
        let failed = |source| IndexError::sqlite(&self.file, source);
        let behaviour = TransactionBehavior::Immediate;
        let transaction =
            Transaction::new_unchecked(&self.connection, behaviour).map_err(failed)?;
        let mut sweep = self.sweep;
        let mut step = Step {
            file: &self.file,
            connection: &transaction,
            stored: self.stored,
            written: HashMap::new(),
            number_of,
            scratch: Vec::new(),
        };
        step.stored.header = changes.header;
        step.entries(frozen)?;
        step.state(changes, self.archived)?;
        sweep.go_on(&mut step, forgotten)?;
        step.header(true)?;
        let (stored, written) = (step.stored, step.written);
        transaction.commit().map_err(failed)?;
        self.bound_log().map_err(failed)?;
        self.stored = stored;
        self.archived = self.archived.max(changes.archived);
        self.sweep = sweep;
        Ok(written)
    }

    /// What readers look at cannot be taken over into the database, so with many of them SQLite's own log may grow. When it
    /// is large, it is emptied, which waits for those who are reading; no others wait.
    fn bound_log(&self) -> rusqlite::Result<()> {
        let length = fs::metadata(schema::log_of(&self.file)).map_or(0, |metadata| metadata.len());
        if length > schema::LOG_BYTES {
            let sql = "PRAGMA wal_checkpoint(RESTART)";
            self.connection.query_row(sql, [], |_| Ok(()))?;
        }
        Ok(())
    }
}

/// What is done in one transaction.
pub(super) struct Step<'a> {
    file: &'a Path,
    connection: &'a Connection,
    pub(super) stored: StoredHeader,
    written: HashMap<Subject, Written>,
    number_of: &'a dyn Fn(&Subject) -> Option<ChainNumber>,
    scratch: Vec<u8>,
}

impl Step<'_> {
    fn entries(&mut self, frozen: &Memtable) -> Result<(), IndexError> {
        for roster in &frozen.rosters {
            self.roster(roster)?;
        }
        let mut runs = Vec::with_capacity(frozen.runs.len());
        for (conversation, entries) in &frozen.runs {
            let subject = Subject::Conversation(conversation.clone());
            runs.push((self.number(&subject)?, subject, entries));
        }
        // Rows that are beside each other are written one after the other.
        runs.sort_unstable_by_key(|(number, ..)| *number);
        for (number, subject, entries) in runs {
            self.append(number, subject, entries)?;
        }
        for (login, entries) in &frozen.tags {
            let subject = Subject::Tags(login.clone());
            let number = self.number(&subject)?;
            self.append(number, subject, entries)?;
        }
        Ok(())
    }

    fn state(&mut self, changes: &Changes, archived: u64) -> Result<(), IndexError> {
        for entry in &changes.cursors {
            let subject = Subject::Conversation(entry.conversation.clone());
            let key = rows::cursor_key(self.number(&subject)?, &entry.user);
            self.put(&key, &rows::cursor_value(&entry.cursor))?;
        }
        for (login, at) in &changes.seen {
            let mut value = Vec::new();
            put_time(&mut value, *at);
            self.put(&rows::name_key(SEEN, login), &value)?;
        }
        for device in &changes.devices {
            self.put(&rows::device_key(device), &device.window)?;
        }
        for epoch in &changes.epochs {
            self.put(&rows::epoch_key(epoch), &rows::epoch_value(epoch))?;
        }
        let marks = changes.marks.iter();
        for mark in marks.filter(|mark| mark.number > changes.archived) {
            self.put(&rows::mark_key(mark.number), &rows::mark_value(mark))?;
        }
        if changes.archived > archived {
            self.remove(&rows::mark_key(0), &rows::mark_key(changes.archived))?;
        }
        Ok(())
    }

    /// The number of a chain, which is new if there is none.
    fn number(&mut self, subject: &Subject) -> Result<ChainNumber, IndexError> {
        if let Some(written) = self.written.get(subject) {
            return Ok(written.number);
        }
        if let Some(number) = (self.number_of)(subject) {
            return Ok(number);
        }
        self.stored.chains += 1;
        let number = self.stored.chains;
        self.put_chain(number, &Chain::new(subject.clone()), None)?;
        let last = MessageId(0);
        self.written
            .insert(subject.clone(), Written { number, last });
        Ok(number)
    }

    /// The row of a chain, and its checksum.
    pub(super) fn chain(&self, number: ChainNumber) -> Result<(Chain, u64), IndexError> {
        read_chain(self.file, self.connection, number)
    }

    pub(super) fn reader(&self, number: ChainNumber, chain: Chain) -> ChainReader<'_> {
        ChainReader::of(self.file, self.connection, number, chain)
    }

    /// Writes the row of a chain; `old` is the checksum of what it was.
    pub(super) fn put_chain(
        &mut self,
        number: ChainNumber,
        chain: &Chain,
        old: Option<u64>,
    ) -> Result<(), IndexError> {
        self.change(&Chain::key(number), &chain.value(), old)
    }

    /// Appends entries to a chain: to its last block as long as that is small, then to new ones.
    fn append<E: Entry>(
        &mut self,
        number: ChainNumber,
        subject: Subject,
        entries: &[E],
    ) -> Result<(), IndexError> {
        let (mut chain, old) = self.chain(number)?;
        if chain.subject != subject {
            return Err(self.damaged("two conversations have the same number"));
        }
        let reader = self.reader(number, chain.clone());
        let mut block: Growing<E> = match reader.tail()? {
            Some(tail) if tail.bytes.len() < BLOCK_BYTES => {
                let unpacked = unpack_all::<E>(&tail.bytes);
                let (_, before) = unpacked.ok_or_else(|| self.damaged("a block cannot be read"))?;
                Growing {
                    row: Some(tail.number),
                    first: tail.first,
                    ordinal: tail.ordinal,
                    previous: tail.previous,
                    before,
                    bytes: tail.bytes,
                }
            }
            _ => Growing::new(chain.end, chain.tail),
        };
        for entry in entries {
            if entry.first() <= chain.last {
                return Err(self.damaged("a message is there already"));
            }
            if block.bytes.len() >= BLOCK_BYTES {
                chain.tail = self.store(number, &block)?;
                block = Growing::new(block.ordinal + 1, chain.tail);
            }
            if block.bytes.is_empty() {
                block.first = entry.first();
            }
            entry.pack(&mut block.before, &mut block.bytes);
            chain.last = entry.last();
        }
        chain.tail = self.store(number, &block)?;
        chain.end = block.ordinal + 1;
        self.put_chain(number, &chain, Some(old))?;
        let last = chain.last;
        self.written.insert(subject, Written { number, last });
        Ok(())
    }

    fn store<E: Entry>(
        &mut self,
        chain: ChainNumber,
        block: &Growing<E>,
    ) -> Result<u64, IndexError> {
        let key = (block.first, block.ordinal, block.previous);
        let sum = block_checksum(chain, key, &block.bytes, &mut self.scratch);
        let written = match block.row {
            Some(row) => {
                let sql = "UPDATE blocks SET entries = ?2, checksum = ?3 WHERE number = ?1";
                self.execute(sql, params![row, block.bytes, sum.cast_signed()])?
            }
            None => {
                let sql = "INSERT INTO blocks (chain, first, ordinal, previous, entries, checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                let values = params![
                    chain,
                    block.first.0.cast_signed(),
                    block.ordinal.cast_signed(),
                    block.previous.cast_signed(),
                    block.bytes,
                    sum.cast_signed()
                ];
                self.execute(sql, values)?
            }
        };
        if written != 1 {
            return Err(self.damaged("a block is missing"));
        }
        Ok(sum)
    }

    /// Deletes a block.
    pub(super) fn delete_block(&mut self, number: i64) -> Result<(), IndexError> {
        match self.execute("DELETE FROM blocks WHERE number = ?1", params![number])? {
            1 => Ok(()),
            _ => Err(self.damaged("a block is missing")),
        }
    }

    fn roster(&mut self, roster: &RosterEntry) -> Result<(), IndexError> {
        let members = rosters::pack(roster.members.as_deref());
        let sum = rosters::row_checksum(roster.number, &members);
        let sql = "INSERT INTO rosters (number, members, checksum) VALUES (?1, ?2, ?3)";
        self.execute(sql, params![roster.number, members, sum.cast_signed()])?;
        let mut value = Vec::new();
        put(&mut value, roster.number.into());
        self.put(&rows::name_key(GROUP, &roster.group), &value)
    }

    /// Writes a row of the state, or writes it anew.
    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), IndexError> {
        let read = || {
            let sql = "SELECT checksum FROM state WHERE key = ?1";
            let mut statement = self.connection.prepare_cached(sql)?;
            let old = statement.query_row([key], |row| row.get::<_, i64>(0));
            old.optional()
        };
        let old = read().map_err(|source| IndexError::sqlite(self.file, source))?;
        self.change(key, value, old.map(i64::cast_unsigned))
    }

    /// The same if the checksum of what is there is known, or that there is nothing.
    fn change(&mut self, key: &[u8], value: &[u8], old: Option<u64>) -> Result<(), IndexError> {
        let sum = checksum(Table::State, key, value, &mut self.scratch);
        let stored = &mut self.stored;
        match old {
            Some(old) => stored.sum = stored.sum.wrapping_sub(old),
            None => stored.rows += 1,
        }
        stored.sum = stored.sum.wrapping_add(sum);
        self.write_row(key, value, sum, old.is_some())
    }

    /// Deletes the rows between two keys, both included.
    fn remove(&mut self, first: &[u8], last: &[u8]) -> Result<(), IndexError> {
        let sql = "DELETE FROM state WHERE key BETWEEN ?1 AND ?2 RETURNING checksum";
        let remove = || {
            let mut statement = self.connection.prepare_cached(sql)?;
            let removed = statement.query_map([first, last], |row| row.get::<_, i64>(0))?;
            removed.collect::<rusqlite::Result<Vec<_>>>()
        };
        let removed = remove().map_err(|source| IndexError::sqlite(self.file, source))?;
        let stored = &mut self.stored;
        for sum in removed {
            stored.rows = stored.rows.wrapping_sub(1);
            stored.sum = stored.sum.wrapping_sub(sum.cast_unsigned());
        }
        Ok(())
    }

    fn header(&mut self, is_there: bool) -> Result<(), IndexError> {
        let value = self.stored.value();
        let sum = checksum(Table::State, &[HEADER], &value, &mut self.scratch);
        self.write_row(&[HEADER], &value, sum, is_there)
    }

    fn write_row(
        &self,
        key: &[u8],
        value: &[u8],
        sum: u64,
        is_there: bool,
    ) -> Result<(), IndexError> {
        let sql = if is_there {
            "UPDATE state SET value = ?2, checksum = ?3 WHERE key = ?1"
        } else {
            "INSERT INTO state (key, value, checksum) VALUES (?1, ?2, ?3)"
        };
        match self.execute(sql, params![key, value, sum.cast_signed()])? {
            1 => Ok(()),
            _ => Err(self.damaged("a part of the state is missing")),
        }
    }

    fn execute(&self, sql: &str, values: &[&dyn ToSql]) -> Result<usize, IndexError> {
        let statement = self.connection.prepare_cached(sql);
        let done = statement.and_then(|mut statement| statement.execute(values));
        done.map_err(|source| IndexError::sqlite(self.file, source))
    }

    fn damaged(&self, reason: &str) -> IndexError {
        IndexError::damaged(self.file, reason)
    }
}

/// A block that entries are appended to.
struct Growing<E: Entry> {
    /// Its row, if there is one.
    row: Option<i64>,
    first: MessageId,
    ordinal: u64,
    previous: u64,
    before: E::Before,
    bytes: Vec<u8>,
}

impl<E: Entry> Growing<E> {
    fn new(ordinal: u64, previous: u64) -> Self {
        Self {
            row: None,
            first: MessageId(0),
            ordinal,
            previous,
            before: E::Before::default(),
            bytes: Vec::with_capacity(BLOCK_BYTES + 64),
        }
    }
}

/// Makes the tables of an index without a message.
pub(super) fn create(
    file: &Path,
    connection: &Connection,
    log: Identity,
) -> Result<StoredHeader, IndexError> {
    let failed = |source| IndexError::sqlite(file, source);
    let behaviour = TransactionBehavior::Immediate;
    let transaction = Transaction::new_unchecked(connection, behaviour).map_err(failed)?;
    schema::create(&transaction).map_err(failed)?;
    let mut step = Step {
        file,
        connection: &transaction,
        stored: StoredHeader::new(log),
        written: HashMap::new(),
        number_of: &|_| None,
        scratch: Vec::new(),
    };
    step.header(false)?;
    let stored = step.stored;
    transaction.commit().map_err(failed)?;
    Ok(stored)
}
