//! What the person sets for conversations, and when the server is told.

use std::time::{Duration, Instant};

use mensageiro_protocol::{Login, live::Setting};

use super::{Failed, OpenAccount};
use crate::engine::{Event, Peer, SettingChange, history::HistoryError, net::Input};

/// A draft is told when the person has not written for so long,
const DRAFT_AFTER: Duration = Duration::from_secs(2);

/// or when it is so old.
const DRAFT_AT_LEAST: Duration = Duration::from_secs(20);

/// The draft that the server does not know yet. Only one is written at a time.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    with: Option<Peer>,
    /// When it was written first, and last.
    written: Option<(Instant, Instant)>,
}

impl Drafts {
    /// When the server is to be told.
    pub(super) fn due(&self) -> Option<Instant> {
        let (first, last) = self.written?;
        Some((first + DRAFT_AT_LEAST).min(last + DRAFT_AFTER))
    }
}

impl OpenAccount {
    /// Stores what the person sets, and tells the server.
    pub(in crate::engine) fn arrange(
        &mut self,
        with: &Peer,
        change: SettingChange,
    ) -> Result<(), Failed> {
        match self.history.arrange(with, change) {
            Ok(()) => self.tell_set(with),
            Err(error) => self.not_stored(error),
        }
    }

    /// The account stays open, unless the database is damaged: nothing else depends on it.
    fn not_stored(&self, error: HistoryError) -> Result<(), Failed> {
        if error.is_damage() {
            return Err(error.into());
        }
        tracing::error!(%error, "what was set is not stored");
        let problem = error.problem(&self.folder);
        self.tell.event(Event::StorageFailed(problem));
        Ok(())
    }

    /// Stores a draft. The server is told when the person stops writing, writes to somebody else, or has sent it.
    pub(in crate::engine) fn save_draft(&mut self, with: Peer, text: &str) -> Result<(), Failed> {
        if let Err(error) = self.history.save_draft(&with, text) {
            return self.not_stored(error);
        }
        if self.drafts.with.as_ref() != Some(&with) {
            self.tell_drafts()?;
        }
        let now = Instant::now();
        let first = self.drafts.written.map_or(now, |(first, _)| first);
        self.drafts = Drafts {
            with: Some(with),
            written: Some((first, now)),
        };
        match text.is_empty() {
            true => self.tell_drafts(),
            false => Ok(()),
        }
    }

    /// Tells the draft that is due.
    pub(in crate::engine) fn tell_drafts_in_time(&mut self, now: Instant) -> Result<(), Failed> {
        match self.drafts.due() {
            Some(due) if due <= now => self.tell_drafts(),
            _ => Ok(()),
        }
    }

    /// Tells the draft that the server does not know.
    pub(in crate::engine) fn tell_drafts(&mut self) -> Result<(), Failed> {
        let drafts = std::mem::take(&mut self.drafts);
        drafts.with.map_or(Ok(()), |with| self.tell_set(&with))
    }

    fn tell_set(&mut self, with: &Peer) -> Result<(), Failed> {
        match self.history.unset_of(with)? {
            None => Ok(()),
            Some(set) => {
                let (known, sets) = (None, vec![set]);
                self.handle(Instant::now(), Input::Set { known, sets })
            }
        }
    }

    /// What a session begins with.
    pub(super) fn begin_settings(&self) -> Result<Input<'static>, Failed> {
        Ok(Input::Set {
            known: Some(self.history.settings_known()?),
            sets: self.history.unset()?,
        })
    }

    pub(super) fn store_settings(
        &self,
        changed: &[Setting],
        told: Option<&(Login, u8)>,
        last: Option<u64>,
    ) -> Result<(), Failed> {
        let told = told.map(|(with, values)| (with, *values));
        let rows = self.history.receive_settings(changed, told, last)?;
        if !rows.is_empty() {
            self.tell.event(Event::Arranged(rows));
        }
        Ok(())
    }
}
