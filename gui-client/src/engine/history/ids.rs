//! Which messages the server's ids mean. They are those of one store, and of one of its epochs (PROTOCOL.md,
//! V3): once a backup was restored, ids are given again, to other messages. What was told under them before
//! stays, with numbers that no server gives, and what is told under them from then on stands after it.

use mensageiro_protocol::live::{Delivered, StoreId};
use rusqlite::{Connection, OptionalExtension};

use super::{
    History, Result, fact,
    generations::{self, ID_BITS, LiveGeneration, sort_key},
    row::{delivery, number},
    set_fact, settings,
};
use crate::engine::net::StoreEpoch;

impl History {
    /// The store of the server that gave the ids, and its epoch, if it told them.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn store_epoch(&self) -> Result<Option<StoreEpoch>> {
        let store: Option<String> = fact(&self.connection, "store")?;
        let epoch: Option<i64> = fact(&self.connection, "store_epoch")?;
        let store = store.and_then(|digits| StoreId::parse(&digits).ok());
        let epoch = epoch.and_then(|epoch| u64::try_from(epoch).ok());
        Ok(store
            .zip(epoch)
            .map(|(store, epoch)| StoreEpoch { store, epoch }))
    }

    /// Keeps it.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn keep_store_epoch(&self, of: StoreEpoch) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        keep(&transaction, of)?;
        transaction.commit()?;
        Ok(())
    }

    /// The highest id that any message has here; 0: none has one.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn highest_id(&self) -> Result<u64> {
        let query = "SELECT max(
            (SELECT coalesce(max(server_id), 0) FROM messages WHERE server_id IS NOT NULL),
            (SELECT coalesce(max(server_id), 0) FROM changes WHERE server_id IS NOT NULL))";
        let highest: i64 = self
            .connection
            .prepare_cached(query)?
            .query_row([], |row| row.get(0))?;
        Ok(u64::try_from(highest).unwrap_or(0))
    }

    /// From now on the server's ids mean other messages, but for those up to `kept`. What was told under
    /// the others stays where it stands. `of`: what the ids are of now, if the server tells.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn begin_ids(&self, kept: Option<u64>, of: Option<StoreEpoch>) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        let up_to = kept.map_or(0, number);
        transaction.execute(
            "UPDATE messages SET server_id = -id WHERE server_id > ?1",
            [up_to],
        )?;
        transaction.execute(
            "UPDATE changes SET server_id = -id WHERE server_id > ?1",
            [up_to],
        )?;
        // Who has read up to a message that is gone has read up to the last one that is not.
        transaction.execute(
            "INSERT OR IGNORE INTO receipts (conversation, login, state, up_to, at)
             SELECT conversation, login, state, ?1, at FROM
                 (SELECT conversation, login, state, min(up_to), at FROM receipts
                  WHERE up_to > ?1 GROUP BY conversation, login, state)
             WHERE ?1 > 0",
            [up_to],
        )?;
        transaction.execute("DELETE FROM receipts WHERE up_to > ?1", [up_to])?;
        // The server may not know any more what was read.
        transaction.execute(
            "UPDATE conversations SET seen_id = min(seen_id, ?1), told_id = 0",
            [up_to],
        )?;
        match kept {
            None => transaction.execute_batch(
                "UPDATE conversations SET known_from = NULL;
                 DELETE FROM facts WHERE name IN ('position', 'known_from', 'surveyed');",
            )?,
            Some(_) => {
                transaction.execute(
                    "UPDATE conversations SET known_from = ?1 + 1 WHERE known_from > ?1 + 1",
                    [up_to],
                )?;
                transaction.execute(
                    "UPDATE facts SET value = ?1 + 1 WHERE name = 'known_from' AND value > ?1 + 1",
                    [up_to],
                )?;
                transaction.execute(
                    "UPDATE facts SET value = ?1 WHERE name = 'position' AND value > ?1",
                    [up_to],
                )?;
            }
        }
        settings::begin_anew(&transaction)?;
        // Otherwise the live session that begins now begins one.
        if generations::is_live(&transaction)? {
            generations::begin_live(&transaction, up_to + 1)?;
        }
        match of {
            Some(of) => keep(&transaction, of)?,
            None => drop(transaction.execute(
                "DELETE FROM facts WHERE name IN ('store', 'store_epoch')",
                [],
            )?),
        }
        transaction.commit()?;
        Ok(())
    }
}

fn keep(connection: &Connection, of: StoreEpoch) -> rusqlite::Result<()> {
    set_fact(connection, "store", of.store.to_string())?;
    set_fact(connection, "store_epoch", number(of.epoch))
}

/// Looks whether a message that is told is here under the same id, from before ids began anew. Then all ids
/// up to it mean what they meant then, and their messages get them back. Nobody has said so: a
/// server that was restored from a copy does not know it.
pub(super) fn rejoin(
    connection: &Connection,
    told: &Delivered,
    conversation: i64,
    is_own: bool,
) -> rusqlite::Result<bool> {
    let server_id = number(told.id);
    let now = generations::latest(connection)?.filter(|now| now.first_id <= server_id);
    let Some(now) = now else {
        return Ok(false);
    };
    let author = match is_own || told.from == told.with {
        true => "",
        false => told.from.as_str(),
    };
    let state = match is_own {
        true => delivery::ACCEPTED,
        false => delivery::RECEIVED,
    };
    let found: Option<(i64, bool)> = connection
        .prepare_cached(
            "SELECT place, unread FROM messages
             WHERE place IN (SELECT (epoch << ?1) + ?2 FROM live_epochs WHERE epoch < ?3)
                 AND server_id < 0 AND conversation = ?4 AND author = ?5 AND delivery = ?6
                 AND at = ?7 AND coalesce(first_text, text) = ?8
             ORDER BY place DESC LIMIT 1",
        )?
        .query_row(
            (
                ID_BITS,
                server_id,
                now.generation,
                conversation,
                author,
                state,
                told.at,
                told.text.as_str(),
            ),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    let Some((stands, unread)) = found else {
        return Ok(false);
    };
    give_back(connection, now, stands >> ID_BITS, server_id)?;
    if !is_own && !unread {
        // The server is told once more.
        connection
            .prepare_cached("UPDATE conversations SET seen_id = max(seen_id, ?2) WHERE id = ?1")?
            .execute((conversation, server_id))?;
    }
    Ok(true)
}

/// Moves ids of the generation `now`, up to one, back to an earlier generation, or to those below it.
fn give_back(
    connection: &Connection,
    now: LiveGeneration,
    earlier: i64,
    up_to: i64,
) -> rusqlite::Result<()> {
    generations::begin_at(connection, now.generation, up_to + 1, earlier)?;
    let (mut last, mut generation) = (up_to, generations::get(connection, earlier)?);
    while last >= now.first_id.max(1)
        && let Some(found) = generations::of_id(connection, generation, last)?
    {
        let from = found.first_id.max(now.first_id).max(1);
        connection
            .prepare_cached(
                "UPDATE OR IGNORE messages SET server_id = place - ?1
                 WHERE place BETWEEN ?1 + ?2 AND ?1 + ?3 AND server_id < 0",
            )?
            .execute((sort_key(found.generation, 0), from, last))?;
        // So are messages that arrived in the meantime.
        connection
            .prepare_cached(
                "UPDATE messages SET place = ?1 + server_id
                 WHERE place BETWEEN ?4 + ?2 AND ?4 + ?3 AND server_id > 0",
            )?
            .execute((
                sort_key(found.generation, 0),
                from,
                last,
                sort_key(now.generation, 0),
            ))?;
        // And what is about them.
        for (table, column) in [("messages", "re"), ("changes", "of"), ("changes", "place")] {
            connection
                .prepare_cached(&format!(
                    "UPDATE {table} SET {column} = {column} - ?3 + ?1
                     WHERE {column} BETWEEN ?3 + ?2 AND ?3 + ?4"
                ))?
                .execute((
                    sort_key(found.generation, 0),
                    from,
                    sort_key(now.generation, 0),
                    last,
                ))?;
        }
        (last, generation) = (from - 1, Some(found));
    }
    Ok(())
}
