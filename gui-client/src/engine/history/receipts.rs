//! Receipts: how far others have received and read own messages. A receipt holds for all own
//! messages of a conversation up to an id, so the time of a message is that of the first receipt
//! that covers it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use mensageiro_protocol::{Login, live::ReceiptState};
use rusqlite::{Connection, Row};

use super::{
    History, Result,
    row::{known_conversation, read_login},
};
use crate::engine::{Delivery, Message, RECEIPTS_AT_MOST, Receipt};

/// One row of the table: who, which state, up to which message, when.
type Mark = (Login, ReceiptState, u64, Timestamp);

impl History {
    /// Fills in the receipts of own messages of one conversation, which are oldest first.
    pub(super) fn add_receipts(&self, messages: &mut [Message]) -> Result<()> {
        let own = |message: &Message| match message.delivery {
            Delivery::Accepted => message.server_id,
            _ => None,
        };
        let (Some(first), Some(last)) = (
            messages.iter().find_map(own),
            messages.iter().rev().find_map(own),
        ) else {
            return Ok(());
        };
        let Some(message) = messages.first() else {
            return Ok(());
        };
        let Some(conversation) = known_conversation(&self.connection, &message.with)? else {
            return Ok(());
        };
        let mut marks = self.marks(conversation, first, last)?;
        // From the newest message on: a receipt that covers a message covers all before it, and of
        // each person's receipts, the one with the lowest id that covers a message came first.
        let mut reached = BTreeMap::new();
        for message in messages.iter_mut().rev() {
            if let Some(id) = own(message) {
                while let Some(mark) = marks.pop_if(|(.., up_to, _)| *up_to >= id) {
                    note(&mut reached, mark);
                }
                let have = reached.values().take(RECEIPTS_AT_MOST);
                message.receipts = have.cloned().collect();
            }
        }
        Ok(())
    }

    /// The receipts that cover messages from `first` to `last`, by id.
    fn marks(&self, conversation: i64, first: u64, last: u64) -> Result<Vec<Mark>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT login, state, up_to, at FROM receipts
             WHERE conversation = ?1 AND up_to >= ?2 AND up_to < ?3
             UNION ALL
             SELECT login, state, min(up_to), at FROM receipts
             WHERE conversation = ?1 AND up_to >= ?3 GROUP BY login, state
             ORDER BY 3",
        )?;
        let rows = statement.query_map((conversation, first as i64, last as i64), read_mark)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// Stores a receipt. Returns whether it is new.
pub(super) fn keep(
    connection: &Connection,
    conversation: i64,
    by: &Login,
    state: ReceiptState,
    up_to: i64,
    at: i64,
) -> rusqlite::Result<bool> {
    let kept = connection
        .prepare_cached("INSERT OR IGNORE INTO receipts VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((conversation, by.as_str(), state_number(state), up_to, at))?;
    Ok(kept > 0)
}

/// Notes a mark over a later one of the same person.
fn note(reached: &mut BTreeMap<Login, Receipt>, (by, state, _, at): Mark) {
    let receipt = reached.entry(by.clone()).or_insert_with(|| Receipt {
        by,
        delivered: None,
        read: None,
    });
    match state {
        ReceiptState::Delivered => receipt.delivered = Some(at),
        ReceiptState::Read => receipt.read = Some(at),
    }
}

fn read_mark(row: &Row<'_>) -> rusqlite::Result<Mark> {
    let state = match row.get(1)? {
        2 => ReceiptState::Read,
        _ => ReceiptState::Delivered,
    };
    let up_to: i64 = row.get(2)?;
    Ok((
        read_login(row.get_ref(0)?.as_str()?, 0)?,
        state,
        u64::try_from(up_to).unwrap_or(0),
        Timestamp::from_millisecond(row.get(3)?).unwrap_or(Timestamp::UNIX_EPOCH),
    ))
}

fn state_number(state: ReceiptState) -> i64 {
    match state {
        ReceiptState::Delivered => 1,
        ReceiptState::Read => 2,
    }
}
