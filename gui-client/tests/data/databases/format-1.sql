-- Version 1 of the schema, from commit c2ab20b; see make.py.
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
INSERT INTO conversations (id, peer, seen_up_to, draft) VALUES (1, 'bob', 2, 'um rascunho');
INSERT INTO conversations (id, peer, seen_up_to, draft) VALUES (2, '', 0, '');
INSERT INTO messages (id, conversation, text, at, delivery) VALUES (1, 1, 'Oi, vamos à reunião?', 1763800000000, 0);
INSERT INTO messages (id, conversation, text, at, delivery) VALUES (2, 1, 'Sim, às 10 na biblioteca ☕', 1763800060000, 3);
INSERT INTO messages (id, conversation, text, at, delivery) VALUES (3, 1, 'Łódź, Gartenstraße 7', 1763800120000, 0);
INSERT INTO messages (id, conversation, text, at, delivery) VALUES (4, 1, 'Levo o café', 1763800180000, 1);
INSERT INTO messages (id, conversation, text, at, delivery) VALUES (5, 1, 'Já saí de casa', 1763800240000, 2);
PRAGMA user_version = 1;
