//! Group members, stored so that they are known without a connection.

use std::collections::BTreeSet;

use mensageiro_protocol::{Login, live::RosterGroup};

use super::{History, Result, row::read_login};
use crate::engine::Groups;

impl History {
    /// The groups as the server last reported them.
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
                gone: Vec::new(),
                admins: Vec::new(),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Stores the groups that have changed, and deletes those that no longer exist.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn keep_groups(&self, groups: &Groups, changed: &BTreeSet<Login>) -> Result<()> {
        if changed.is_empty() {
            return Ok(());
        }
        let transaction = self.connection.unchecked_transaction()?;
        for name in changed {
            match groups.members(name) {
                None => transaction
                    .prepare_cached("DELETE FROM groups WHERE name = ?1")?
                    .execute([name.as_str()])?,
                Some(members) => {
                    let members: Vec<_> = members.iter().map(Login::as_str).collect();
                    transaction
                        .prepare_cached(
                            "INSERT OR REPLACE INTO groups (name, members) VALUES (?1, ?2)",
                        )?
                        .execute((name.as_str(), members.join("\n")))?
                }
            };
        }
        transaction.commit()?;
        Ok(())
    }
}
