//! How people and things are found by what they are called: by words and parts of words in any
//! order, without accents and case.

use mensageiro_protocol::Login;

use crate::engine::fold;

/// What is typed to find somebody or something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// The login it is, if it can be one.
    login: Option<Login>,
    /// Folded, with one space between words.
    words: String,
}

/// How something holds what is sought; the closest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Closeness {
    /// It is the login that was typed, sign by sign.
    Login,
    /// It is called just so, but for accents and case.
    Same,
    /// What it is called begins so.
    Begins,
    /// Every word that was typed begins one of its words.
    WordsBegin,
    /// Every word that was typed is somewhere in it.
    Within,
}

impl Sought {
    /// Reads what is typed; an `@` before it is none of it.
    pub fn new(typed: &str) -> Self {
        let typed = bare(typed);
        Self {
            login: Login::parse(typed).ok(),
            words: spoken(typed),
        }
    }

    /// Nothing is sought; everything holds it.
    pub fn is_nothing(&self) -> bool {
        self.words.is_empty()
    }

    /// How somebody holds it, whose names are given as [`names`] makes them; `None`: not at all.
    pub fn in_person(&self, login: &Login, names: &str) -> Option<Closeness> {
        match self.is_login(login) {
            true => Some(Closeness::Login),
            false => self.in_names(names),
        }
    }

    /// How something holds it, whose names are given as [`names`] makes them; `None`: not at all.
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

    /// Whether it is this login, sign by sign.
    pub fn is_login(&self, login: &Login) -> bool {
        self.login.as_ref() == Some(login)
    }
}

/// What something is called, made ready for [`Sought`]: one name to a line. Whoever looks for `davila`
/// means `D'Ávila` too, so a name with apostrophes stands there without them as well.
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

/// What is typed to find somebody, without the `@` and the spaces around it.
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
        let found = Sought::new(typed).in_person(&login, &names);
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
