//! Generations: periods in which one source orders the messages, either a live server's ids or, with classic
//! servers, the order of arrival. A sort key consists of a generation and a number in it (see `row.rs`).
//!
//! The table `live_epochs` holds, for each generation of a live server, its first id, and the generation that
//! lower ids belong to. Table and columns got their names before the stores of servers had epochs.

use rusqlite::{Connection, OptionalExtension};

use super::{fact, set_fact};

/// The low bits of a sort key: they hold a server's id, or a local number. The generation is above them.
pub(super) const ID_BITS: u32 = 40;

/// A generation in which a live server orders the messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct LiveGeneration {
    pub(super) generation: i64,
    pub(super) first_id: i64,
    /// The generation that ids below the first one belong to.
    pub(super) below: Option<i64>,
}

/// Whether a live server orders the messages now.
pub(super) fn is_live(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(fact::<i64>(connection, "epoch_is_live")? == Some(1))
}

/// Begins a generation in which a live server orders the messages that have ids from `first_id` on. Lower ids
/// keep their generation.
pub(super) fn begin_live(connection: &Connection, first_id: i64) -> rusqlite::Result<()> {
    let below = latest(connection)?.map(|latest| latest.generation);
    let generation = begin(connection, true)?;
    connection
        .prepare_cached("INSERT OR REPLACE INTO live_epochs VALUES (?1, ?2, ?3)")?
        .execute((generation, first_id, below))?;
    Ok(())
}

/// Begins a generation in the order of arrival, unless that is the order already: a classic server gives none.
pub(super) fn end_live(connection: &Connection) -> rusqlite::Result<()> {
    if is_live(connection)? {
        begin(connection, false)?;
    }
    Ok(())
}

fn begin(connection: &Connection, is_live: bool) -> rusqlite::Result<i64> {
    let generation = current(connection)? + 1;
    set_fact(connection, "epoch", generation)?;
    set_fact(connection, "epoch_is_live", i64::from(is_live))?;
    Ok(generation)
}

fn current(connection: &Connection) -> rusqlite::Result<i64> {
    Ok(fact(connection, "epoch")?.unwrap_or(0))
}

/// The lowest sort key of the current generation.
pub(super) fn start(connection: &Connection) -> rusqlite::Result<i64> {
    Ok(sort_key(current(connection)?, 0))
}

/// The sort key of an id or a local number in a generation.
pub(super) fn sort_key(generation: i64, id: i64) -> i64 {
    (generation << ID_BITS) + id
}

/// The sort key of a server's message.
pub(super) fn live_sort_key(connection: &Connection, server_id: i64) -> rusqlite::Result<i64> {
    let generation = match of_id(connection, latest(connection)?, server_id)? {
        Some(found) => found.generation,
        None => current(connection)?,
    };
    Ok(sort_key(generation, server_id))
}

/// The last live server's generation.
pub(super) fn latest(connection: &Connection) -> rusqlite::Result<Option<LiveGeneration>> {
    let latest: Option<i64> = connection
        .prepare_cached("SELECT max(epoch) FROM live_epochs")?
        .query_row([], |row| row.get(0))?;
    latest.map_or(Ok(None), |latest| get(connection, latest))
}

/// A generation by its number, if it is a live server's.
pub(super) fn get(
    connection: &Connection,
    generation: i64,
) -> rusqlite::Result<Option<LiveGeneration>> {
    connection
        .prepare_cached("SELECT epoch, first_id, below FROM live_epochs WHERE epoch = ?1")?
        .query_row([generation], |row| {
            Ok(LiveGeneration {
                generation: row.get(0)?,
                first_id: row.get(1)?,
                below: row.get(2)?,
            })
        })
        .optional()
}

/// The generation that an id belongs to: `from`, or one below it.
pub(super) fn of_id(
    connection: &Connection,
    from: Option<LiveGeneration>,
    server_id: i64,
) -> rusqlite::Result<Option<LiveGeneration>> {
    let mut found = from;
    while let Some(candidate) = found
        && server_id < candidate.first_id
    {
        // Always an earlier one, so this ends, whatever the table says.
        let below = candidate
            .below
            .filter(|&below| below < candidate.generation);
        found = match below {
            Some(below) => get(connection, below)?,
            None => None,
        };
    }
    Ok(found)
}

/// Lets a generation begin at `first_id`. Lower ids belong to the generation `below`.
pub(super) fn begin_at(
    connection: &Connection,
    generation: i64,
    first_id: i64,
    below: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE live_epochs SET first_id = ?2, below = ?3 WHERE epoch = ?1")?
        .execute((generation, first_id, below))?;
    Ok(())
}
