//! What is remembered about the server: how it accepts logins, and how it ends messages.

use mensageiro_protocol::Framing;

use super::{History, Result, fact, set_fact};
use crate::engine::net::Way;

impl History {
    /// How the server accepted the last login.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn way(&self) -> Result<Option<Way>> {
        let way: Option<String> = fact(&self.connection, "framing")?;
        Ok(match way.as_deref() {
            Some("live") => Some(Way::Live),
            Some("line") => Some(Way::Classic(Framing::Line)),
            Some("bare") => Some(Way::Classic(Framing::Bare)),
            _ => None,
        })
    }

    /// Stores how the server accepted a login.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn remember_way(&self, way: Way) -> Result<()> {
        let way = match way {
            Way::Live => "live",
            Way::Classic(Framing::Line) => "line",
            Way::Classic(Framing::Bare) => "bare",
        };
        set_fact(&self.connection, "framing", way)?;
        if way == "live" {
            set_fact(&self.connection, "was_live", 1)?;
        }
        Ok(())
    }

    /// Whether the server has ever led a live session.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn was_live(&self) -> Result<bool> {
        let was_live: Option<i64> = fact(&self.connection, "was_live")?;
        // Before this was kept, a live server had at least given a cursor.
        Ok(was_live.is_some() || self.way()? == Some(Way::Live) || self.cursor()?.is_some())
    }

    /// Whether the server does not end its messages with an `f`.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn has_no_end(&self) -> Result<bool> {
        Ok(fact::<i64>(&self.connection, "has_no_end")? == Some(1))
    }

    /// Stores whether the server ends its messages with an `f`.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn remember_end(&self, has_end: bool) -> Result<()> {
        set_fact(&self.connection, "has_no_end", i64::from(!has_end))?;
        Ok(())
    }

    /// When a live session was last refused, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn live_tried_at(&self) -> Result<Option<i64>> {
        Ok(fact(&self.connection, "live_tried_at")?)
    }

    /// Stores that a live session was refused now.
    ///
    /// # Errors
    /// [`super::HistoryError::Failed`]
    pub fn note_live_tried(&self, at: i64) -> Result<()> {
        set_fact(&self.connection, "live_tried_at", at)?;
        Ok(())
    }
}
