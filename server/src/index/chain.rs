//! Reads the blocks of a chain, and detects a block that is missing or outdated.

use std::path::Path;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row};

use super::{
    IndexError,
    entries::{Entry, unpack_all},
    memtable::Written,
    schema::{Table, checksum},
    state_rows::{Chain, ChainNumber},
};
use crate::model::message::MessageId;

/// The capacity in bytes of buffers for a block. Allocators keep a few freed buffers of each small size for each thread. With
/// as many sizes as blocks have, a thousand sessions would keep 20 MiB.
const BUFFER_BYTES: usize = 2 * 1024;

const COLUMNS: &str = "number, first, ordinal, previous, entries, checksum FROM blocks";

/// A chain, as the connection's transaction sees it.
pub(super) struct ChainReader<'a> {
    file: &'a Path,
    connection: &'a Connection,
    number: ChainNumber,
    pub(super) chain: Chain,
}

/// A block whose checksum was verified.
pub(super) struct Block {
    /// The ordinal of the block in its chain.
    pub(super) number: i64,
    pub(super) first: MessageId,
    pub(super) ordinal: u64,
    /// The checksum of the previous block.
    pub(super) previous: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) checksum: u64,
}

/// A block with its entries decoded.
pub(super) struct Opened<E> {
    pub(super) block: Block,
    /// Not empty.
    pub(super) entries: Vec<E>,
    pub(super) last: MessageId,
}

/// A block, and the one after it.
type Around<E> = (Option<Opened<E>>, Option<Opened<E>>);

/// The checksum of a block.
pub(super) fn block_checksum(
    chain: ChainNumber,
    (first, ordinal, previous): (MessageId, u64, u64),
    bytes: &[u8],
    scratch: &mut Vec<u8>,
) -> u64 {
    let mut key = [0; 32];
    let values = [chain.into(), first.0, ordinal, previous];
    for (at, value) in key.chunks_exact_mut(8).zip(values) {
        at.copy_from_slice(&value.to_le_bytes());
    }
    checksum(Table::Blocks, &key, bytes, scratch)
}

/// Reads the row of a chain, and its checksum.
pub(super) fn read_chain(
    file: &Path,
    connection: &Connection,
    number: ChainNumber,
) -> Result<(Chain, u64), IndexError> {
    let damaged = || IndexError::damaged(file, "what it knows of a conversation cannot be read");
    let read = || {
        let sql = "SELECT value, checksum FROM state WHERE key = ?1";
        let mut statement = connection.prepare_cached(sql)?;
        let key = Chain::key(number);
        let found = statement.query_row([&key], |row| {
            let (value, sum) = (row.get_ref(0)?.as_blob()?, row.get::<_, i64>(1)?);
            let sum = sum.cast_unsigned();
            let is_right = checksum(Table::State, &key, value, &mut Vec::new()) == sum;
            let chain = is_right.then(|| Chain::read(&key[1..], value)).flatten();
            Ok(chain.map(|(_, chain)| (chain, sum)))
        });
        found.optional()
    };
    let found = read().map_err(|source| IndexError::sqlite(file, source))?;
    found.flatten().ok_or_else(damaged)
}

impl<'a> ChainReader<'a> {
    /// A chain that must reach at least as far as was written.
    pub(super) fn open(
        file: &'a Path,
        connection: &'a Connection,
        written: Written,
    ) -> Result<Self, IndexError> {
        let (chain, _) = read_chain(file, connection, written.number)?;
        if chain.last < written.last {
            return Err(IndexError::damaged(file, "it is older than it was"));
        }
        Ok(Self::of(file, connection, written.number, chain))
    }

    pub(super) fn of(
        file: &'a Path,
        connection: &'a Connection,
        number: ChainNumber,
        chain: Chain,
    ) -> Self {
        Self {
            file,
            connection,
            number,
            chain,
        }
    }

    /// The last block that begins at or before a message.
    pub(super) fn up_to<E: Entry>(&self, id: MessageId) -> Result<Option<Opened<E>>, IndexError> {
        Ok(self.around(id)?.0)
    }

    /// The first block that ends at or after a message.
    pub(super) fn from<E: Entry>(&self, id: MessageId) -> Result<Option<Opened<E>>, IndexError> {
        let (found, next) = self.around(id)?;
        Ok(found.filter(|found| found.last >= id).or(next))
    }

    /// The last block.
    pub(super) fn tail(&self) -> Result<Option<Block>, IndexError> {
        if self.chain.start == self.chain.end {
            return Ok(None);
        }
        let tail = self.at_or_before(MessageId::MAX)?;
        let tail = tail.filter(|block| self.is_tail(block));
        tail.map(Some).ok_or_else(|| self.broken())
    }

    /// The first block.
    pub(super) fn head<E: Entry>(&self) -> Result<Option<Opened<E>>, IndexError> {
        if self.chain.start == self.chain.end {
            return Ok(None);
        }
        let head = self.after(MessageId(0))?;
        let head = head.filter(|block| block.ordinal == self.chain.start);
        self.open_block(head.ok_or_else(|| self.broken())?)
            .map(Some)
    }

    /// The block before.
    pub(super) fn before<E: Entry>(&self, later: &Block) -> Result<Option<Opened<E>>, IndexError> {
        if later.ordinal == self.chain.start {
            return Ok(None);
        }
        let found = self.at_or_before(MessageId(later.first.0.saturating_sub(1)))?;
        let found = found.filter(|block| follows(block, later));
        self.open_block(found.ok_or_else(|| self.broken())?)
            .map(Some)
    }

    /// The last block that begins at or before a message, and the next one if the block ends before the message. No other
    /// block is between them.
    fn around<E: Entry>(&self, id: MessageId) -> Result<Around<E>, IndexError> {
        let Some(found) = self.at_or_before(id)? else {
            let head = self.head::<E>()?;
            return match head {
                Some(head) if head.block.first <= id => Err(self.broken()),
                head => Ok((None, head)),
            };
        };
        let found = self.open_block::<E>(found)?;
        if found.last >= id {
            return Ok((Some(found), None));
        }
        if found.block.ordinal + 1 == self.chain.end {
            return if self.is_tail(&found.block) {
                Ok((Some(found), None))
            } else {
                Err(self.broken())
            };
        }
        let next = self.after(found.block.first)?;
        let next = next.filter(|next| follows(&found.block, next) && next.first > id);
        let next = self.open_block(next.ok_or_else(|| self.broken())?)?;
        Ok((Some(found), Some(next)))
    }

    fn is_tail(&self, block: &Block) -> bool {
        block.ordinal + 1 == self.chain.end && block.checksum == self.chain.tail
    }

    fn at_or_before(&self, id: MessageId) -> Result<Option<Block>, IndexError> {
        self.block("first <= ?2 ORDER BY first DESC", id)
    }

    fn after(&self, id: MessageId) -> Result<Option<Block>, IndexError> {
        self.block("first > ?2 ORDER BY first", id)
    }

    fn block(&self, which: &str, id: MessageId) -> Result<Option<Block>, IndexError> {
        let sql = format!("SELECT {COLUMNS} WHERE chain = ?1 AND {which} LIMIT 1");
        let id = i64::try_from(id.0).unwrap_or(i64::MAX);
        let read = |mut statement: CachedStatement<'_>| {
            let found = statement.query_row((self.number, id), block);
            found.optional()
        };
        let found = self.connection.prepare_cached(&sql).and_then(read);
        let found = found.map_err(|source| IndexError::sqlite(self.file, source))?;
        let Some(block) = found else {
            return Ok(None);
        };
        let key = (block.first, block.ordinal, block.previous);
        let mut scratch = Vec::with_capacity(BUFFER_BYTES);
        let sum = block_checksum(self.number, key, &block.bytes, &mut scratch);
        let is_inside = (self.chain.start..self.chain.end).contains(&block.ordinal);
        if sum != block.checksum || !is_inside {
            return Err(self.broken());
        }
        Ok(Some(block))
    }

    fn open_block<E: Entry>(&self, block: Block) -> Result<Opened<E>, IndexError> {
        let opened = unpack_all::<E>(&block.bytes).and_then(|(entries, _)| {
            let (first, last) = (entries.first()?.first(), entries.last()?.last());
            (first == block.first).then_some((entries, last))
        });
        let (entries, last) = opened.ok_or_else(|| self.broken())?;
        Ok(Opened {
            block,
            entries,
            last,
        })
    }

    fn broken(&self) -> IndexError {
        IndexError::damaged(self.file, "a part of a conversation is missing or changed")
    }
}

/// Whether one block directly follows the other.
fn follows(earlier: &Block, later: &Block) -> bool {
    earlier.ordinal + 1 == later.ordinal && earlier.checksum == later.previous
}

fn block(row: &Row<'_>) -> rusqlite::Result<Block> {
    let unsigned = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
    let entries = row.get_ref(4)?.as_blob()?;
    let mut bytes = Vec::with_capacity(BUFFER_BYTES.max(entries.len()));
    bytes.extend_from_slice(entries);
    Ok(Block {
        number: row.get(0)?,
        first: MessageId(unsigned(1)?),
        ordinal: unsigned(2)?,
        previous: unsigned(3)?,
        bytes,
        checksum: unsigned(5)?,
    })
}
