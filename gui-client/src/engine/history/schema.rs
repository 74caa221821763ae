//! The tables of an account's database, and the way from each older version to this one.

use rusqlite::{Connection, Result, TransactionBehavior};

/// One step a version; `PRAGMA user_version` counts the steps done. Steps are never changed once
/// released, only added.
const STEPS: &[&str] = &["
    CREATE TABLE facts (
        name TEXT PRIMARY KEY,
        value ANY NOT NULL
    ) STRICT;

    -- peer: a login; '' is the server itself.
    CREATE TABLE conversations (
        id INTEGER PRIMARY KEY,
        peer TEXT NOT NULL UNIQUE,
        seen_up_to INTEGER NOT NULL DEFAULT 0,
        draft TEXT NOT NULL DEFAULT ''
    ) STRICT;

    -- at: milliseconds since 1970. delivery: 0 received, 1 waiting, 2 on its way, 3 accepted,
    -- 4 unconfirmed. Ids are never used twice: they are places in the timeline.
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation INTEGER NOT NULL REFERENCES conversations (id),
        text TEXT NOT NULL,
        at INTEGER NOT NULL,
        delivery INTEGER NOT NULL CHECK (delivery BETWEEN 0 AND 4)
    ) STRICT;
    CREATE INDEX timeline ON messages (conversation, id);
    CREATE INDEX received ON messages (conversation, id) WHERE delivery = 0;
    CREATE INDEX outbox ON messages (id) WHERE delivery IN (1, 2);
"];

/// The version this app reads and writes.
pub(super) fn version() -> i64 {
    STEPS.len() as i64
}

/// Brings the database to [`version`], in one transaction. Returns the version it had; if that
/// is a later one, nothing was touched.
pub(super) fn migrate(connection: &mut Connection) -> Result<i64> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    if done < STEPS.len() {
        for step in &STEPS[done..] {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "user_version", version())?;
        transaction.commit()?;
    }
    Ok(found)
}
