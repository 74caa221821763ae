//! Writes a frozen memtable and the changes of the state, in one transaction with the position.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{
    Changes, IndexError,
    memtable::{Memtable, Written},
    schema,
    state_rows::{ChainNumber, StoredHeader, Subject},
    step::Step,
    sweep::Sweep,
};
use crate::log::{Identity, Position};

/// The only writer of the database.
pub(super) struct Writer {
    file: PathBuf,
    connection: Connection,
    stored: StoredHeader,
    /// Read marks up to this one are deleted.
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

    /// Writes everything or nothing. Returns the chains that were written; `number_of` gives the numbers of existing chains.
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

    /// SQLite cannot checkpoint pages that readers still use, so with many readers its log may grow. When the log is large, it is
    /// emptied, which waits for current readers; nobody else waits.
    fn bound_log(&self) -> rusqlite::Result<()> {
        let length = fs::metadata(schema::log_of(&self.file)).map_or(0, |metadata| metadata.len());
        if length > schema::LOG_BYTES {
            let sql = "PRAGMA wal_checkpoint(RESTART)";
            self.connection.query_row(sql, [], |_| Ok(()))?;
        }
        Ok(())
    }
}

/// Creates an empty index.
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
