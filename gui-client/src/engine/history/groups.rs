//! Who is in which group: told by a live server, kept so that it is known without one.

use std::collections::BTreeMap;

use mensageiro_protocol::live::RosterGroup;

use super::{History, Result, row::read_login};

/// Groups that are kept at most, whatever a server tells.
const KEPT_AT_MOST: usize = 1_000;

impl History {
    /// The groups that the server told of last.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn groups(&self) -> Result<Vec<RosterGroup>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT name, members FROM groups ORDER BY name")?;
        let rows = statement.query_map([], |row| {
            let members = row.get_ref(1)?.as_str()?.lines();
            Ok(RosterGroup {
                name: read_login(row.get_ref(0)?.as_str()?, 0)?,
                members: members
                    .map(|member| read_login(member, 1))
                    .collect::<rusqlite::Result<_>>()?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Keeps a part of a roster; the first part takes the place of what was kept. At most 1,000 groups
    /// are kept. Writes nothing if nothing has changed.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn keep_groups(&self, told: &[RosterGroup], is_first: bool) -> Result<()> {
        let kept = self.groups()?;
        let room = match is_first {
            true => KEPT_AT_MOST,
            false => KEPT_AT_MOST.saturating_sub(kept.len()),
        };
        let of: BTreeMap<_, _> = kept.iter().map(|group| (&group.name, group)).collect();
        let is_known = |group: &RosterGroup| of.get(&group.name).is_some_and(|one| *one == group);
        if told.iter().take(KEPT_AT_MOST).all(is_known) && (!is_first || kept.len() == told.len()) {
            return Ok(());
        }
        let transaction = self.connection.unchecked_transaction()?;
        if is_first {
            transaction.execute("DELETE FROM groups", [])?;
        }
        for group in told.iter().take(room) {
            let members: Vec<_> = group.members.iter().map(|one| one.as_str()).collect();
            transaction
                .prepare_cached("INSERT OR REPLACE INTO groups (name, members) VALUES (?1, ?2)")?
                .execute((group.name.as_str(), members.join("\n")))?;
        }
        transaction.commit()?;
        Ok(())
    }
}
