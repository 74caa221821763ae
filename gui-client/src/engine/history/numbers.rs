//! How own messages are numbered (PROTOCOL.md, V4): a tag is the name of this device, which belongs to this
//! database, and a number that rises with each message.
//!
//! A number is a time in milliseconds, or the next one if that has been given. So a copy of the database
//! that was put back gives other numbers than those which it does not know of, also to a server that does not
//! look whether they rise. Nothing relies on the clock: what the server refuses gets a tag of a new device.

use std::{collections::hash_map::RandomState, hash::BuildHasher};

use gethostname::gethostname;
use jiff::Timestamp;
use mensageiro_protocol::live::Tag;
use rusqlite::Connection;

use super::{History, Result, fact, row::number, set_fact};
use crate::engine::{MessageId, net::Outgoing};

/// So much of the computer's name is in that of the device.
const COMPUTER_CHARS: usize = 16;

/// Numbers are below this one: a time in milliseconds is far from it for a long time.
const FARTHEST_NUMBER: i64 = 1 << 53;

impl History {
    /// The name of this device, with which the tags of new messages begin. It is made once, of the computer's name and
    /// chance.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn device(&self) -> Result<Tag> {
        Ok(device(&self.connection)?)
    }

    /// New messages get numbers above this one. A number that no device of this app reaches is an error of the
    /// server.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn number_above(&self, highest: u64) -> Result<()> {
        let highest = number(highest);
        if last(&self.connection)? < highest && highest < FARTHEST_NUMBER {
            set_fact(&self.connection, "number", highest)?;
        }
        Ok(())
    }

    /// A message of the outbox gets another tag, as the server does not take its number: another device has the
    /// same name, or this database was copied. So this device has another name from now on, unless it has it already.
    /// `None`: the message is not in the outbox any more.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn renumber(&self, id: MessageId) -> Result<Option<Outgoing>> {
        let Some(refused) = self.outgoing(id)? else {
            return Ok(None);
        };
        let transaction = self.connection.unchecked_transaction()?;
        if refused.tag.number(&device(&transaction)?).is_some() {
            begin_device(&transaction)?;
        }
        tag(&transaction, id)?;
        transaction.commit()?;
        self.outgoing(id)
    }

    /// Messages written before there were tags get theirs.
    pub(super) fn tag_outbox(&self) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        let without: Vec<i64> = transaction
            .prepare("SELECT id FROM messages WHERE delivery IN (1, 2, 4) AND tag IS NULL")?
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for id in without {
            tag(&transaction, MessageId(id))?;
        }
        transaction.commit()?;
        Ok(())
    }
}

/// Gives a message its tag.
pub(super) fn tag(connection: &Connection, id: MessageId) -> rusqlite::Result<()> {
    let mut device = device(connection)?;
    let now = Timestamp::now().as_millisecond();
    let next = last(connection)?.max(now - 1).checked_add(1);
    let next = match next {
        Some(next) => next,
        // A device whose numbers are used up is followed by another one.
        None => {
            device = begin_device(connection)?;
            1
        }
    };
    set_fact(connection, "number", next)?;
    let tag = Tag::numbered(&device, next.unsigned_abs());
    let tag = tag.ok_or(rusqlite::Error::InvalidQuery)?;
    for table in ["messages", "changes"] {
        connection
            .prepare_cached(&format!("UPDATE {table} SET tag = ?2 WHERE id = ?1"))?
            .execute((id.0, tag.as_str()))?;
    }
    Ok(())
}

fn last(connection: &Connection) -> rusqlite::Result<i64> {
    Ok(fact(connection, "number")?.unwrap_or(0))
}

fn device(connection: &Connection) -> rusqlite::Result<Tag> {
    let kept: Option<String> = fact(connection, "device")?;
    match kept.as_deref().map(Tag::parse) {
        Some(Ok(device)) => Ok(device),
        _ => begin_device(connection),
    }
}

fn begin_device(connection: &Connection) -> rusqlite::Result<Tag> {
    let computer = gethostname();
    let computer = computer.to_string_lossy();
    let characters = computer.chars();
    let characters = characters.filter(|sign| sign.is_ascii_alphanumeric() || *sign == '-');
    let computer: String = characters.take(COMPUTER_CHARS).collect();
    // The standard library's hasher is seeded by the system's randomness.
    let chance = RandomState::new().hash_one(Timestamp::now()) >> 32;
    let name = format!("{computer}-{chance:08x}");
    let name = name.trim_start_matches('-');
    set_fact(connection, "device", name)?;
    set_fact(connection, "number", 0)?;
    Tag::parse(name).map_err(|_| rusqlite::Error::InvalidQuery)
}
