use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use mensageiro_protocol::{Login, Name};
use unicode_general_category::{GeneralCategory, get_general_category};

use crate::{
    matching::{Skeleton, skeletons},
    texts::{Language, Texts},
};

/// The skeletons of the names and logins of all users and groups. They show which names could be confused.
#[derive(Debug, Default)]
pub struct Confusables {
    /// The number of users and groups with each skeleton.
    known: HashMap<Skeleton, usize>,
    groups: HashSet<Login>,
}

impl Confusables {
    /// Adds a user.
    pub fn add(&mut self, login: &Login, name: &Name) {
        for one in of(login, name) {
            *self.known.entry(one).or_default() += 1;
        }
    }

    /// Removes a user; `name` is the name with which the user was added.
    pub fn remove(&mut self, login: &Login, name: &Name) {
        for one in of(login, name) {
            let Some(count) = self.known.get_mut(&one) else {
                continue;
            };
            *count -= 1;
            if *count == 0 {
                self.known.remove(&one);
            }
        }
    }

    /// Notes whether there is a group of this name.
    pub fn set_group(&mut self, group: &Login, is_there: bool) {
        let none = Name::default();
        match is_there {
            true if self.groups.insert(group.clone()) => self.add(group, &none),
            false if self.groups.remove(group) => self.remove(group, &none),
            _ => {}
        }
    }

    /// Whether these skeletons of a user's name are those of no other user, login or group.
    pub fn are_unique(&self, skeletons: &[Skeleton; 2]) -> bool {
        skeletons
            .iter()
            .all(|one| self.known.get(one).is_none_or(|count| *count == 1))
    }
}

/// The skeletons that a name must have alone to identify somebody. `None`: it looks like a word that the app shows in place
/// of a name, or like a name followed by a login.
pub fn of_name(name: &Name) -> Option<[Skeleton; 2]> {
    let skeletons = skeletons(name.as_str()).filter(|_| !has_brackets(name))?;
    let is_app = skeletons.iter().any(|one| APP_WORDS.contains(one));
    (!is_app).then_some(skeletons)
}

/// The words that the app shows in place of a name, in all languages.
static APP_WORDS: LazyLock<HashSet<Skeleton>> = LazyLock::new(|| {
    let texts = [Language::English, Language::Portuguese].map(Texts::of);
    let words = texts.into_iter().flat_map(|texts| {
        ["quote.you", "members.you", "peer.server", "journey.server"].map(|key| texts.get(key))
    });
    words.filter_map(skeletons).flatten().collect()
});

/// The different skeletons of a user.
fn of(login: &Login, name: &Name) -> HashSet<Skeleton> {
    let both = [login.as_str(), name.as_str()].into_iter();
    both.filter_map(skeletons).flatten().collect()
}

fn has_brackets(name: &Name) -> bool {
    use GeneralCategory::{ClosePunctuation, OpenPunctuation};
    let is_bracket = |c| matches!(get_general_category(c), OpenPunctuation | ClosePunctuation);
    name.as_str().chars().any(is_bracket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(name: &str) -> Login {
        Login::parse(name).unwrap()
    }

    /// Whether each user's name identifies the user.
    fn check(users: &[(&str, &str, bool)], groups: &[&str]) {
        let mut confusables = Confusables::default();
        for group in groups {
            confusables.set_group(&login(group), true);
            confusables.set_group(&login(group), true);
        }
        for (user, name, _) in users {
            confusables.add(&login(user), &Name::from(*name));
        }
        for (user, name, expected) in users {
            let skeletons = of_name(&Name::from(*name));
            let is_alone = skeletons.is_some_and(|skeletons| confusables.are_unique(&skeletons));
            assert_eq!(is_alone, *expected, "{user} {name}");
        }
        for (user, name, _) in users {
            confusables.remove(&login(user), &Name::from(*name));
        }
        for group in groups {
            confusables.set_group(&login(group), false);
        }
        assert!(confusables.known.is_empty());
    }

    #[test]
    fn a_name_that_could_be_somebody_elses_does_not_say_who_it_is() {
        check(
            &[
                ("bruno", "Bruno Lima", false),
                ("mallory", "Вruno Limа", false),
                ("carla", "Carla Dias", true),
                // Like the user's own login.
                ("davi", "Davi", true),
            ],
            &[],
        );
        // Like a login, a group, and a word of the app.
        check(
            &[
                ("eva", "", false),
                ("m1", "Evа", false),
                ("m2", "Turma A", false),
                ("m3", "You", false),
                ("m4", "vосê", false),
                ("m5", "Server messages", false),
                ("m6", "Ana Lima (ana)", false),
                ("m7", "Ana Lima （ana）", false),
                ("m8", "👍", false),
                ("m9", "Ana Lima", true),
            ],
            &["turma-a"],
        );
    }
}
