//! The app's texts in each language: whole sentences with named placeholders, one file per
//! language.

mod clock;
mod dates;
mod isolate;
mod language;

use std::{collections::HashMap, sync::LazyLock};

pub use clock::use_clock_of_system;
pub use dates::{
    day_line, full_moment, long_date, moment, month_line, row_date, row_time, time_of_day,
    weekday_in_row,
};

pub use isolate::{has_rtl, isolate};
pub use language::Language;

/// The texts of one language.
#[derive(Debug)]
pub struct Texts {
    language: Language,
    sentences: HashMap<String, String>,
}

static ENGLISH: LazyLock<Texts> =
    LazyLock::new(|| Texts::read(Language::English, include_str!("en.json")));
static PORTUGUESE: LazyLock<Texts> =
    LazyLock::new(|| Texts::read(Language::Portuguese, include_str!("pt-BR.json")));

impl Texts {
    /// The texts of a language.
    pub fn of(language: Language) -> &'static Self {
        static SYSTEM: LazyLock<Language> = LazyLock::new(system_language);
        match language {
            Language::Portuguese => &PORTUGUESE,
            Language::English => &ENGLISH,
            Language::System => Self::of(*SYSTEM),
        }
    }

    /// Which language it is: never [`Language::System`].
    pub fn language(&self) -> Language {
        self.language
    }

    /// The text of a key. A key without a text is returned itself; a test makes sure there is none.
    pub fn get<'a>(&'a self, key: &'a str) -> &'a str {
        self.sentences.get(key).map_or(key, String::as_str)
    }

    /// The text of a key, with each `{name}` replaced. A value that has right-to-left characters is
    /// isolated: it keeps its own direction and does not change that of the sentence.
    pub fn fill(&self, key: &str, values: &[(&str, &str)]) -> String {
        let mut rest = self.get(key);
        let mut filled = String::with_capacity(rest.len() + 16);
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            match values.iter().find(|(known, _)| *known == name) {
                Some((_, value)) => filled.push_str(&isolate(value)),
                None => filled.push_str(name),
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    /// The text for one or for several, with `{count}` replaced.
    pub fn count(&self, key: &str, count: usize) -> String {
        self.count_with(key, count, &[])
    }

    /// Like [`Texts::count`], with each other `{name}` replaced too.
    pub fn count_with(&self, key: &str, count: usize, values: &[(&str, &str)]) -> String {
        let form = if count == 1 { "one" } else { "other" };
        let count = self.number(count);
        let values = [values, &[("count", count.as_str())]].concat();
        self.fill(&format!("{key}.{form}"), &values)
    }

    /// A number as people write it in this language: 1,000 or 1.000.
    pub fn number(&self, number: usize) -> String {
        let digits = number.to_string();
        let mut written = String::with_capacity(digits.len() + digits.len() / 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                written.push_str(self.get("number.thousands"));
            }
            written.push(digit);
        }
        written
    }

    fn read(language: Language, file: &str) -> Self {
        // The files are part of the program; the tests below read them all.
        let sentences = serde_json::from_str(file).unwrap_or_default();
        Self {
            language,
            sentences,
        }
    }
}

/// Portuguese for every Portuguese system, English for all others.
fn system_language() -> Language {
    match sys_locale::get_locale() {
        Some(locale) if locale.to_lowercase().starts_with("pt") => Language::Portuguese,
        _ => Language::English,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::BTreeSet,
        fs,
        path::{Path, PathBuf},
    };

    use super::*;

    fn keys(texts: &Texts) -> BTreeSet<&str> {
        texts.sentences.keys().map(String::as_str).collect()
    }

    fn places(sentence: &str) -> BTreeSet<&str> {
        let names = sentence.split('{').skip(1);
        names.filter_map(|rest| rest.split('}').next()).collect()
    }

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }

    /// Every `"area.name"` in the sources of the app.
    fn used_keys() -> BTreeSet<String> {
        let mut files = Vec::new();
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut files,
        );
        let mut used = BTreeSet::new();
        for file in files {
            let source = fs::read_to_string(file).unwrap();
            used.extend(source.split('"').map(str::to_owned));
        }
        used
    }

    #[test]
    fn both_languages_say_the_same_things_with_the_same_places() {
        assert!(ENGLISH.sentences.len() > 80);
        assert_eq!(keys(&ENGLISH), keys(&PORTUGUESE));
        for (key, english) in &ENGLISH.sentences {
            assert_eq!(places(english), places(PORTUGUESE.get(key)), "{key}");
            assert!(!PORTUGUESE.get(key).is_empty() && !english.is_empty());
        }
    }

    #[test]
    fn every_sentence_is_used() {
        let used = used_keys();
        let unused: Vec<_> = keys(&ENGLISH)
            .into_iter()
            .filter(|key| {
                let family = key
                    .strip_suffix(".one")
                    .or_else(|| key.strip_suffix(".other"));
                !used.contains(family.unwrap_or(key))
            })
            .collect();
        assert!(unused.is_empty(), "{unused:?}");
    }

    #[test]
    fn every_key_that_is_used_has_a_sentence() {
        let areas: BTreeSet<_> = keys(&ENGLISH)
            .into_iter()
            .filter_map(|key| key.split_once('.').map(|(area, _)| area))
            .collect();
        let known = keys(&ENGLISH);
        let unknown: Vec<_> = used_keys()
            .into_iter()
            .filter(|text| {
                text.split_once('.').is_some_and(|(area, name)| {
                    areas.contains(area)
                        && !name.is_empty()
                        && name.chars().all(|c| {
                            c.is_ascii_lowercase() || "._".contains(c) || c.is_ascii_digit()
                        })
                })
            })
            .filter(|key| !key.ends_with(".json"))
            .filter(|key| {
                !known.contains(key.as_str()) && !known.contains(format!("{key}.one").as_str())
            })
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn places_are_filled_by_name() {
        let texts = Texts::read(
            Language::English,
            r#"{"a": "{who} of {where}, {who}", "n.one": "one", "n.other": "{count} things"}"#,
        );
        let filled = texts.fill("a", &[("where", "here"), ("who", "{me}")]);
        assert_eq!(filled, "{me} of here, {me}");
        let filled = texts.fill("a", &[("where", "1"), ("who", "דוד (x)")]);
        let who = "\u{2068}דוד (x)\u{2069}";
        assert_eq!(filled, format!("{who} of 1, {who}"));
        assert_eq!(texts.count("n", 1), "one");
        assert_eq!(texts.count("n", 0), "0 things");
    }

    #[test]
    fn numbers_are_parted_as_each_language_does() {
        for (number, english, portuguese) in [
            (0, "0", "0"),
            (999, "999", "999"),
            (1_000, "1,000", "1.000"),
            (12_345, "12,345", "12.345"),
            (1_000_000, "1,000,000", "1.000.000"),
        ] {
            assert_eq!(ENGLISH.number(number), english);
            assert_eq!(PORTUGUESE.number(number), portuguese);
        }
        let members = PORTUGUESE.count("presence.members", 2_500);
        assert!(members.starts_with("2.500 "), "{members}");
    }

    #[test]
    fn a_percentage_has_no_space_in_it() {
        for texts in [&*ENGLISH, &*PORTUGUESE] {
            assert!(texts.sentences.values().all(|said| !said.contains(" %")));
        }
    }
}
