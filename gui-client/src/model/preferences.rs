use std::{ops::RangeInclusive, time::Duration};

use mensageiro_protocol::{Login, live::NOTE_CHARS};
use serde::{Deserialize, Serialize};

use crate::engine::Account;

/// How many accounts the sign-in screen remembers.
pub const REMEMBERED_AT_MOST: usize = 8;

/// How many emoji are offered again.
pub const RECENT_EMOJI_AT_MOST: usize = 16;

/// The fetch intervals one can choose, in seconds; `None`: only when sending.
pub const FETCH_CHOICES: [Option<u32>; 7] = [
    None,
    Some(2),
    Some(5),
    Some(10),
    Some(30),
    Some(60),
    Some(300),
];

/// The zoom factors one can choose.
pub const ZOOM_RANGE: RangeInclusive<f32> = 0.75..=3.0;

/// What is kept from one start to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// Light, dark or as the system.
    pub theme: ThemeChoice,
    /// Which language.
    pub language: Language,
    /// How large everything is; 1.0 is as designed.
    pub zoom: f32,
    /// What the others are told of the person, at most
    /// [`mensageiro_protocol::live::NOTE_CHARS`] characters; empty: nothing.
    pub note: String,
    /// What notifications say.
    pub notify_of: NotifyOf,
    /// Whether notifications may be heard.
    pub sound: bool,
    /// Seconds between fetches; `None`: only when sending.
    pub fetch_every: Option<u32>,
    /// The state of the box on the sign-in screen.
    pub stay_signed_in: bool,
    /// The account the next start signs in with by itself.
    pub signed_in: Option<RememberedAccount>,
    /// Accounts used before, the latest first, at most [`REMEMBERED_AT_MOST`].
    pub remembered: Vec<RememberedAccount>,
    /// The emoji chosen last, the latest first, at most [`RECENT_EMOJI_AT_MOST`].
    pub recent_emoji: Vec<String>,
    /// Where the window was.
    pub window: Option<WindowPlace>,
}

/// Which colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThemeChoice {
    /// As the system has it.
    #[default]
    System,
    /// Dark text on light ground.
    Light,
    /// Light text on dark ground.
    Dark,
}

/// What a notification says of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotifyOf {
    /// There are no notifications.
    Nothing,
    /// Who wrote.
    Names,
    /// Who wrote what.
    Texts,
}

/// Which language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// As the system has it, English if it has neither.
    #[default]
    #[serde(rename = "system")]
    System,
    /// English.
    #[serde(rename = "en")]
    English,
    /// Portuguese as in Brazil.
    #[serde(rename = "pt-BR")]
    Portuguese,
}

/// An account as the settings file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedAccount {
    /// The user's login.
    pub login: String,
    /// `host:port`.
    pub server: String,
}

/// Where the window was, in points of the system: those at zoom 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WindowPlace {
    /// From the left of the screen; `None`: the system does not tell.
    pub x: Option<f32>,
    /// From the top of the screen; `None`: the system does not tell.
    pub y: Option<f32>,
    /// Width of its content.
    pub width: f32,
    /// Height of its content.
    pub height: f32,
    /// It filled the screen; the other values are what it had before.
    pub is_maximized: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::System,
            language: Language::System,
            zoom: 1.0,
            note: String::new(),
            notify_of: NotifyOf::Texts,
            sound: false,
            fetch_every: Some(10),
            stay_signed_in: true,
            signed_in: None,
            remembered: Vec::new(),
            recent_emoji: Vec::new(),
            window: None,
        }
    }
}

impl Preferences {
    /// How often to fetch.
    pub fn fetch_interval(&self) -> Option<Duration> {
        self.fetch_every
            .map(|seconds| Duration::from_secs(seconds.max(1).into()))
    }

    /// The same with everything in the range that one can choose it from: the file may have been
    /// edited by hand.
    pub fn in_range(mut self) -> Self {
        self.zoom = match self.zoom {
            zoom if zoom.is_finite() => zoom.clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end()),
            _ => 1.0,
        };
        self.note = self.note.chars().take(NOTE_CHARS).collect();
        self.remembered.truncate(REMEMBERED_AT_MOST);
        self.recent_emoji.truncate(RECENT_EMOJI_AT_MOST);
        self
    }

    /// Puts an emoji that was chosen before the others.
    pub fn chose_emoji(&mut self, sign: &str) {
        self.recent_emoji.retain(|other| other != sign);
        self.recent_emoji.insert(0, sign.to_owned());
        self.recent_emoji.truncate(RECENT_EMOJI_AT_MOST);
    }

    /// Puts an account that got in on top of the remembered ones.
    pub fn remember(&mut self, account: &Account, stay_signed_in: bool) {
        let remembered = RememberedAccount::from(account);
        self.remembered.retain(|other| *other != remembered);
        self.remembered.insert(0, remembered.clone());
        self.remembered.truncate(REMEMBERED_AT_MOST);
        self.stay_signed_in = stay_signed_in;
        self.signed_in = stay_signed_in.then_some(remembered);
    }

    /// Whether an account is one of those that got in.
    pub fn remembers(&self, account: &Account) -> bool {
        self.remembered.contains(&RememberedAccount::from(account))
    }

    /// Takes an account off the remembered ones.
    pub fn forget(&mut self, account: &Account) {
        let account = RememberedAccount::from(account);
        self.remembered.retain(|other| *other != account);
    }
}

impl From<&Account> for RememberedAccount {
    fn from(account: &Account) -> Self {
        Self {
            login: account.login.as_str().to_owned(),
            server: account.server.clone(),
        }
    }
}

impl RememberedAccount {
    /// The account, unless the file was edited into something that is no login.
    pub fn account(&self) -> Option<Account> {
        Some(Account {
            login: Login::parse(&self.login).ok()?,
            server: self.server.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(login: &str) -> Account {
        Account {
            login: Login::parse(login).unwrap(),
            server: "localhost:3333".into(),
        }
    }

    #[test]
    fn the_latest_account_is_first_and_the_list_has_an_end() {
        let mut preferences = Preferences::default();
        for n in 0..20 {
            preferences.remember(&account(&format!("user{n}")), false);
        }
        preferences.remember(&account("user15"), true);
        assert_eq!(preferences.remembered.len(), REMEMBERED_AT_MOST);
        assert_eq!(preferences.remembered[0].login, "user15");
        assert_eq!(preferences.remembered[1].login, "user19");
        assert_eq!(
            preferences.signed_in.as_ref().unwrap().account(),
            Some(account("user15"))
        );
        preferences.forget(&account("user15"));
        assert_eq!(preferences.remembered[0].login, "user19");
    }

    #[test]
    fn the_latest_emoji_is_first_and_none_is_there_twice() {
        let mut preferences = Preferences::default();
        for sign in ["🎉", "👍", "🎉"] {
            preferences.chose_emoji(sign);
        }
        assert_eq!(preferences.recent_emoji, ["🎉", "👍"]);
        for n in 0..40 {
            preferences.chose_emoji(&n.to_string());
        }
        assert_eq!(preferences.recent_emoji.len(), RECENT_EMOJI_AT_MOST);
        assert_eq!(preferences.recent_emoji[0], "39");
    }

    #[test]
    fn a_zoom_that_cannot_be_chosen_is_brought_into_range() {
        for (written, read) in [(0.1, 0.75), (9.0, 3.0), (1.25, 1.25), (f32::NAN, 1.0)] {
            let preferences = Preferences {
                zoom: written,
                ..Preferences::default()
            };
            assert_eq!(preferences.in_range().zoom, read, "{written}");
        }
    }

    #[test]
    fn a_settings_file_of_another_version_keeps_what_it_knows() {
        let read: Preferences = serde_json::from_str(r#"{"theme":"dark","unknown":1}"#).unwrap();
        assert_eq!(read.theme, ThemeChoice::Dark);
        assert_eq!(read.fetch_every, Some(10));
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Preferences>(&written).unwrap(), read);
    }
}
