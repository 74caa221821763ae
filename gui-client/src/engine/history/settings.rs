//! What the person has set for conversations, and what of it a live server does not know yet.

use mensageiro_protocol::{
    Login, Text,
    live::{DRAFT_BYTES, Set, Setting, Settings},
};
use rusqlite::{Connection, Row};

use super::{
    History, Result, fact,
    generations::live_sort_key,
    row::{conversation, known_conversation, number, peer_name, read_peer},
    set_fact,
};
use crate::engine::{
    Conversation, FOR_GOOD, Peer, SettingChange,
    net::values::{ARCHIVED, MARKED_UNREAD, MUTED, PINNED, values},
};

/// The number of the last change that is known of the server.
const KNOWN: &str = "settings";

/// The most changes that a session begins with; the next one sends the others.
const TOLD_AT_MOST: usize = 1_000;

/// What [`read_unset`] reads.
const UNSET: &str =
    "SELECT peer, unset, is_pinned, muted_until, marked_unread, draft, told_draft, archived,
        (SELECT max(server_id) FROM messages m
         WHERE m.conversation = c.id AND m.place <= c.archived AND m.server_id > 0)
     FROM conversations c WHERE peer <> '' AND (unset <> 0 OR draft <> told_draft)";

impl History {
    /// The number of the last change that is known of the server; 0: none.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn settings_known(&self) -> Result<u64> {
        let known: Option<i64> = fact(&self.connection, KNOWN)?;
        Ok(known
            .and_then(|known| u64::try_from(known).ok())
            .unwrap_or(0))
    }

    /// Stores what the person sets for a conversation.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn arrange(&self, with: &Peer, change: SettingChange) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        let conversation = conversation(&transaction, with)?;
        let (column, value, bit) = match change {
            SettingChange::Pinned(is_pinned) => ("is_pinned", Some(is_pinned.into()), PINNED),
            SettingChange::MutedUntil(until) => ("muted_until", until, MUTED),
            SettingChange::Archived(up_to) => ("archived", up_to.map(|up_to| up_to.0), ARCHIVED),
            SettingChange::MarkedUnread(is_marked) => {
                ("marked_unread", Some(is_marked.into()), MARKED_UNREAD)
            }
        };
        let sql =
            format!("UPDATE conversations SET {column} = ?2, unset = unset | ?3 WHERE id = ?1");
        transaction
            .prepare_cached(&sql)?
            .execute((conversation, value, bit))?;
        transaction.commit()?;
        Ok(())
    }

    /// What the server does not know yet, as changes without tags.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn unset(&self) -> Result<Vec<Set>> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{UNSET} ORDER BY id LIMIT ?1"))?;
        let rows = statement.query_map([TOLD_AT_MOST as i64], read_unset)?;
        let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// The same of one conversation.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn unset_of(&self, with: &Peer) -> Result<Option<Set>> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{UNSET} AND peer = ?1"))?;
        let mut rows = statement.query_map([peer_name(with)], read_unset)?;
        Ok(rows.next().transpose()?.flatten())
    }

    /// The server has refused these values of a conversation for good: they stay on this computer.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn keep_unset(&self, with: &Login, values: u8) -> Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        answered(&transaction, with, values)?;
        transaction.commit()?;
        Ok(())
    }

    /// Stores what a server has told. `told`: the conversation and the values of a change of this device that it answers.
    /// `last`: up to this change all are known now. Returns the conversations that it is about, as they are now.
    ///
    /// A value that was changed here and is not answered yet stays: its change comes after what is told.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn receive_settings(
        &self,
        changed: &[Setting],
        told: Option<(&Login, u8)>,
        last: Option<u64>,
    ) -> Result<Vec<Conversation>> {
        let transaction = self.connection.unchecked_transaction()?;
        if let Some((with, values)) = told {
            answered(&transaction, with, values)?;
        }
        let mut rows = Vec::new();
        for setting in changed {
            if let Some(with) = &setting.with
                && receive(&transaction, with, setting)?
            {
                rows.push(Peer::Person(with.clone()));
            }
        }
        if let Some(last) = last {
            set_fact(&transaction, KNOWN, number(last))?;
        }
        transaction.commit()?;
        let rows = rows.iter().map(|with| self.conversation(with));
        let rows = rows.collect::<Result<Vec<_>>>()?;
        Ok(rows.into_iter().flatten().collect())
    }
}

/// The numbers of the server's changes mean others now. What is set here is told to it again.
pub(super) fn begin_anew(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "DELETE FROM facts WHERE name = '{KNOWN}';
         UPDATE conversations SET setting = 0, told_draft = '', unset = {PINNED} * is_pinned
             + {MUTED} * (muted_until IS NOT NULL) + {ARCHIVED} * (archived IS NOT NULL)
             + {MARKED_UNREAD} * marked_unread;"
    ))
}

fn answered(connection: &Connection, with: &Login, values: u8) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE conversations SET unset = unset & ~?2 WHERE peer = ?1")?
        .execute((with.as_str(), values))?;
    Ok(())
}

/// Returns whether it was new.
fn receive(connection: &Connection, with: &Login, setting: &Setting) -> rusqlite::Result<bool> {
    let peer = Peer::Person(with.clone());
    let Setting {
        of, number: told, ..
    } = setting;
    let is_known = known_conversation(connection, &peer)?.is_some();
    if !is_known && *of == Settings::default() {
        return Ok(false);
    }
    let conversation = conversation(connection, &peer)?;
    let muted_until = of.muted.then(|| of.muted_until.unwrap_or(FOR_GOOD));
    let archived = match of.archived {
        true => Some(live_sort_key(
            connection,
            number(of.archived_up_to.unwrap_or(0)),
        )?),
        false => None,
    };
    let changed = connection
        .prepare_cached(&format!(
            "UPDATE conversations SET setting = ?2,
                 is_pinned = iif(unset & {PINNED}, is_pinned, ?3),
                 muted_until = iif(unset & {MUTED}, muted_until, ?4),
                 archived = iif(unset & {ARCHIVED}, archived, ?5),
                 marked_unread = iif(unset & {MARKED_UNREAD}, marked_unread, ?6),
                 draft = iif(draft = told_draft, ?7, draft), told_draft = ?7
             WHERE id = ?1 AND setting < ?2"
        ))?
        .execute((
            conversation,
            number(*told),
            of.pinned,
            muted_until,
            archived,
            of.marked_unread,
            of.draft.as_str(),
        ))?;
    Ok(changed > 0)
}

/// `None`: there is nothing that a server takes.
fn read_unset(row: &Row<'_>) -> rusqlite::Result<Option<Set>> {
    let Peer::Person(with) = read_peer(row, 0)? else {
        return Ok(None);
    };
    let unset: u8 = row.get(1)?;
    let is_unset = |value: u8| unset & value != 0;
    let muted_until: Option<i64> = row.get(3)?;
    let (draft, told): (String, String) = (row.get(5)?, row.get(6)?);
    let archived: Option<i64> = row.get(7)?;
    let up_to: Option<i64> = row.get(8)?;
    let archived_up_to = up_to.and_then(|id| u64::try_from(id).ok());
    let is_told = draft == told || draft.len() > DRAFT_BYTES;
    let set = Set {
        tag: None,
        with: Some(with),
        pinned: is_unset(PINNED).then_some(row.get(2)?),
        muted: is_unset(MUTED).then_some(muted_until.is_some()),
        muted_until: muted_until.filter(|until| is_unset(MUTED) && *until != FOR_GOOD),
        archived: is_unset(ARCHIVED).then_some(archived.is_some()),
        archived_up_to: archived_up_to.filter(|_| is_unset(ARCHIVED)),
        draft: (!is_told).then(|| Text::from(draft.as_str())),
        marked_unread: is_unset(MARKED_UNREAD).then_some(row.get(4)?),
        note: None,
    };
    let is_something = values(&set) != 0 || set.draft.is_some();
    Ok(is_something.then_some(set))
}
