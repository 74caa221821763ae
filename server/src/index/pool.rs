//! The connections that read: a few, each opened when it is first needed.

use std::path::PathBuf;

use crossbeam_channel::{Receiver, Sender, bounded};
use rusqlite::Connection;

use super::{IndexError, schema};

/// How many read at the same time; others wait for them, at most for the time that one takes.
const CONNECTIONS: usize = 4;

/// KiB of pages that each keeps.
const CACHE: i64 = 4 * 1024;

/// Connections that nobody uses at the moment.
pub(super) struct Pool {
    file: PathBuf,
    give: Sender<Option<Connection>>,
    take: Receiver<Option<Connection>>,
}

impl Pool {
    pub(super) fn new(file: PathBuf) -> Self {
        let (give, take) = bounded(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            // There is room for all of them.
            let _ = give.try_send(None);
        }
        Self { file, give, take }
    }

    /// Reads at one moment of the database.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, IndexError>,
    ) -> Result<T, IndexError> {
        // Both ends are here, so it never ends.
        let idle = self.take.recv().unwrap_or_default();
        let mut place = Place {
            give: &self.give,
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
}

/// One of the few that may read at the same time, given back whatever happens.
struct Place<'a> {
    give: &'a Sender<Option<Connection>>,
    connection: Option<Connection>,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let _ = self.give.try_send(self.connection.take());
    }
}
