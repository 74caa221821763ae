use std::{collections::BTreeMap, ops::RangeInclusive};

use mensageiro_protocol::Login;
use serde::{Deserialize, Serialize};

use super::{AccountPreferences, hosting::Hosted};
use crate::{
    engine::{Account, ServerAddress},
    texts::Language,
};

/// How many accounts the sign-in screen remembers.
pub const REMEMBERED_AT_MOST: usize = 8;

/// How many accounts' preferences are kept.
pub const ACCOUNTS_AT_MOST: usize = 200;

/// The zoom factors to choose from.
pub const ZOOM_RANGE: RangeInclusive<f32> = 0.75..=3.0;

/// The preferences, kept from one start to the next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// The theme.
    pub theme: ThemeChoice,
    /// The language.
    pub language: Language,
    /// The zoom factor; 1.0 is as designed.
    pub zoom: f32,
    /// Whether the sign-in screen's checkbox is on: the next start signs in by itself.
    pub stay_signed_in: bool,
    /// The account the next start signs in with by itself.
    pub signed_in: Option<RememberedAccount>,
    /// Accounts used before, the latest first, at most [`REMEMBERED_AT_MOST`].
    pub remembered: Vec<RememberedAccount>,
    /// The preferences of each account, by [`account_key`]; at most [`ACCOUNTS_AT_MOST`].
    pub accounts: BTreeMap<String, AccountPreferences>,
    /// The server that this profile has started on this computer.
    pub hosted: Option<Hosted>,
    /// The window's last position.
    pub window: Option<WindowPlace>,
}

/// The theme to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThemeChoice {
    /// The system's theme.
    #[default]
    System,
    /// Dark text on light ground.
    Light,
    /// Light text on dark ground.
    Dark,
}

/// An account as the settings file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedAccount {
    /// The user's login.
    pub login: String,
    /// `host:port`.
    pub server: String,
}

/// The window's position and size, in points of the system: those at zoom 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WindowPlace {
    /// Distance from the left of the screen; `None`: the system does not tell.
    pub x: Option<f32>,
    /// Distance from the top of the screen; `None`: the system does not tell.
    pub y: Option<f32>,
    /// Width of its content.
    pub width: f32,
    /// Height of its content.
    pub height: f32,
    /// Whether it was maximised; the other values are those before.
    pub is_maximized: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::System,
            language: Language::System,
            zoom: 1.0,
            stay_signed_in: true,
            signed_in: None,
            remembered: Vec::new(),
            accounts: BTreeMap::new(),
            hosted: None,
            window: None,
        }
    }
}

impl Preferences {
    /// The preferences of an account.
    pub fn of(&self, account: &Account) -> &AccountPreferences {
        static USUAL: AccountPreferences = AccountPreferences::USUAL;
        self.accounts.get(&account_key(account)).unwrap_or(&USUAL)
    }

    /// The preferences of an account, to change them. If there are too many accounts, one that the
    /// sign-in screen does not offer is dropped.
    pub fn of_mut(&mut self, account: &Account) -> &mut AccountPreferences {
        let key = account_key(account);
        if !self.accounts.contains_key(&key) && self.accounts.len() >= ACCOUNTS_AT_MOST {
            let offered: Vec<_> = self.remembered.iter().map(RememberedAccount::key).collect();
            let others = self.accounts.keys();
            let gone = others.into_iter().find(|other| !offered.contains(other));
            if let Some(gone) = gone.cloned() {
                self.accounts.remove(&gone);
            }
        }
        self.accounts.entry(key).or_default()
    }

    /// The same with every value in its valid range: the file may have been edited by hand.
    pub fn in_range(mut self) -> Self {
        self.zoom = match self.zoom {
            zoom if zoom.is_finite() => zoom.clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end()),
            _ => 1.0,
        };
        self.remembered.truncate(REMEMBERED_AT_MOST);
        for account in self.accounts.values_mut() {
            account.bring_in_range();
        }
        self
    }

    /// Puts an account that signed in on top of the remembered ones.
    pub fn remember(&mut self, account: &Account, stay_signed_in: bool) {
        let remembered = RememberedAccount::from(account);
        self.remembered.retain(|other| *other != remembered);
        self.remembered.insert(0, remembered.clone());
        self.remembered.truncate(REMEMBERED_AT_MOST);
        self.stay_signed_in = stay_signed_in;
        self.signed_in = stay_signed_in.then_some(remembered);
    }

    /// Whether an account has signed in before.
    pub fn remembers(&self, account: &Account) -> bool {
        self.remembered.contains(&RememberedAccount::from(account))
    }

    /// Removes an account from the remembered ones.
    pub fn forget(&mut self, account: &Account) {
        let account = RememberedAccount::from(account);
        self.remembered.retain(|other| *other != account);
    }
}

/// The key of an account in [`Preferences::accounts`]; no login has a space.
pub fn account_key(account: &Account) -> String {
    key(account.login.as_str(), &account.server)
}

fn key(login: &str, server: &str) -> String {
    let server = ServerAddress::parse(server)
        .map_or_else(|_| server.trim().to_lowercase(), |known| known.to_string());
    format!("{login} at {server}")
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
    /// The [`account_key`] of the account.
    pub fn key(&self) -> String {
        key(&self.login, &self.server)
    }

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
    fn what_an_account_has_chosen_is_its_own_however_its_server_is_written() {
        let mut preferences = Preferences::default();
        preferences.of_mut(&account("ana")).write_note("lunch");
        let at = |login: &str, server: &str| Account {
            server: server.into(),
            ..account(login)
        };
        assert_eq!(preferences.of(&at("ana", "LOCALHOST")).note, "lunch");
        assert_eq!(preferences.of(&at("ana", "localhost:4444")).note, "");
        assert_eq!(preferences.of(&account("bruno")).note, "");
    }

    #[test]
    fn of_too_many_accounts_one_goes_that_is_not_offered() {
        let mut preferences = Preferences::default();
        preferences.remember(&account("a-first"), true);
        for name in ["a-first", "b-next"] {
            preferences.of_mut(&account(name)).sound = true;
        }
        for n in 2..=ACCOUNTS_AT_MOST {
            preferences.of_mut(&account(&format!("user{n}"))).sound = true;
        }
        assert_eq!(preferences.accounts.len(), ACCOUNTS_AT_MOST);
        assert!(preferences.of(&account("a-first")).sound);
        assert!(!preferences.of(&account("b-next")).sound);
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
        assert!(read.stay_signed_in);
        let written = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<Preferences>(&written).unwrap(), read);
    }
}
