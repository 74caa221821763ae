use std::ops::Range;

use mensageiro_protocol::{Login, limits::LOGIN_CHARS};

use super::Session;
use crate::{
    emoji,
    engine::Peer,
    matching::{Closeness, Query},
    texts::Language,
};

/// The most choices that are offered at a time.
const AT_MOST: usize = 6;

/// Emoji are offered from this many characters of a name on.
const EMOJI_FROM: usize = 2;

/// Longer words, in bytes, are no login.
const LONGEST: usize = 4 * LOGIN_CHARS;

/// A completion of the word before the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The range of the word, in bytes.
    pub word: Range<usize>,
    /// The choices, the likeliest first; never empty.
    pub choices: Vec<Choice>,
}

/// One choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The text that replaces the word.
    pub text: String,
    /// Its name.
    pub name: String,
    /// More about it; may be empty.
    pub about: String,
    /// It is the login that was typed.
    pub is_exact: bool,
}

/// Completes the word before `cursor` (in bytes): `@an` a user or a group, `:smi` an emoji.
///
/// Emoji are also found by their names in `language`.
pub fn complete(
    session: &Session,
    language: Language,
    typed: &str,
    cursor: usize,
) -> Option<Completion> {
    let before = typed.get(..cursor)?;
    let begins = before.rfind(char::is_whitespace);
    let begins = begins.map_or(0, |at| {
        at + before[at..].chars().next().map_or(1, char::len_utf8)
    });
    let word = &before[begins..];
    if word.len() > LONGEST {
        return None;
    }
    let choices = if let Some(name) = word.strip_prefix('@') {
        people(session, name)
    } else if let Some(name) = word.strip_prefix(':') {
        if name.len() < EMOJI_FROM {
            return None;
        }
        emojis(name, language)
    } else {
        return None;
    };
    let word = begins..cursor;
    (!choices.is_empty()).then_some(Completion { word, choices })
}

/// The emoji whose name between colons ends at `cursor` (in bytes), and the range of that name.
pub fn named_emoji(typed: &str, cursor: usize) -> Option<(Range<usize>, &'static str)> {
    let before = typed.get(..cursor)?;
    let inner = before.strip_suffix(':')?;
    let begins = inner.rfind(':')?;
    let is_word = typed[..begins]
        .chars()
        .next_back()
        .is_none_or(char::is_whitespace);
    let found = emoji::named(&inner[begins + 1..]).filter(|_| is_word)?;
    Some((begins..cursor, found))
}

/// Users and groups whose login or name matches, the closest first: in a group its members,
/// elsewhere everybody.
fn people(session: &Session, typed: &str) -> Vec<Choice> {
    let query = Query::new(typed);
    let about = |login: &Login| {
        let person = session.people.user(login);
        person.map_or("", |person| person.name.as_str())
    };
    let mut all: Vec<_> = match session.group_people() {
        Some(people) => people,
        None => {
            let known = session.people.matching(&query);
            let mut known: Vec<_> = known.into_iter().map(|(login, _)| login).collect();
            // A classic server has no roster: only people with a conversation are known.
            let rows = session.conversations.rows().iter();
            let written = rows.filter_map(|row| match &row.with {
                Peer::Person(login) => Some(login),
                Peer::Server => None,
            });
            known.extend(written.filter(|login| !session.people.knows(login)));
            known
        }
    }
    .into_iter()
    .filter_map(|login| Some((session.people.closeness(login, &query)?, login)))
    .collect();
    all.sort_by_key(|(closeness, _)| *closeness);
    all.truncate(AT_MOST);
    let all = all.into_iter();
    all.map(|(closeness, login)| Choice {
        text: format!("@{login} "),
        name: login.as_str().to_owned(),
        about: about(login).to_owned(),
        is_exact: closeness == Closeness::Login,
    })
    .collect()
}

fn emojis(typed: &str, language: Language) -> Vec<Choice> {
    let all = emoji::matching(typed, language).into_iter().take(AT_MOST);
    all.map(|emoji| Choice {
        text: emoji.sign.to_owned(),
        name: emoji.sign.to_owned(),
        about: format!(":{}:", emoji.code),
        is_exact: false,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::Login;

    use super::*;
    use crate::{engine::Account, model::Session};

    fn session() -> Session {
        let login = |name: &str| Login::parse(name).unwrap();
        let account = Account {
            server: "localhost:3333".into(),
            login: login("me"),
        };
        let mut session = Session::new(account, false, false);
        for name in ["joana", "ana", "bob", "zélia.strauß"] {
            session.conversations.row(&Peer::Person(login(name)));
        }
        session
    }

    fn names(typed: &str) -> Vec<String> {
        let found = complete(&session(), Language::English, typed, typed.len());
        let choices = found.map_or_else(Vec::new, |found| found.choices);
        choices.into_iter().map(|choice| choice.name).collect()
    }

    #[test]
    fn a_name_is_completed_wherever_it_stands_and_what_begins_so_is_first() {
        assert_eq!(names("@an"), ["ana", "joana"]);
        assert_eq!(names("ask @B"), ["bob"]);
        assert_eq!(names("@zelia"), ["zélia.strauß"]);
        assert_eq!(names("@ZELIA.STRAUSS"), ["zélia.strauß"]);
        assert_eq!(names(&format!("@{}", "a".repeat(9_000))), [""; 0]);
        assert_eq!(names("mail me@an"), [""; 0]);
        assert_eq!(names("@nobody"), [""; 0]);
        assert_eq!(names("@ana hello"), [""; 0]);
        let found = complete(&session(), Language::English, "é @bo!", 6).unwrap();
        assert_eq!(found.word, 3..6);
        assert_eq!(found.choices[0].text, "@bob ");
    }

    #[test]
    fn an_emoji_is_completed_from_its_name_and_times_and_smileys_are_left_alone() {
        assert_eq!(names(":tada")[0], "🎉");
        let in_portuguese = complete(&session(), Language::Portuguese, ":bolo", 5).unwrap();
        assert!(
            in_portuguese
                .choices
                .iter()
                .any(|choice| choice.text == "🎂")
        );
        assert_eq!(names("at 10:30"), [""; 0]);
        assert_eq!(names(":)"), [""; 0]);
        assert_eq!(names(":D"), [""; 0]);
    }

    #[test]
    fn a_name_between_colons_is_the_emoji() {
        assert_eq!(named_emoji("oi :tada:", 9), Some((3..9, "🎉")));
        assert_eq!(named_emoji("oi :nosuch:", 11), None);
        assert_eq!(named_emoji("10:30:", 6), None);
    }
}
