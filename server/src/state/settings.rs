//! What users have set for their conversations. Each change has a number in the sequence of the user's changes, so that a
//! device can ask for what is new to it. The last change of a value counts: that is the order of the log.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use mensageiro_protocol::{Login, live::PINNED_MOST};
use thiserror::Error;

use super::State;
use crate::{
    index::SettingEntry,
    model::{
        event::Event,
        setting::{Scope, Set, Setting, Settings},
    },
};

/// The most conversations for which a user has set something at some time.
const CONVERSATIONS_MOST: usize = 20_000;

/// The most bytes of a user's drafts together.
const DRAFTS_BYTES: usize = 256 * 1024;

/// Why something cannot be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SetRefusal {
    /// Too many conversations are pinned.
    #[error("you have pinned {PINNED_MOST} conversations; unpin another one first")]
    Pinned,
    /// The drafts are too long together.
    #[error("your drafts are too long together")]
    Drafts,
    /// There are too many conversations.
    #[error("you have settings for too many conversations")]
    Conversations,
}

/// What became of a [`Set`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetOutcome {
    /// Whose.
    pub who: Login,
    /// What is set now.
    pub outcome: Result<Setting, SetRefusal>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct AllSettings {
    logins: HashMap<Login, OfLogin>,
    /// Those that are other than in the last checkpoint.
    changed: HashSet<(Login, Scope)>,
}

/// The settings of one user.
#[derive(Debug, Default)]
struct OfLogin {
    /// The number of the last change.
    last: u64,
    /// Also those that were set and are as at first again: other devices need to know.
    all: HashMap<Scope, Known>,
    by_number: BTreeMap<u64, Scope>,
    pinned: usize,
    draft_bytes: usize,
}

#[derive(Clone, Debug)]
struct Known {
    number: u64,
    /// When the log said so.
    at: Timestamp,
    settings: Settings,
}

impl OfLogin {
    fn get(&self, scope: &Scope) -> Settings {
        let known = self.all.get(scope);
        known.map_or_else(Settings::default, |known| known.settings.clone())
    }

    fn may_become(&self, scope: &Scope, settings: &Settings) -> Result<(), SetRefusal> {
        let before = self.get(scope);
        if settings.is_pinned && !before.is_pinned && self.pinned >= PINNED_MOST {
            return Err(SetRefusal::Pinned);
        }
        let drafts = self.draft_bytes - before.draft.len() + settings.draft.len();
        if drafts > DRAFTS_BYTES && settings.draft.len() > before.draft.len() {
            return Err(SetRefusal::Drafts);
        }
        if self.all.len() >= CONVERSATIONS_MOST && !self.all.contains_key(scope) {
            return Err(SetRefusal::Conversations);
        }
        Ok(())
    }

    fn put(&mut self, scope: Scope, known: Known) {
        self.last = self.last.max(known.number);
        self.pinned += usize::from(known.settings.is_pinned);
        self.draft_bytes += known.settings.draft.len();
        if let Some(before) = self.all.remove(&scope) {
            self.pinned -= usize::from(before.settings.is_pinned);
            self.draft_bytes -= before.settings.draft.len();
            self.by_number.remove(&before.number);
        }
        self.by_number.insert(known.number, scope.clone());
        self.all.insert(scope, known);
    }
}

impl AllSettings {
    /// What has changed since this was last called.
    pub(super) fn take_changes(&mut self) -> Vec<SettingEntry> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let changed = changed.map(|(login, scope)| {
            let of_login = self.logins.get(&login);
            let known = of_login.and_then(|one| one.all.get(&scope));
            SettingEntry {
                known: known.map(|known| (known.number, known.at, known.settings.clone())),
                login,
                scope,
            }
        });
        changed.collect()
    }

    /// Everything, in order.
    #[cfg(test)]
    pub(super) fn observed(&self) -> String {
        let logins: BTreeMap<_, _> = self.logins.iter().collect();
        let all = logins.iter().map(|(login, of_login)| {
            let known = of_login.by_number.iter();
            let known = known.map(|(number, scope)| (number, scope, &of_login.all[scope]));
            let sums = (of_login.last, of_login.pinned, of_login.draft_bytes);
            format!("{login}: {sums:?} {:?}", known.collect::<Vec<_>>())
        });
        all.collect::<Vec<_>>().join("\n")
    }
}

impl State {
    /// The number of the last change of what a user has set; 0: there was none.
    pub fn last_setting(&self, login: &Login) -> u64 {
        let of_login = self.settings.logins.get(login);
        of_login.map_or(0, |of_login| of_login.last)
    }

    /// What a user has set for something.
    pub fn settings(&self, login: &Login, scope: &Scope) -> Settings {
        let of_login = self.settings.logins.get(login);
        of_login.map_or_else(Settings::default, |of_login| of_login.get(scope))
    }

    /// Whether a user has ever set something for a conversation.
    pub fn has_settings(&self, login: &Login, scope: &Scope) -> bool {
        let of_login = self.settings.logins.get(login);
        of_login.is_some_and(|of_login| of_login.all.contains_key(scope))
    }

    /// What a user has set after a change, by the numbers of the changes.
    pub fn settings_after(&self, login: &Login, after: u64) -> impl Iterator<Item = Setting> {
        let of_login = self.settings.logins.get(login);
        of_login.into_iter().flat_map(move |of_login| {
            let later = of_login.by_number.range(after.saturating_add(1)..);
            later.filter_map(|(number, scope)| {
                Some(Setting {
                    scope: scope.clone(),
                    number: *number,
                    settings: of_login.all.get(scope)?.settings.clone(),
                })
            })
        })
    }

    /// The notes of all users who have one.
    pub fn notes(&self) -> HashMap<Login, mensageiro_protocol::Text> {
        let all = self.settings.logins.iter();
        let notes = all.map(|(login, of_login)| (login.clone(), of_login.get(&None).note));
        notes.filter(|(_, note)| !note.is_empty()).collect()
    }

    /// What the log has to say again before everything is dropped that is older: nothing else in the log says it.
    pub fn settings_before(&self, older_than: Timestamp) -> Vec<Event> {
        let mut logins: Vec<_> = self.settings.logins.iter().collect();
        // The order must not depend on how a map is laid out in memory.
        logins.sort_unstable_by_key(|(login, _)| *login);
        let all = logins.into_iter().flat_map(|(login, of_login)| {
            let all = of_login.by_number.values();
            let old = all.filter_map(|scope| {
                let known = of_login.all.get(scope)?;
                (known.at < older_than).then(|| {
                    Event::Set(Set {
                        by: login.clone(),
                        scope: scope.clone(),
                        change: known.settings.clone().into(),
                        number: Some(known.number),
                    })
                })
            });
            old.collect::<Vec<_>>()
        });
        all.collect()
    }

    pub(super) fn apply_set(&mut self, set: Set, at: Timestamp) -> SetOutcome {
        let Set {
            by,
            scope,
            change,
            number,
        } = set;
        let of_login = self.settings.logins.entry(by.clone()).or_default();
        let settings = of_login.get(&scope).with(change);
        let outcome = of_login.may_become(&scope, &settings).map(|()| {
            let number = number.unwrap_or(of_login.last + 1);
            let known = Known {
                number,
                at,
                settings: settings.clone(),
            };
            of_login.put(scope.clone(), known);
            self.settings.changed.insert((by.clone(), scope.clone()));
            Setting {
                scope,
                number,
                settings,
            }
        });
        SetOutcome { who: by, outcome }
    }

    /// A login is somebody else's now, who has set nothing. The numbers go on.
    pub(super) fn forget_settings(&mut self, login: &Login, at: Timestamp) {
        let Some(of_login) = self.settings.logins.get_mut(login) else {
            return;
        };
        let number = of_login.last + 1;
        let gone = std::mem::take(of_login);
        let known = Known {
            number,
            at,
            settings: Settings::default(),
        };
        of_login.put(None, known);
        let gone = gone.all.into_keys().chain([None]);
        let gone = gone.map(|scope| (login.clone(), scope));
        self.settings.changed.extend(gone);
    }

    /// Takes in what a checkpoint has.
    pub fn load_setting(&mut self, entry: SettingEntry) {
        if let Some((number, at, settings)) = entry.known {
            let of_login = self.settings.logins.entry(entry.login).or_default();
            let known = Known {
                number,
                at,
                settings,
            };
            of_login.put(entry.scope, known);
        }
    }
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::Text;

    use super::*;
    use crate::model::{conversation::Conversation, setting::SettingsChange};

    fn login(name: &str) -> Login {
        Login::parse(name).unwrap()
    }

    fn scope(with: &str) -> Scope {
        Some(Conversation::pair(&login("ana"), &login(with)))
    }

    fn set(state: &mut State, with: &str, change: SettingsChange) -> Result<Setting, SetRefusal> {
        let set = Set {
            by: login("ana"),
            scope: scope(with),
            change,
            number: None,
        };
        let outcome = state.apply_set(set, Timestamp::UNIX_EPOCH);
        assert_eq!(outcome.who, login("ana"));
        outcome.outcome
    }

    fn pin(is_pinned: bool) -> SettingsChange {
        SettingsChange {
            is_pinned: Some(is_pinned),
            ..SettingsChange::default()
        }
    }

    fn draft(bytes: usize) -> SettingsChange {
        SettingsChange {
            draft: Some(Text::from("x".repeat(bytes).as_str())),
            ..SettingsChange::default()
        }
    }

    #[test]
    fn the_last_change_of_each_value_counts_and_a_device_gets_what_is_new_to_it() {
        let mut state = State::default();
        assert_eq!(set(&mut state, "bob", pin(true)).unwrap().number, 1);
        assert_eq!(set(&mut state, "eva", pin(true)).unwrap().number, 2);
        let changed = set(&mut state, "bob", draft(3)).unwrap();
        assert!(changed.settings.is_pinned);
        assert_eq!((changed.number, changed.settings.draft.len()), (3, 3));
        let numbers = |after| {
            let ana = login("ana");
            let later = state.settings_after(&ana, after);
            later.map(|one| one.number).collect::<Vec<_>>()
        };
        assert_eq!((numbers(0), numbers(2)), (vec![2, 3], vec![3]));
        assert_eq!(numbers(u64::MAX), [0; 0]);
        assert_eq!(state.last_setting(&login("ana")), 3);
    }

    #[test]
    fn so_many_conversations_are_pinned_and_so_long_are_drafts_and_no_more() {
        let mut state = State::default();
        for n in 0..PINNED_MOST {
            set(&mut state, &format!("b{n}"), pin(true)).unwrap();
        }
        assert_eq!(set(&mut state, "bob", pin(true)), Err(SetRefusal::Pinned));
        set(&mut state, "b7", pin(true)).unwrap();
        set(&mut state, "b7", pin(false)).unwrap();
        set(&mut state, "bob", pin(true)).unwrap();
        for n in 0..DRAFTS_BYTES / 4096 {
            set(&mut state, &format!("b{n}"), draft(4096)).unwrap();
        }
        assert_eq!(set(&mut state, "bob", draft(1)), Err(SetRefusal::Drafts));
        set(&mut state, "b7", draft(4095)).unwrap();
        set(&mut state, "bob", draft(1)).unwrap();
    }

    #[test]
    fn what_is_said_again_has_its_old_number_and_means_the_same() {
        let mut state = State::default();
        set(&mut state, "bob", pin(true)).unwrap();
        set(&mut state, "eva", draft(9)).unwrap();
        set(&mut state, "bob", pin(false)).unwrap();
        let now = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(9);
        assert_eq!(state.settings_before(Timestamp::UNIX_EPOCH), []);
        let mut again = State::default();
        for event in state.settings_before(now) {
            let Event::Set(set) = event else { panic!() };
            again.apply_set(set.clone(), now).outcome.unwrap();
            state.apply_set(set, now).outcome.unwrap();
        }
        assert_eq!(state.settings.observed(), again.settings.observed());
        assert_eq!(state.settings_before(now), []);
        assert_eq!(state.last_setting(&login("ana")), 3);
    }

    #[test]
    fn the_next_holder_of_a_login_has_set_nothing_and_no_number_comes_again() {
        let mut state = State::default();
        set(&mut state, "bob", pin(true)).unwrap();
        state.settings.take_changes();
        state.forget_settings(&login("ana"), Timestamp::UNIX_EPOCH);
        assert_eq!(
            state.settings(&login("ana"), &scope("bob")),
            Settings::default()
        );
        assert_eq!(state.last_setting(&login("ana")), 2);
        let changes = state.settings.take_changes();
        let gone = changes.iter().filter(|one| one.known.is_none());
        assert_eq!((changes.len(), gone.count()), (2, 1));
        assert_eq!(set(&mut state, "bob", pin(true)).unwrap().number, 3);
    }
}
