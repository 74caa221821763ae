//! What is set for conversations: the server tells what other devices of the person set, and is told what is set here.

use mensageiro_protocol::{
    Login,
    live::{Refused, Request, Set, SettingsNews, SettingsRequest, Tag},
};

use super::LiveSession;
use crate::engine::net::{io::Effect, values::values};

/// The most changes that wait for their answers; others are told in the next session.
const IN_FLIGHT: usize = 2_000;

/// The progress of a session.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// The server knows `set`.
    is_known_to_server: bool,
    /// The `after` of the request that is not answered yet.
    asked: Option<u64>,
    /// Everything up to the server's last change has come.
    is_complete: bool,
    /// The changes that are not answered yet, in order: the conversation and the values.
    in_flight: Vec<(Tag, Login, u8)>,
    /// How many there have been.
    count: u64,
}

impl Settings {
    pub(super) fn new(is_known_to_server: bool) -> Self {
        Self {
            is_known_to_server,
            ..Self::default()
        }
    }

    /// Takes out an answered change: its conversation, and those of its values that no later change is about.
    fn take(&mut self, tag: &Tag) -> Option<(Login, u8)> {
        let at = self.in_flight.iter().position(|(of, ..)| of == tag)?;
        let (_, with, values) = self.in_flight.remove(at);
        let later = self.in_flight[at..].iter();
        let later = later.filter(|(_, other, _)| *other == with);
        let changed_again = later.fold(0, |all, (_, _, values)| all | values);
        Some((with, values & !changed_again))
    }
}

impl LiveSession {
    /// Asks what was changed after a change, and to be told of later ones.
    pub fn ask_settings(&mut self, after: u64) {
        if self.settings.is_known_to_server {
            self.settings.asked = Some(after);
            self.say(&Request::Settings(SettingsRequest { after }));
        }
    }

    /// Tells what the person has set.
    pub fn tell_set(&mut self, mut set: Set) {
        let settings = &mut self.settings;
        if !settings.is_known_to_server || settings.in_flight.len() >= IN_FLIGHT {
            return;
        }
        settings.count += 1;
        let tag = Tag::parse(&format!("set{}", settings.count)).ok();
        if let (Some(tag), Some(with)) = (tag, set.with.clone()) {
            settings.in_flight.push((tag.clone(), with, values(&set)));
            set.tag = Some(tag);
            self.say(&Request::Set(set));
        }
    }

    pub(super) fn take_settings(&mut self, news: SettingsNews) {
        let settings = &mut self.settings;
        if !settings.is_known_to_server {
            return;
        }
        let told = news.tag.as_ref().and_then(|tag| settings.take(tag));
        let asked = settings.asked.take_if(|asked| news.after == Some(*asked));
        // If the server sends nothing newer, there is nothing newer, whatever it says.
        let next = asked.filter(|asked| news.more && news.last > *asked);
        settings.is_complete |= asked.is_some() && next.is_none();
        let is_known = asked.is_some() || settings.is_complete;
        if self.is_full {
            return;
        }
        self.store();
        self.effects.push(Effect::StoreSettings {
            changed: news.changed,
            told,
            last: is_known.then_some(news.last),
        });
        if next.is_some() {
            self.ask_settings(news.last);
        }
    }

    /// Takes a refusal, if it is the answer to a change.
    pub(super) fn set_refused(&mut self, refused: &Refused) -> bool {
        let tag = refused.tag.as_ref();
        let Some((with, values)) = tag.and_then(|tag| self.settings.take(tag)) else {
            return false;
        };
        // Otherwise the next session tells it again.
        if refused.retry_after.is_none() {
            self.effects.push(Effect::SetRefused { with, values });
        }
        true
    }
}
