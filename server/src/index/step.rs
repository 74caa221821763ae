//! One transaction of the writer.

use std::{collections::HashMap, path::Path};

use rusqlite::{Connection, OptionalExtension, ToSql, params};

use super::{
    ChangeEntry, Changes, IndexError, RosterEntry, Series,
    chain::{ChainReader, read_chain},
    memtable::{Memtable, Written, subject},
    pack::{put, put_time},
    rosters,
    schema::{Table, checksum},
    state_rows::{
        self as rows, Chain, ChainNumber, GROUP, HEADER, SEEN, StoredHeader, Subject, WRITTEN,
    },
};
use crate::model::message::MessageId;

/// A transaction in progress.
pub(super) struct Step<'a> {
    pub(super) file: &'a Path,
    pub(super) connection: &'a Connection,
    pub(super) stored: StoredHeader,
    pub(super) written: HashMap<Subject, Written>,
    pub(super) number_of: &'a dyn Fn(&Subject) -> Option<ChainNumber>,
    pub(super) scratch: Vec<u8>,
}

impl Step<'_> {
    pub(super) fn entries(&mut self, frozen: &Memtable) -> Result<(), IndexError> {
        for roster in &frozen.rosters {
            self.roster(roster)?;
        }
        let mut runs = Vec::with_capacity(frozen.runs.iter().map(HashMap::len).sum());
        for series in [Series::Said, Series::Changes] {
            for (conversation, entries) in &frozen.runs[series as usize] {
                let subject = subject(conversation, series);
                runs.push((self.number(&subject)?, subject, entries));
            }
        }
        // In the order of keys, so that neighbouring rows are written together.
        runs.sort_unstable_by_key(|(number, ..)| *number);
        for (number, subject, entries) in runs {
            self.append(number, subject, entries)?;
        }
        for (login, entries) in &frozen.tags {
            let subject = Subject::Tags(login.clone());
            let number = self.number(&subject)?;
            self.append(number, subject, entries)?;
        }
        for change in &frozen.changes {
            self.change(&rows::change_key(change), &[], None)?;
        }
        Ok(())
    }

    pub(super) fn state(&mut self, changes: &Changes, archived: u64) -> Result<(), IndexError> {
        for entry in &changes.cursors {
            let subject = Subject::Conversation(entry.conversation.clone());
            let key = rows::cursor_key(self.number(&subject)?, &entry.user);
            self.put(&key, &rows::cursor_value(entry))?;
        }
        for entry in &changes.groups {
            let key = rows::name_key(WRITTEN, &entry.group);
            self.put(&key, &rows::written_value(&entry.written))?;
        }
        for (login, at) in &changes.seen {
            let mut value = Vec::new();
            put_time(&mut value, *at);
            self.put(&rows::name_key(SEEN, login), &value)?;
        }
        for device in &changes.devices {
            let key = rows::device_key(device);
            match device.window.is_empty() {
                true => self.remove(&key, &key)?,
                false => self.put(&key, &device.window)?,
            }
        }
        for epoch in &changes.epochs {
            self.put(&rows::epoch_key(epoch), &rows::epoch_value(epoch))?;
        }
        for entry in &changes.holders {
            self.put(&rows::holder_key(&entry.who), &rows::holder_value(entry))?;
        }
        for entry in &changes.settings {
            let key = rows::setting_key(entry);
            match rows::setting_value(entry) {
                None => self.remove(&key, &key)?,
                Some(value) => self.put(&key, &value)?,
            }
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

    /// The number of a chain; a new one if the subject has none.
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

    /// Writes the row of a chain; `old` is the checksum of its previous value.
    pub(super) fn put_chain(
        &mut self,
        number: ChainNumber,
        chain: &Chain,
        old: Option<u64>,
    ) -> Result<(), IndexError> {
        self.change(&Chain::key(number), &chain.value(), old)
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

    /// Inserts or replaces a row of the state.
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

    /// The same if the checksum of the old row is known, or that there is none.
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

    /// Deletes what became of messages up to one.
    pub(super) fn forget_changes(&mut self, up_to: MessageId) -> Result<(), IndexError> {
        let change = |of, by| {
            rows::change_key(&ChangeEntry {
                of,
                is_deletion: by == MessageId::MAX,
                by,
            })
        };
        let last = change(up_to, MessageId::MAX);
        self.remove(&change(MessageId(0), MessageId(0)), &last)
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

    pub(super) fn header(&mut self, is_there: bool) -> Result<(), IndexError> {
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

    pub(super) fn execute(&self, sql: &str, values: &[&dyn ToSql]) -> Result<usize, IndexError> {
        let statement = self.connection.prepare_cached(sql);
        let done = statement.and_then(|mut statement| statement.execute(values));
        done.map_err(|source| IndexError::sqlite(self.file, source))
    }

    pub(super) fn damaged(&self, reason: &str) -> IndexError {
        IndexError::damaged(self.file, reason)
    }
}
