use std::time::{Duration, Instant};

use mensageiro_protocol::{
    Text,
    live::{self, NOTE_CHARS, PresenceNews, Role},
};

use super::{Failed, OpenAccount};
use crate::engine::{Event, Peer, Rights};

/// How long "typing" is shown.
const TYPING: Duration = Duration::from_secs(5);

/// Changed groups are stored at most this often, and when the connection ends: a short line may change large ones.
const STORE_GROUPS_EVERY: Duration = Duration::from_secs(1);

/// What is told to the window, and not stored with the messages.
impl OpenAccount {
    pub(super) fn tell_news(&mut self, news: live::Event) -> Result<(), Failed> {
        let event = match news {
            live::Event::Typing(typing) => Event::Typing {
                with: Peer::Person(typing.with),
                who: typing.from,
                until: Instant::now() + TYPING,
            },
            live::Event::Presence(presence) => Event::Presence(with_short_note(presence)),
            live::Event::Roster(mut roster) => {
                let me = &self.account.login;
                if let Some(me) = roster.users.iter().find(|user| user.presence.login == *me) {
                    let is_administrator = me.role == Some(Role::Admin);
                    self.take_rights(Rights {
                        is_administrator: is_administrator && self.rights.is_registered,
                        ..self.rights
                    });
                }
                for user in &mut roster.users {
                    user.presence = with_short_note(user.presence.clone());
                }
                self.changed_groups.extend(self.groups.take(&roster));
                let stored_at = self.groups_stored_at;
                if stored_at.is_none_or(|at| at.elapsed() >= STORE_GROUPS_EVERY) {
                    self.store_groups()?;
                }
                Event::Roster(roster)
            }
            _ => return Ok(()),
        };
        self.tell.event(event);
        Ok(())
    }

    /// Stores the groups that have changed, so that they are known without a connection.
    pub(super) fn store_groups(&mut self) -> Result<(), Failed> {
        if self.changed_groups.is_empty() {
            return Ok(());
        }
        let changed = std::mem::take(&mut self.changed_groups);
        self.history.keep_groups(&self.groups, &changed)?;
        self.groups_stored_at = Some(Instant::now());
        Ok(())
    }
}

/// A note is no longer than one may be, whatever a server sends.
fn with_short_note(news: PresenceNews) -> PresenceNews {
    match news.note.as_str().char_indices().nth(NOTE_CHARS) {
        None => news,
        Some((end, _)) => PresenceNews {
            note: Text::from(&news.note.as_str()[..end]),
            ..news
        },
    }
}
