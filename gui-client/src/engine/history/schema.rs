//! The schema of an account's database, and the migrations from each older version.

use rusqlite::{Connection, Result, TransactionBehavior, functions::FunctionFlags};

use crate::{matching::fold, version};

/// One migration per version; `PRAGMA user_version` counts them. A released migration is never
/// changed; new ones are added.
const STEPS: &[&str] = &[
    FIRST,
    LIVE,
    ARRANGED,
    WRITTEN,
    GROUPS,
    PLACES,
    PLAIN_LETTERS,
    LIVE_EPOCHS,
    MORE_THAN_TEXT,
];

const FIRST: &str = "
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
    -- 4 unconfirmed. Ids are never used twice: they order the timeline.
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
";

const LIVE: &str = "
    -- place: the sort key of the timeline (see row.rs). author: who of a group wrote it.
    -- server_id: a live server's number, NULL where there is none. tag: what an own message is
    -- sent with, made once. delivery: also 5 refused, for the reason in refusal.
    CREATE TABLE new_messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation INTEGER NOT NULL REFERENCES conversations (id),
        place INTEGER NOT NULL,
        author TEXT NOT NULL DEFAULT '',
        text TEXT NOT NULL,
        at INTEGER NOT NULL,
        delivery INTEGER NOT NULL CHECK (delivery BETWEEN 0 AND 5),
        unread INTEGER NOT NULL DEFAULT 0,
        server_id INTEGER,
        tag TEXT,
        refusal TEXT
    ) STRICT;
    INSERT INTO new_messages (id, conversation, place, text, at, delivery, unread)
        SELECT m.id, m.conversation, m.id, m.text, m.at, m.delivery,
            m.delivery = 0 AND m.id > c.seen_up_to
        FROM messages m JOIN conversations c ON c.id = m.conversation ORDER BY m.id;
    UPDATE sqlite_sequence SET seq = coalesce(
        (SELECT seq FROM sqlite_sequence WHERE name = 'messages'), seq)
        WHERE name = 'new_messages';
    DROP TABLE messages;
    ALTER TABLE new_messages RENAME TO messages;
    CREATE INDEX timeline ON messages (conversation, place);
    CREATE INDEX unread ON messages (conversation, place) WHERE unread = 1;
    CREATE INDEX outbox ON messages (id) WHERE delivery IN (1, 2);
    CREATE UNIQUE INDEX server_ids ON messages (server_id) WHERE server_id IS NOT NULL;
    CREATE UNIQUE INDEX tags ON messages (tag) WHERE tag IS NOT NULL;

    -- known_from: every message of the conversation with this server id or a later one is here;
    -- NULL: as the fact of the same name says. seen_id: read by the person up to here; told_id:
    -- the server surely knows so.
    ALTER TABLE conversations DROP COLUMN seen_up_to;
    ALTER TABLE conversations ADD COLUMN is_group INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN known_from INTEGER;
    ALTER TABLE conversations ADD COLUMN seen_id INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN told_id INTEGER NOT NULL DEFAULT 0;

    -- state: 1 delivered, 2 read. Holds for own messages up to server id up_to.
    CREATE TABLE receipts (
        conversation INTEGER NOT NULL REFERENCES conversations (id),
        login TEXT NOT NULL,
        state INTEGER NOT NULL CHECK (state IN (1, 2)),
        up_to INTEGER NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (conversation, login, state, up_to)
    ) STRICT, WITHOUT ROWID;

    -- The texts, folded; rowid is the id of the message. Trigrams find any part of a word.
    CREATE VIRTUAL TABLE search USING fts5 (
        text, content = '', contentless_delete = 1, tokenize = 'trigram'
    );
    INSERT INTO search (rowid, text) SELECT id, fold(text) FROM messages;
";

const ARRANGED: &str = "
    ALTER TABLE conversations ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN is_muted INTEGER NOT NULL DEFAULT 0;
";

const WRITTEN: &str = "
    -- written: when the person sent it, by this computer's clock; `at` becomes the server's time
    -- with its acceptance. NULL: not sent from here, or before this was kept.
    ALTER TABLE messages ADD COLUMN written INTEGER;
";

const GROUPS: &str = "
    -- members: who is in a group, as the server told last, one login a line.
    CREATE TABLE groups (
        name TEXT PRIMARY KEY,
        members TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
";

const PLACES: &str = "
    -- What is found is read from the newest on, whatever the conversation.
    CREATE INDEX places ON messages (place);
";

const PLAIN_LETTERS: &str = "
    -- What was not taken apart before (see fold.rs) is looked up as plain letters now.
    CREATE TEMP TABLE changed AS
        SELECT id FROM messages WHERE text GLOB '*[ßẞæÆœŒøØǽǼǿǾłŁđĐðÐþÞħĦŧŦıςŉ‘’ʼ]*';
    DELETE FROM search WHERE rowid IN (SELECT id FROM changed);
    INSERT INTO search (rowid, text)
        SELECT id, fold(text) FROM messages WHERE id IN (SELECT id FROM changed);
    DROP TABLE changed;
";

const LIVE_EPOCHS: &str = "
    -- The generations in which a live server orders the messages (see generations.rs). first_id: the first id
    -- in it. below: the generation of lower ids, if there is one.
    CREATE TABLE live_epochs (
        epoch INTEGER PRIMARY KEY,
        first_id INTEGER NOT NULL,
        below INTEGER
    ) STRICT;
    -- The generation is above the lowest 40 bits of a sort key; what waits has none.
    INSERT INTO live_epochs SELECT DISTINCT place >> 40, 0, NULL FROM messages
        WHERE server_id IS NOT NULL AND place < 1 << 62;
    INSERT OR IGNORE INTO live_epochs SELECT value, 0, NULL FROM facts WHERE name = 'epoch'
        AND EXISTS (SELECT 1 FROM facts WHERE name = 'epoch_is_live' AND value = 1);
";

const MORE_THAN_TEXT: &str = "
    -- re: the sort key of the message that it replies to, as the server named it by its id; NULL: no id was named.
    -- first_text: what it said before it was edited, NULL: it was not; edited: when it was.
    ALTER TABLE messages ADD COLUMN re INTEGER;

    -- muted_until: milliseconds since 1970, the highest number for good; NULL: not. archived: the sort key of the
    -- newest message when it was archived; NULL: it was not. setting: the number of the server's last change of these.
    -- unset: the values that the server may not know (see settings.rs). told_draft: the draft that it knows.
    ALTER TABLE conversations ADD COLUMN muted_until INTEGER;
    ALTER TABLE conversations ADD COLUMN archived INTEGER;
    ALTER TABLE conversations ADD COLUMN marked_unread INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN setting INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN unset INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN told_draft TEXT NOT NULL DEFAULT '';
    -- What was pinned and muted only here is told to the server once.
    UPDATE conversations SET muted_until = 9223372036854775807 WHERE is_muted;
    UPDATE conversations SET unset = is_pinned + 2 * is_muted;
    ALTER TABLE conversations DROP COLUMN is_muted;
    ALTER TABLE messages ADD COLUMN first_text TEXT;
    ALTER TABLE messages ADD COLUMN edited INTEGER;
    -- Messages that change others, also others that are not here. id: of the same sequence as those of messages. of: the sort key
    -- of the one that is changed; place: their own. author: a login. delivery: 1 waiting, 3 accepted or received.
    CREATE TABLE changes (
        id INTEGER PRIMARY KEY,
        conversation INTEGER NOT NULL REFERENCES conversations (id),
        of INTEGER NOT NULL,
        is_deletion INTEGER NOT NULL,
        place INTEGER NOT NULL,
        author TEXT NOT NULL,
        text TEXT NOT NULL,
        at INTEGER NOT NULL,
        delivery INTEGER NOT NULL CHECK (delivery IN (1, 3)),
        server_id INTEGER,
        tag TEXT
    ) STRICT;
    CREATE INDEX changes_of ON changes (conversation, of, is_deletion, delivery, place);
    CREATE INDEX changes_waiting ON changes (of) WHERE delivery = 1;
    CREATE UNIQUE INDEX change_ids ON changes (server_id) WHERE server_id IS NOT NULL;
    CREATE UNIQUE INDEX change_tags ON changes (tag) WHERE tag IS NOT NULL;
";

/// The fact that names the first version of the app that could read the file as it is.
pub(super) const VERSION: &str = "version";

/// The version this app reads and writes.
pub(super) fn version() -> i64 {
    STEPS.len() as i64
}

/// Checks that a database of version `found` belongs to this app: a new one is empty, and one of
/// this version has all tables with all columns.
///
/// # Errors
/// [`rusqlite::Error::SqlInputError`]: it is not.
pub(super) fn check(connection: &Connection, found: i64) -> Result<()> {
    if found == 0 {
        let query = "SELECT count(*) FROM sqlite_schema";
        let tables: i64 = connection.query_row(query, [], |row| row.get(0))?;
        if tables == 0 {
            return Ok(());
        }
    }
    if found != 0 && found != version() {
        return Ok(());
    }
    for columns in [
        "name, value FROM facts",
        "id, peer, draft, is_group, known_from, seen_id, told_id, is_pinned, muted_until, archived,
         marked_unread, setting, unset, told_draft FROM conversations",
        "id, conversation, place, author, text, at, delivery, unread, server_id, tag, refusal,
         written, re, first_text, edited FROM messages",
        "id, conversation, of, is_deletion, place, author, text, at, delivery, server_id, tag
         FROM changes",
        "conversation, login, state, up_to, at FROM receipts",
        "rowid, text FROM search",
        "name, members FROM groups",
        "epoch, first_id, below FROM live_epochs",
    ] {
        connection.prepare(&format!("SELECT {columns} LIMIT 0"))?;
    }
    Ok(())
}

/// Migrates the database to [`version`] in one transaction. Returns the version it had; if that is
/// newer, nothing is changed.
pub(super) fn migrate(connection: &mut Connection) -> Result<i64> {
    migrate_to(connection, STEPS.len())
}

fn migrate_to(connection: &mut Connection, steps: usize) -> Result<i64> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("fold", 1, flags, |context| {
        Ok(fold(context.get_raw(0).as_str()?))
    })?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    if done < steps {
        for step in &STEPS[done..steps] {
            transaction.execute_batch(step)?;
        }
        transaction.pragma_update(None, "user_version", steps as i64)?;
        super::set_fact(&transaction, VERSION, version::THIS)?;
        transaction.commit()?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_first_version_kept_is_there_in_the_second() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_to(&mut connection, 1).unwrap();
        connection
            .execute_batch(
                "INSERT INTO conversations (id, peer, seen_up_to, draft) VALUES (1, 'bob', 2, 'x');
                 INSERT INTO messages (id, conversation, text, at, delivery)
                 VALUES (1, 1, 'a', 1, 0), (2, 1, 'b', 2, 3), (3, 1, 'Reunião', 3, 0),
                     (9, 1, 'd', 4, 1), (10, 1, 'gone', 5, 1);
                 DELETE FROM messages WHERE id = 10;",
            )
            .unwrap();
        assert_eq!(migrate(&mut connection).unwrap(), 1);
        let all: String = connection
            .query_row(
                "SELECT group_concat(id || place || text || delivery || unread, ' ')
                 FROM (SELECT * FROM messages ORDER BY place)",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(all, "11a00 22b30 33Reunião01 99d10");
        let found: i64 = connection
            .query_row("SELECT rowid FROM search ('niao')", [], |row| row.get(0))
            .unwrap();
        assert_eq!(found, 3);
        connection
            .execute_batch("INSERT INTO messages (conversation, place, text, at, delivery) VALUES (1, 11, '', 0, 0)")
            .unwrap();
        assert_eq!(connection.last_insert_rowid(), 11, "no id is used twice");
        assert_eq!(migrate(&mut connection).unwrap(), version());
    }

    #[test]
    fn messages_with_letters_that_are_plain_now_are_found_by_them() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_to(&mut connection, 6).unwrap();
        // As the sixth version folded them: only accents and case went.
        connection
            .execute_batch(
                "INSERT INTO conversations (id, peer) VALUES (1, 'bob');
                 INSERT INTO messages (id, conversation, place, text, at, delivery)
                 VALUES (1, 1, 1, 'Gartenstraße', 1, 0), (2, 1, 2, 'Łódź', 2, 0),
                     (3, 1, 3, 'plain', 3, 0);
                 INSERT INTO search (rowid, text)
                 VALUES (1, 'gartenstraße'), (2, 'łodz'), (3, 'plain');",
            )
            .unwrap();
        assert_eq!(migrate(&mut connection).unwrap(), 6);
        for (words, id) in [("strasse", 1), ("lodz", 2), ("plain", 3)] {
            let found: i64 = connection
                .query_row("SELECT rowid FROM search (?1)", [words], |row| row.get(0))
                .unwrap();
            assert_eq!(found, id, "{words}");
        }
        let all: i64 = connection
            .query_row("SELECT count(*) FROM search", [], |row| row.get(0))
            .unwrap();
        assert_eq!(all, 3);
    }

    #[test]
    fn messages_from_before_there_were_generations_keep_their_order() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_to(&mut connection, 7).unwrap();
        let first = 1_i64 << 40;
        connection
            .execute_batch(&format!(
                "INSERT INTO facts VALUES ('epoch', 3), ('epoch_is_live', 1), ('position', 9);
                 INSERT INTO conversations (id, peer) VALUES (1, 'bob');
                 INSERT INTO messages (conversation, place, text, at, delivery, server_id)
                 VALUES (1, {}, 'live', 7, 0, 5), (1, {}, 'classic', 7, 0, NULL),
                     (1, {}, 'live again', 7, 0, 9), (1, {}, 'waits', 7, 1, NULL);",
                first + 5,
                2 * first + 2,
                3 * first + 9,
                1_i64 << 62,
            ))
            .unwrap();
        assert_eq!(migrate(&mut connection).unwrap(), 7);
        let generations: String = connection
            .query_row(
                "SELECT group_concat(epoch || ' from ' || first_id, ', ') FROM live_epochs",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(generations, "1 from 0, 3 from 0");
        let sort_key = super::super::generations::live_sort_key(&connection, 10).unwrap();
        assert_eq!(sort_key, 3 * first + 10);
    }

    #[test]
    fn of_messages_of_an_older_version_nobody_knows_when_they_were_written() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_to(&mut connection, 3).unwrap();
        connection
            .execute_batch(
                "INSERT INTO conversations (id, peer) VALUES (1, 'bob');
                 INSERT INTO messages (conversation, place, text, at, delivery)
                 VALUES (1, 1, 'a', 7, 3);",
            )
            .unwrap();
        assert_eq!(migrate(&mut connection).unwrap(), 3);
        let (at, written): (i64, Option<i64>) = connection
            .query_row("SELECT at, written FROM messages", [], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .unwrap();
        assert_eq!((at, written), (7, None));
    }
}
