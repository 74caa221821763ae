//! With whom one has talked: what a new device asks a live server for once, one conversation
//! after another, so that the list is not empty there.

use std::collections::VecDeque;

use mensageiro_protocol::{
    Login,
    live::{HistoryRequest, Roster},
};

use super::{
    Event, Peer,
    history::{History, HistoryError},
};

/// Users and groups that are asked about at most.
const ASKED: usize = 300;

/// The users and groups that are still to be asked about.
#[derive(Debug, Default)]
pub(super) struct Survey {
    waiting: VecDeque<Login>,
    /// Who is being asked about.
    asked: Option<Login>,
}

impl Survey {
    /// Takes the roster in, or a part of it. Returns what to ask for, if it is time to begin.
    pub(super) fn take_roster(
        &mut self,
        history: &History,
        roster: &Roster,
        me: &Login,
    ) -> Result<Option<HistoryRequest>, HistoryError> {
        if self.asked.is_some() || history.is_surveyed()? {
            return Ok(None);
        }
        let groups = roster.groups.iter().map(|group| &group.name);
        let users = roster.users.iter().map(|user| &user.presence.login);
        let others = groups.chain(users).filter(|login| *login != me);
        let room = ASKED.saturating_sub(self.waiting.len());
        self.waiting.extend(others.take(room).cloned());
        if roster.more {
            return Ok(None);
        }
        self.next(history)
    }

    /// An answer has been stored. Returns what it brought into the list, and what to ask next.
    pub(super) fn answered(
        &mut self,
        history: &History,
        with: &Login,
    ) -> Result<(Vec<Event>, Option<HistoryRequest>), HistoryError> {
        if self.asked.take_if(|asked| asked == with).is_none() {
            return Ok((Vec::new(), None));
        }
        let with = Peer::Person(with.clone());
        let last = history.page(&with, None, 1)?.0.pop();
        let unread = history.unread(&with)?;
        let news = last.map(|last| [Event::Message(last), Event::Unread { with, unread }]);
        Ok((news.into_iter().flatten().collect(), self.next(history)?))
    }

    /// The link broke: with the next one it begins again.
    pub(super) fn give_up(&mut self) {
        *self = Self::default();
    }

    fn next(&mut self, history: &History) -> Result<Option<HistoryRequest>, HistoryError> {
        while let Some(login) = self.waiting.pop_front() {
            let with = Peer::Person(login.clone());
            if !history.page(&with, None, 1)?.0.is_empty() {
                continue;
            }
            if let Some(before) = history.gap_below(&with)? {
                self.asked = Some(login.clone());
                return Ok(Some(HistoryRequest {
                    with: login,
                    before: Some(before),
                    limit: 1,
                }));
            }
        }
        history.note_surveyed()?;
        Ok(None)
    }
}
