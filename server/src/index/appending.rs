//! Appends entries to the blocks of a chain.

use rusqlite::params;

use super::{
    IndexError,
    chain::block_checksum,
    entries::{Entry, unpack_all},
    memtable::Written,
    state_rows::{ChainNumber, Subject},
    step::Step,
};
use crate::model::message::MessageId;

/// A block with this many bytes gets no more entries. Four such blocks fit on a page. A block holds about eighty messages
/// that were sent one at a time.
const BLOCK_BYTES: usize = 940;

impl Step<'_> {
    /// Appends entries to a chain: to its last block while that is small, then to new blocks.
    pub(super) fn append<E: Entry>(
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
}

/// A block that entries are appended to.
struct Growing<E: Entry> {
    /// The row that holds it, if it was written before.
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
