//! The epochs that places are made of (see `row.rs`): times in which one thing gives the order, a live server's
//! ids or, with classic servers, the order of arrival here.
//!
//! The table `live_epochs` says with which id each epoch begins that is a live server's. An id stands in the
//! latest epoch that does not begin after it.

use rusqlite::Connection;

use super::{fact, set_fact};

/// Places of one epoch: server ids, or local ones, above this many bits of the epoch's number.
const EPOCH_BITS: u32 = 40;

/// Whether the order is a live server's.
pub(super) fn is_live(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(fact::<i64>(connection, "epoch_is_live")? == Some(1))
}

/// A live server gives the order from now on, for ids from `first_id` on.
pub(super) fn begin_live(connection: &Connection, first_id: i64) -> rusqlite::Result<()> {
    let epoch = begin(connection, true)?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO live_epochs (epoch, first_id) VALUES (?1, ?2)")?
        .execute((epoch, first_id))?;
    Ok(())
}

/// A classic server gives no order: from now on it is that of arrival.
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
    let epoch = match latest(connection, server_id, i64::MAX)? {
        Some(epoch) => epoch,
        None => current(connection)?,
    };
    Ok(place(epoch, server_id))
}

/// In which epoch below `below` an id stands, or stood.
pub(super) fn latest(
    connection: &Connection,
    server_id: i64,
    below: i64,
) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT max(epoch) FROM live_epochs WHERE first_id <= ?1 AND epoch < ?2")?
        .query_row((server_id, below), |row| row.get(0))
}
