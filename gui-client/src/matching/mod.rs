//! Finding people and things by name: by words and parts of words in any order, whatever their
//! accents and case.

mod fold;
mod skeleton;

use mensageiro_protocol::Login;

pub use self::{
    fold::{fold, push_folded},
    skeleton::{Skeleton, skeletons},
};

/// What somebody types to find a person or a thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The login it is, if it can be one.
    login: Option<Login>,
    /// Folded, with one space between words.
    words: String,
}

/// How well a name matches a query; the best match first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Closeness {
    /// The query is exactly this login.
    Login,
    /// A name equals the query, except for accents and case.
    Same,
    /// A name begins with the query.
    Begins,
    /// Every word of the query begins a word of the names.
    WordsBegin,
    /// Every word of the query is somewhere in the names.
    Within,
}

impl Query {
    /// Reads what is typed. An `@` before it is dropped.
    pub fn new(typed: &str) -> Self {
        let typed = bare(typed);
        Self {
            login: Login::parse(typed).ok(),
            words: spoken(typed),
        }
    }

    /// Whether the query is empty; then everything matches.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// How well a person matches, given their names as [`names`] makes them; `None`: not at all.
    pub fn in_person(&self, login: &Login, names: &str) -> Option<Closeness> {
        match self.is_login(login) {
            true => Some(Closeness::Login),
            false => self.in_names(names),
        }
    }

    /// How well a thing matches, given its names as [`names`] makes them; `None`: not at all.
    pub fn in_names(&self, names: &str) -> Option<Closeness> {
        let mut words = self.words.split(' ');
        if !words.clone().all(|word| names.contains(word)) {
            return None;
        }
        let mut all = names.lines();
        Some(if all.clone().any(|name| name == self.words) {
            Closeness::Same
        } else if all.any(|name| name.starts_with(&self.words)) {
            Closeness::Begins
        } else if words.all(|word| begins_a_word(names, word)) {
            Closeness::WordsBegin
        } else {
            Closeness::Within
        })
    }

    /// Whether the query is exactly this login.
    pub fn is_login(&self, login: &Login) -> bool {
        self.login.as_ref() == Some(login)
    }
}

/// Names in the form that [`Query`] compares with: folded, one to a line. A name with apostrophes
/// also appears without them, since `davila` should find `D'Ávila`.
pub fn names<'a>(all: impl IntoIterator<Item = &'a str>) -> String {
    let mut names = String::new();
    for name in all {
        let name = spoken(name);
        if !names.is_empty() && !name.is_empty() {
            names.push('\n');
        }
        names.push_str(&name);
        if name.contains('\'') {
            names.push('\n');
            names.push_str(&name.replace('\'', ""));
        }
    }
    names
}

/// A query without the `@` before it and the spaces around it.
pub fn bare(typed: &str) -> &str {
    typed.trim().trim_start_matches(['@', '＠'])
}

fn spoken(text: &str) -> String {
    let folded = fold(text);
    // `Silva, João` is João Silva.
    let words = folded.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

fn begins_a_word(names: &str, word: &str) -> bool {
    names.match_indices(word).any(|(at, _)| {
        let before = names[..at].chars().next_back();
        before.is_none_or(|c| !c.is_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, login: &str, name: &str, expected: Option<Closeness>) {
        let login = Login::parse(login).unwrap();
        let names = names([login.as_str(), name]);
        let found = Query::new(typed).in_person(&login, &names);
        assert_eq!(found, expected, "{typed:?} in {login}, {name}");
    }

    #[test]
    fn neither_accents_nor_case_nor_forms_matter() {
        for typed in [
            "joao",
            "JOÃO",
            "joa\u{303}o",
            "@Joao",
            "  joao ",
            "＠ｊｏａｏ",
        ] {
            check(typed, "js", "João Silva", Some(Closeness::Begins));
        }
        check("STRASSE", "u1", "Straße", Some(Closeness::Same));
        check("strasse", "straße", "", Some(Closeness::Same));
        check("istanbul", "u1", "İSTANBUL", Some(Closeness::Same));
        check("d'avila", "u1", "Rosa D’Ávila", Some(Closeness::WordsBegin));
        check("davila", "u1", "Rosa D’Ávila", Some(Closeness::WordsBegin));
        check("avila", "u1", "Rosa D’Ávila", Some(Closeness::WordsBegin));
        check("lodz", "u1", "Jan z Łodzi", Some(Closeness::WordsBegin));
        check("oeuvre", "u1", "Œuvres", Some(Closeness::Begins));
    }

    #[test]
    fn words_are_found_in_any_order_and_their_beginnings_are_closer_than_their_middles() {
        let name = "João Carlos da Silva";
        check("silva joao", "jcs", name, Some(Closeness::WordsBegin));
        check("joão  ca", "jcs", name, Some(Closeness::Begins));
        check("sil jcs", "jcs", name, Some(Closeness::WordsBegin));
        check("lva oao", "jcs", name, Some(Closeness::Within));
        check("Silva, João", "jcs", name, Some(Closeness::WordsBegin));
        check("silva maria", "jcs", name, None);
        check("luc", "u1", "Jean-Luc", Some(Closeness::WordsBegin));
        check("lima", "eva.lima", "", Some(Closeness::WordsBegin));
    }

    #[test]
    fn a_login_that_is_typed_is_the_closest_of_all() {
        check("ana", "ana", "", Some(Closeness::Login));
        check("joão", "joa\u{303}o", "", Some(Closeness::Login));
        check("ana", "Ana", "", Some(Closeness::Same));
        check("ana", "ana2", "Ana", Some(Closeness::Same));
        check("ana", "anabel", "", Some(Closeness::Begins));
        check("", "ana", "", Some(Closeness::Begins));
    }
}
