-- Version 9 of the schema; see make.py.
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT;
CREATE TABLE conversations (
    id INTEGER PRIMARY KEY,
    peer TEXT NOT NULL UNIQUE,
    seen_up_to INTEGER NOT NULL DEFAULT 0,
    draft TEXT NOT NULL DEFAULT ''
) STRICT;
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
ALTER TABLE conversations DROP COLUMN seen_up_to;
ALTER TABLE conversations ADD COLUMN is_group INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN known_from INTEGER;
ALTER TABLE conversations ADD COLUMN seen_id INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN told_id INTEGER NOT NULL DEFAULT 0;
CREATE TABLE receipts (
    conversation INTEGER NOT NULL REFERENCES conversations (id),
    login TEXT NOT NULL,
    state INTEGER NOT NULL CHECK (state IN (1, 2)),
    up_to INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (conversation, login, state, up_to)
) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE search USING fts5 (
    text, content = '', contentless_delete = 1, tokenize = 'trigram'
);
INSERT INTO search (rowid, text) SELECT id, fold(text) FROM messages;
ALTER TABLE conversations ADD COLUMN is_pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN is_muted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE messages ADD COLUMN written INTEGER;
CREATE TABLE groups (
    name TEXT PRIMARY KEY,
    members TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX places ON messages (place);
CREATE TEMP TABLE changed AS
    SELECT id FROM messages WHERE text GLOB '*[ßẞæÆœŒøØǽǼǿǾłŁđĐðÐþÞħĦŧŦıςŉ‘’ʼ]*';
DELETE FROM search WHERE rowid IN (SELECT id FROM changed);
INSERT INTO search (rowid, text)
    SELECT id, fold(text) FROM messages WHERE id IN (SELECT id FROM changed);
DROP TABLE changed;
CREATE TABLE live_epochs (
    epoch INTEGER PRIMARY KEY,
    first_id INTEGER NOT NULL,
    below INTEGER
) STRICT;
INSERT INTO live_epochs SELECT DISTINCT place >> 40, 0, NULL FROM messages
    WHERE server_id IS NOT NULL AND place < 1 << 62;
INSERT OR IGNORE INTO live_epochs SELECT value, 0, NULL FROM facts WHERE name = 'epoch'
    AND EXISTS (SELECT 1 FROM facts WHERE name = 'epoch_is_live' AND value = 1);
ALTER TABLE messages ADD COLUMN re INTEGER;
ALTER TABLE conversations ADD COLUMN muted_until INTEGER;
ALTER TABLE conversations ADD COLUMN archived INTEGER;
ALTER TABLE conversations ADD COLUMN marked_unread INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN setting INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN unset INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversations ADD COLUMN told_draft TEXT NOT NULL DEFAULT '';
ALTER TABLE conversations DROP COLUMN is_muted;
ALTER TABLE messages ADD COLUMN first_text TEXT;
ALTER TABLE messages ADD COLUMN edited INTEGER;
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
INSERT INTO facts (name, value) VALUES ('epoch', 1);
INSERT INTO facts (name, value) VALUES ('epoch_is_live', 1);
INSERT INTO facts (name, value) VALUES ('position', 9);
INSERT INTO conversations (id, peer, draft, is_group, known_from, seen_id, told_id, is_pinned, muted_until, unset) VALUES (1, 'bob', 'um rascunho', 0, 0, 5, 5, 1, NULL, 1);
INSERT INTO conversations (id, peer, draft, is_group, known_from, seen_id, told_id, is_pinned, muted_until, unset) VALUES (2, 'turma-a', '', 1, 0, 0, 0, 0, 9223372036854775807, 2);
INSERT INTO messages (id, conversation, place, author, text, at, delivery, unread, server_id, tag, refusal, written) VALUES (1, 1, 1099511627781, '', 'Oi, vamos à reunião?', 1763800000000, 0, 0, 5, NULL, NULL, NULL);
INSERT INTO search (rowid, text) VALUES (1, 'oi, vamos a reuniao?');
INSERT INTO messages (id, conversation, place, author, text, at, delivery, unread, server_id, tag, refusal, written, re) VALUES (2, 1, 1099511627782, '', 'Sim, às 10 na biblioteca ☕', 1763800060000, 3, 0, 6, 't1', NULL, 1763800059500, 1099511627781);
INSERT INTO search (rowid, text) VALUES (2, 'sim, as 10 na biblioteca ☕');
INSERT INTO messages (id, conversation, place, author, text, at, delivery, unread, server_id, tag, refusal, written) VALUES (3, 1, 1099511627783, '', 'Łódź, Gartenstraße 7', 1763800120000, 0, 1, 7, NULL, NULL, NULL);
INSERT INTO search (rowid, text) VALUES (3, 'lodz, gartenstrasse 7');
INSERT INTO messages (id, conversation, place, author, text, at, delivery, unread, server_id, tag, refusal, written) VALUES (4, 1, 4611686018427387908, '', 'Levo o café', 1763800180000, 1, 0, NULL, 't2', NULL, 1763800179500);
INSERT INTO search (rowid, text) VALUES (4, 'levo o cafe');
INSERT INTO messages (id, conversation, place, author, text, at, delivery, unread, server_id, tag, refusal, written) VALUES (5, 1, 4611686018427387909, '', 'Já saí de casa', 1763800240000, 2, 0, NULL, 't3', NULL, 1763800239500);
INSERT INTO search (rowid, text) VALUES (5, 'ja sai de casa');
INSERT INTO messages (id, conversation, place, author, text, at, delivery, unread, server_id, tag, refusal, written) VALUES (6, 2, 1099511627785, 'carla', 'Amanhã tem prova', 1763800300000, 0, 1, 9, NULL, NULL, NULL);
INSERT INTO search (rowid, text) VALUES (6, 'amanha tem prova');
INSERT INTO receipts (conversation, login, state, up_to, at) VALUES (1, 'bob', 1, 6, 1763800060010);
INSERT INTO receipts (conversation, login, state, up_to, at) VALUES (1, 'bob', 2, 6, 1763800060020);
INSERT INTO groups (name, members) VALUES ('turma-a', 'ana
bob
carla');
INSERT INTO live_epochs (epoch, first_id, below) VALUES (1, 0, NULL);
PRAGMA user_version = 9;
