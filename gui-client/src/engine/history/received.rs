//! Storing messages of a classic server: each once, though the server may send it again.
//!
//! Two facts are enough. `sure_up_to`: the server surely counts everything received up to this id
//! as read. `turn`: the newest id when our last line, or our end, was written; if that arrived,
//! everything up to it is read.

use rusqlite::{Connection, params};

use super::{
    History, Result, fact, generations,
    outbox::{accept_classic, newest, note_turn},
    repeats::{Finding, Repeats},
    row::{append, delivery, message, peer_name},
    set_fact,
};
use crate::engine::{
    Message, MessageId, Peer,
    net::{Batch, Received, Round},
};

/// What a server says at the login is stored once, not at every login: it is compared with this
/// many of its last texts.
const SERVER_TEXTS: i64 = 20;

impl History {
    /// Begins a connection: what the server does not count as read comes again.
    pub fn begin_session(&mut self) {
        self.repeats = None;
    }

    /// Stores a batch in one transaction. Returns the new messages, in order, and then the own
    /// message that the end of a round has accepted.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]; nothing of it is stored then.
    pub fn receive(&mut self, batch: &Batch) -> Result<Vec<Message>> {
        let mut repeats = match self.repeats.take() {
            Some(repeats) => repeats,
            None => self.unsure()?,
        };
        let transaction = self.connection.unchecked_transaction()?;
        generations::end_live(&transaction)?;
        let mut new = Vec::new();
        for received in &batch.received {
            store(&transaction, &mut repeats, received, batch.ends, &mut new)?;
        }
        match batch.ends {
            None => {}
            Some(Round::Login) => settle(&transaction, &mut repeats, &mut new)?,
            Some(Round::Sent(id)) => {
                let turn = number(&transaction, "turn")?;
                set_fact(&transaction, "sure_up_to", turn)?;
                if accept_classic(&transaction, id)? {
                    new.extend(message(&transaction, id)?);
                }
            }
        }
        transaction.commit()?;
        self.repeats = Some(repeats);
        Ok(new)
    }

    /// Notes that our side of the connection is about to end in order.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn end_turn(&self) -> Result<()> {
        note_turn(&self.connection)?;
        Ok(())
    }

    /// Notes that the server has ended its side after ours: everything it sent is read.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn all_read(&self) -> Result<()> {
        set_fact(&self.connection, "sure_up_to", newest(&self.connection)?)?;
        Ok(())
    }

    fn unsure(&self) -> Result<Repeats> {
        let sure_up_to = number(&self.connection, "sure_up_to")?;
        let turn = number(&self.connection, "turn")?;
        let mut statement = self.connection.prepare_cached(
            "SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation
             WHERE m.id > ?1 AND m.delivery = ?2 AND c.peer <> ''
                 AND (m.server_id IS NULL OR m.unread = 1) ORDER BY m.id",
        )?;
        let ids = statement.query_map([sure_up_to, delivery::RECEIVED], |row| row.get(0))?;
        let ids = ids.collect::<rusqlite::Result<Vec<i64>>>()?;
        let before_turn = ids.partition_point(|&id| id <= turn);
        Ok(Repeats::new(ids, before_turn))
    }
}

fn store(
    connection: &Connection,
    repeats: &mut Repeats,
    received: &Received,
    ends: Option<Round>,
    new: &mut Vec<Message>,
) -> rusqlite::Result<()> {
    let Received { from, text } = received;
    if *from == Peer::Server {
        let is_answer = matches!(ends, Some(Round::Sent(_)));
        if is_answer || !was_said(connection, received)? {
            new.push(append(connection, from, text, delivery::RECEIVED)?);
        }
        return Ok(());
    }
    if repeats.is_open() {
        match repeats.next(|id| is_same(connection, id, received))? {
            Finding::Open => return Ok(()),
            known => take(connection, known, new)?,
        }
    }
    new.push(append(connection, from, text, delivery::RECEIVED)?);
    Ok(())
}

/// The first round is over.
fn settle(
    connection: &Connection,
    repeats: &mut Repeats,
    new: &mut Vec<Message>,
) -> rusqlite::Result<()> {
    if repeats.is_open() {
        take(connection, repeats.end(), new)?;
    }
    Ok(())
}

fn take(connection: &Connection, finding: Finding, new: &mut Vec<Message>) -> rusqlite::Result<()> {
    let Finding::Known {
        read_up_to,
        new: ids,
    } = finding
    else {
        return Ok(());
    };
    if let Some(id) = read_up_to {
        set_fact(connection, "sure_up_to", id)?;
    }
    for id in ids {
        if let Some(Message { with, text, .. }) = message(connection, MessageId(id))? {
            new.push(append(connection, &with, &text, delivery::RECEIVED)?);
        }
    }
    Ok(())
}

fn is_same(connection: &Connection, id: i64, received: &Received) -> rusqlite::Result<bool> {
    let known = message(connection, MessageId(id))?;
    Ok(known.is_some_and(|known| known.with == received.from && known.text == received.text))
}

fn was_said(connection: &Connection, received: &Received) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM (
                 SELECT m.text FROM messages m JOIN conversations c ON c.id = m.conversation
                 WHERE c.peer = ?1 ORDER BY m.id DESC LIMIT ?2
             ) WHERE text = ?3)",
        )?
        .query_row(
            params![
                peer_name(&received.from),
                SERVER_TEXTS,
                received.text.as_str()
            ],
            |row| row.get(0),
        )
}

fn number(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    Ok(fact(connection, name)?.unwrap_or(0))
}
