//! The emoji one can choose, by group and by name: those the app can draw (Unicode 15).

use std::{collections::HashMap, sync::LazyLock};

pub use emojis::Group;
use emojis::UnicodeVersion;

use crate::{
    matching::{Closeness, Query, names},
    texts::Language,
};

/// The newest version of Unicode whose emoji the app's face has.
const NEWEST: UnicodeVersion = UnicodeVersion::new(15, 0);

/// Sign, name and words to find it by, of each emoji; see the README beside it.
const PORTUGUESE: &str = include_str!("../../assets/emoji/pt-BR.tsv");

/// An emoji that can be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emoji {
    /// The sign itself.
    pub sign: &'static str,
    /// The short name people write between colons.
    pub code: &'static str,
    /// Where Unicode has it.
    pub group: Group,
    english: &'static str,
    portuguese: &'static str,
    /// What it is called in each language, and the words it is found by besides.
    names: [String; 2],
    words: [String; 2],
}

impl Emoji {
    /// What it is called, as Unicode does.
    pub fn name(&self, language: Language) -> &'static str {
        match language {
            Language::Portuguese => self.portuguese,
            _ => self.english,
        }
    }

    /// How closely it holds what is sought: in its names, or in the words it is found by.
    fn closeness(&self, query: &Query, language: Language) -> Option<(Closeness, bool)> {
        let at = usize::from(language == Language::Portuguese);
        let named = query.in_names(&self.names[at]);
        let found = query.in_names(&self.words[at]);
        let named = named.map(|closeness| (closeness, false));
        let found = found.map(|closeness| (closeness.max(Closeness::WordsBegin), true));
        named.into_iter().chain(found).min()
    }
}

/// All of them, in the order of Unicode's groups: faces first, flags last.
pub fn all() -> &'static [Emoji] {
    static ALL: LazyLock<Vec<Emoji>> = LazyLock::new(|| {
        let portuguese = portuguese();
        let groups = Group::iter().flat_map(|group| group.emojis());
        let drawn = groups.filter(|emoji| emoji.unicode_version() <= NEWEST);
        drawn
            .filter_map(|emoji| {
                let (sign, code, english) = (emoji.as_str(), emoji.shortcode()?, emoji.name());
                let plain = sign.replace('\u{fe0f}', "");
                // An emoji that has no name in a language yet has its English one.
                let known = portuguese.get(plain.as_str()).copied();
                let (name, words) = known.unwrap_or((english, ""));
                let called = [english, name].map(|name| names([code, name]));
                let words = words.split('|').chain([code, name]);
                Some(Emoji {
                    sign,
                    code,
                    group: emoji.group(),
                    english,
                    portuguese: name,
                    words: [called[0].clone(), names(words)],
                    names: called,
                })
            })
            .collect()
    });
    &ALL
}

/// The same by group.
pub fn groups() -> impl Iterator<Item = (Group, &'static [Emoji])> {
    let groups = all().chunk_by(|one, next| one.group == next.group);
    groups.map(|group| (group[0].group, group))
}

/// The emoji with this sign, if it can be chosen; it may be written without its variation selector.
pub fn with_sign(sign: &str) -> Option<&'static Emoji> {
    let plain = sign.trim_end_matches('\u{fe0f}');
    let is_it = |emoji: &&Emoji| emoji.sign.trim_end_matches('\u{fe0f}') == plain;
    all()
        .iter()
        .find(|emoji| emoji.sign == sign)
        .or_else(|| all().iter().find(is_it))
}

/// The emoji with this short name.
pub fn named(code: &str) -> Option<&'static str> {
    let found = emojis::get_by_shortcode(code)?;
    (found.unicode_version() <= NEWEST).then(|| found.as_str())
}

/// Those that are called so in a language: first those with just this name, or short name, then
/// those where it begins so, then those with words that do, then those with it anywhere. Accents,
/// case and the order of words make no difference.
pub fn matching(typed: &str, language: Language) -> Vec<&'static Emoji> {
    if let Some(emoji) = with_sign(typed.trim()) {
        return vec![emoji];
    }
    let query = Query::new(typed);
    let mut found: Vec<_> = all()
        .iter()
        .filter_map(|emoji| Some((emoji.closeness(&query, language)?, emoji)))
        .collect();
    found.sort_by_key(|(closeness, _)| *closeness);
    found.into_iter().map(|(_, emoji)| emoji).collect()
}

fn portuguese() -> HashMap<&'static str, (&'static str, &'static str)> {
    let lines = PORTUGUESE.lines().filter_map(|line| {
        let (sign, rest) = line.split_once('\t')?;
        Some((sign, rest.split_once('\t')?))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_are_found_by_what_they_are_called() {
        assert!(all().len() > 1500, "{}", all().len());
        assert_eq!(named("tada"), Some("🎉"));
        let found = matching("Heart", Language::English);
        assert_eq!(found[0].sign, "❤️", "just that comes first");
        assert!(found.iter().any(|emoji| emoji.sign == "💔"));
        assert_eq!(matching("🎉", Language::English).len(), 1);
        assert_eq!(matching("❤", Language::English)[0].sign, "❤️");
        assert_eq!(matching("EYES heart", Language::English)[0].sign, "😍");
        assert!(matching("no such thing", Language::English).is_empty());
    }

    #[test]
    fn every_emoji_is_in_one_group() {
        assert_eq!(groups().count(), Group::iter().count());
        assert_eq!(
            groups().map(|(_, group)| group.len()).sum::<usize>(),
            all().len()
        );
        let flags = groups().find(|(group, _)| *group == Group::Flags);
        let brazil = with_sign("🇧🇷").unwrap();
        assert!(flags.unwrap().1.contains(brazil));
        assert_eq!(with_sign("x"), None);
    }

    #[test]
    fn emoji_are_found_in_portuguese_with_or_without_accents() {
        for typed in ["coração", "CORACAO"] {
            let found = matching(typed, Language::Portuguese);
            assert!(found.iter().any(|emoji| emoji.sign == "💔"), "{typed}");
            assert!(found[0].name(Language::Portuguese).starts_with("coração"));
        }
        let blue = matching("azul cora", Language::Portuguese);
        assert_eq!(blue[0].sign, "💙", "in any order");
        let party = matching("festa", Language::Portuguese);
        assert!(party.iter().any(|emoji| emoji.sign == "🎉"));
        let by_code = matching("tada", Language::Portuguese);
        assert_eq!(by_code[0].sign, "🎉", "short names are the same everywhere");
        assert!(matching("festa", Language::English).is_empty());
    }

    #[test]
    fn nearly_all_emoji_have_a_portuguese_name() {
        let without = |emoji: &&Emoji| emoji.portuguese == emoji.english;
        let without: Vec<_> = all()
            .iter()
            .filter(without)
            .map(|emoji| emoji.sign)
            .collect();
        // Some are called the same, as 🍕 is.
        assert!(without.len() < 60, "{}: {without:?}", without.len());
    }
}
