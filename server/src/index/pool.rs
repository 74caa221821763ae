//! The connections that read: a few, each opened when it is first needed.

use std::path::PathBuf;

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use super::{IndexError, schema};

/// How many read at the same time; others wait for them, at most for the time that one takes.
const CONNECTIONS: usize = 4;

/// KiB of pages that each keeps.
const CACHE: i64 = 4 * 1024;

/// Connections that nobody uses at the moment; the one that was used last is used first, as it has pages at hand.
pub(super) struct Pool {
    file: PathBuf,
    /// A `None` is one that is not open.
    idle: Mutex<Vec<Option<Connection>>>,
    given_back: Condvar,
}

impl Pool {
    pub(super) fn new(file: PathBuf) -> Self {
        Self {
            file,
            idle: Mutex::new((0..CONNECTIONS).map(|_| None).collect()),
            given_back: Condvar::new(),
        }
    }

    /// Reads at one moment of the database.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        let idle = self.take();
        let mut place = Place {
            pool: self,
            connection: None,
        };
        let connection = match idle {
            Some(connection) => connection,
            None => schema::open_to_read(&self.file, CACHE)?,
        };
        let failed = |source| IndexError::sqlite(&self.file, source);
        let transaction = connection.unchecked_transaction().map_err(failed)?;
        let read = read(&transaction)?;
        transaction.commit().map_err(failed)?;
        // After an error another one is opened.
        place.connection = Some(connection);
        Ok(read)
    }

    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock();
        loop {
            match idle.pop() {
                Some(connection) => return connection,
                None => self.given_back.wait(&mut idle),
            }
        }
    }
}

/// One of the few that may read at the same time, given back whatever happens.
struct Place<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.pool.idle.lock().push(self.connection.take());
        self.pool.given_back.notify_one();
    }
}
