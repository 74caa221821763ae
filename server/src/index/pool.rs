//! A pool of a few connections for reading, each opened when it is first needed.

use std::path::PathBuf;

use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;

use super::{IndexError, schema};

/// The most connections that read at the same time. Others wait, at most for the duration of one read.
const CONNECTIONS: usize = 4;

/// The page cache of each connection, in KiB.
const CACHE: i64 = 4 * 1024;

/// Idle connections. The one that was used last is used first, as its cache is warm.
pub(super) struct Pool {
    file: PathBuf,
    /// `None`: a connection that is not open.
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

    /// Runs a query in one read transaction.
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
        // After an error the connection is replaced.
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

/// A connection of the pool, returned to it when this is dropped.
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
