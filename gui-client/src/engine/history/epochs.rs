//! Epochs: periods in which one thing gives the order of messages, either a live server's ids or,
//! with classic servers, the order of arrival. A place is made of an epoch and a number within it
//! (see `row.rs`).
//!
//! The table `live_epochs` holds, for each epoch of a live server, its first id, and the epoch to
//! which lower ids belong.

use rusqlite::{Connection, OptionalExtension};

use super::{fact, set_fact};

/// The bits of a place below its epoch: they hold a server's id, or a local number.
pub(super) const EPOCH_BITS: u32 = 40;

/// An epoch in which a live server gives the order.
#[derive(Clone, Copy, Debug)]
pub(super) struct LiveEpoch {
    pub(super) epoch: i64,
    pub(super) first_id: i64,
    /// The epoch to which ids below the first one belong.
    pub(super) below: Option<i64>,
}

/// Whether a live server gives the order now.
pub(super) fn is_live(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(fact::<i64>(connection, "epoch_is_live")? == Some(1))
}

/// Begins an epoch in which a live server gives the order, with the ids from `first_id` on; lower
/// ones stay where they are.
pub(super) fn begin_live(connection: &Connection, first_id: i64) -> rusqlite::Result<()> {
    let below = latest(connection)?.map(|latest| latest.epoch);
    let epoch = begin(connection, true)?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO live_epochs VALUES (?1, ?2, ?3)")?
        .execute((epoch, first_id, below))?;
    Ok(())
}

/// Begins an epoch of the order of arrival, unless there is one: a classic server gives no order.
pub(super) fn end_live(connection: &Connection) -> rusqlite::Result<()> {
    if is_live(connection)? {
        begin(connection, false)?;
    }
    Ok(())
}

fn begin(connection: &Connection, is_live: bool) -> rusqlite::Result<i64> {
    let epoch = current(connection)? + 1;
    set_fact(connection, "epoch", epoch)?;
    set_fact(connection, "epoch_is_live", i64::from(is_live))?;
    Ok(epoch)
}

fn current(connection: &Connection) -> rusqlite::Result<i64> {
    Ok(fact(connection, "epoch")?.unwrap_or(0))
}

/// Where the places of the current epoch begin.
pub(super) fn start(connection: &Connection) -> rusqlite::Result<i64> {
    Ok(place(current(connection)?, 0))
}

/// A place of an epoch.
pub(super) fn place(epoch: i64, id: i64) -> i64 {
    (epoch << EPOCH_BITS) + id
}

/// The place of a server's message.
pub(super) fn live_place(connection: &Connection, server_id: i64) -> rusqlite::Result<i64> {
    let epoch = match standing(connection, latest(connection)?, server_id)? {
        Some(standing) => standing.epoch,
        None => current(connection)?,
    };
    Ok(place(epoch, server_id))
}

/// The last live server's epoch.
pub(super) fn latest(connection: &Connection) -> rusqlite::Result<Option<LiveEpoch>> {
    let latest: Option<i64> = connection
        .prepare_cached("SELECT max(epoch) FROM live_epochs")?
        .query_row([], |row| row.get(0))?;
    latest.map_or(Ok(None), |latest| get(connection, latest))
}

/// One live server's epoch.
pub(super) fn get(connection: &Connection, epoch: i64) -> rusqlite::Result<Option<LiveEpoch>> {
    connection
        .prepare_cached("SELECT epoch, first_id, below FROM live_epochs WHERE epoch = ?1")?
        .query_row([epoch], |row| {
            Ok(LiveEpoch {
                epoch: row.get(0)?,
                first_id: row.get(1)?,
                below: row.get(2)?,
            })
        })
        .optional()
}

/// In which epoch an id stands, looking from one epoch down.
pub(super) fn standing(
    connection: &Connection,
    from: Option<LiveEpoch>,
    server_id: i64,
) -> rusqlite::Result<Option<LiveEpoch>> {
    let mut found = from;
    while let Some(epoch) = found
        && server_id < epoch.first_id
    {
        // Always an earlier one, so this ends, whatever the table says.
        found = match epoch.below.filter(|below| *below < epoch.epoch) {
            Some(below) => get(connection, below)?,
            None => None,
        };
    }
    Ok(found)
}

/// From `first_id` on ids stand in an epoch; lower ones, in another one.
pub(super) fn begin_at(
    connection: &Connection,
    epoch: i64,
    first_id: i64,
    below: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE live_epochs SET first_id = ?2, below = ?3 WHERE epoch = ?1")?
        .execute((epoch, first_id, below))?;
    Ok(())
}
