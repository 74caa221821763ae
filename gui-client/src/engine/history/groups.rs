//! Who is in which group: told by a live server, kept so that it is known without one.

use mensageiro_protocol::live::RosterGroup;

use super::{History, Result, row::read_login};

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

    /// Keeps a part of a roster; the first part takes the place of what was kept. Writes nothing
    /// if nothing has changed.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn keep_groups(&self, told: &[RosterGroup], is_first: bool) -> Result<()> {
        let kept = self.groups()?;
        let is_known = told.iter().all(|group| kept.contains(group));
        if is_known && (!is_first || kept.len() == told.len()) {
            return Ok(());
        }
        let transaction = self.connection.unchecked_transaction()?;
        if is_first {
            transaction.execute("DELETE FROM groups", [])?;
        }
        for group in told {
            let members: Vec<_> = group.members.iter().map(|one| one.as_str()).collect();
            transaction
                .prepare_cached("INSERT OR REPLACE INTO groups (name, members) VALUES (?1, ?2)")?
                .execute((group.name.as_str(), members.join("\n")))?;
        }
        transaction.commit()?;
        Ok(())
    }
}
