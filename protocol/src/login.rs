use std::{
    borrow::{Borrow, Cow},
    fmt,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use smol_str::SmolStr;
use thiserror::Error;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark, is_nfc};

use crate::limits::LOGIN_CHARS;

/// The name that a user logs in with and that messages are addressed to (rules S5, C4).
///
/// One to [`LOGIN_CHARS`] characters: letters and digits of any script and `.`, `_`, `-`, `+`, `@`.
/// The first one is a letter, a digit or `_`, and none is invisible. It is kept in Unicode normal
/// form C, so that the same name typed on two systems is the same login. Upper and lower case
/// differ. Cloning is cheap, and most logins are short enough to be stored inline.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Login(SmolStr);

/// Why a name cannot be a login.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoginError {
    /// It is empty.
    #[error("the login is empty")]
    Empty,
    /// It has more than [`LOGIN_CHARS`] characters.
    #[error("the login has {chars} characters, at most {LOGIN_CHARS} are allowed")]
    TooLong {
        /// The number of characters.
        chars: usize,
    },
    /// It starts with a character that may not start a login.
    #[error("a login starts with a letter, a digit or _, not with {0:?}")]
    BadStart(char),
    /// It has a character that may not be part of a login.
    #[error("{} is not allowed in a login (letters, digits and . _ - + @ are)", shown(*.0))]
    BadCharacter(char),
}

impl Login {
    /// Parses a login, without spaces around it and without an `@` before it.
    ///
    /// # Errors
    /// [`LoginError`] says which rule the name breaks.
    pub fn parse(name: &str) -> Result<Self, LoginError> {
        if is_plain(name) {
            return Ok(Self(name.into()));
        }
        let login = Self::kept(name)?;
        match invisible(&login.0) {
            Some(bad) => Err(LoginError::BadCharacter(bad)),
            None => Ok(login),
        }
    }

    /// Parses a login that was accepted before, perhaps by a version that knew fewer invisible
    /// characters.
    ///
    /// # Errors
    /// [`LoginError`] says which rule the name breaks.
    pub fn kept(name: &str) -> Result<Self, LoginError> {
        // Checks the form that is kept: normalizing may change the order of characters.
        let name = if is_nfc(name) {
            Cow::Borrowed(name)
        } else {
            Cow::Owned(name.nfc().collect())
        };
        let first = name.chars().next().ok_or(LoginError::Empty)?;
        let chars = name.chars().count();
        if chars > LOGIN_CHARS {
            return Err(LoginError::TooLong { chars });
        }
        if is_combining_mark(first) || !(first.is_alphanumeric() || first == '_') {
            return Err(LoginError::BadStart(first));
        }
        match name.chars().find(|&c| !is_login_character(c)) {
            Some(bad) => Err(LoginError::BadCharacter(bad)),
            None => Ok(Self(name.into())),
        }
    }

    /// The login as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether the name is plain ASCII and certainly a login, as most names are.
fn is_plain(name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_part = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'-' | b'+' | b'@');
    name.len() <= LOGIN_CHARS
        && name.bytes().next().is_some_and(is_word)
        && name.bytes().all(is_part)
}

fn is_login_character(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@') || is_combining_mark(c)
}

/// The first invisible character: a login that has it looks like the one without it.
fn invisible(name: &str) -> Option<char> {
    let mut before = None;
    let mut characters = name.chars().peekable();
    while let Some(c) = characters.next() {
        let is_letter = |c: &char| c.is_alphabetic() && !c.is_ascii();
        let mut stacks =
            || before.as_ref().is_some_and(is_letter) && characters.peek().is_some_and(is_letter);
        if is_invisible(c) || (is_stacker(c) && !stacks()) {
            return Some(c);
        }
        before = Some(c);
    }
    None
}

/// Unicode's default ignorable code points (DerivedCoreProperties.txt), and the few blank signs and
/// joiners that are letters or marks but not in that list.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}'
        // Tifinagh joiner, Brahmi joiner, Egyptian blanks, Khitan filler.
        | '\u{2d7f}' | '\u{1107f}' | '\u{13441}'..='\u{13442}' | '\u{16fe4}')
}

/// Characters that show only in how the letters around them are stacked (Unicode's invisible
/// stackers).
fn is_stacker(c: char) -> bool {
    matches!(
        c,
        '\u{1039}'
            | '\u{17d2}'
            | '\u{1a60}'
            | '\u{aaf6}'
            | '\u{10a3f}'
            | '\u{11133}'
            | '\u{113d0}'
            | '\u{1193e}'
            | '\u{11a47}'
            | '\u{11a99}'
            | '\u{11d45}'
            | '\u{11d97}'
            | '\u{11f42}'
    )
}

/// A character as an error text shows it: by its number if it is invisible.
fn shown(c: char) -> String {
    if is_invisible(c) || is_stacker(c) {
        format!("the invisible character U+{:04X}", u32::from(c))
    } else {
        format!("{c:?}")
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Borrow<str> for Login {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Login {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Serialize for Login {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Login {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: Result<&str, LoginError>) {
        let login = Login::parse(name);
        assert_eq!(
            login.as_ref().map(Login::as_str),
            expected.as_ref().copied(),
            "{name:?}"
        );
    }

    #[test]
    fn names_people_have_are_logins() {
        for name in [
            "alice",
            "João.Silva",
            "2026123",
            "_bot",
            "maria@escola.br",
            "a-b+c",
            "Ирина",
        ] {
            check(name, Ok(name));
        }
    }

    #[test]
    fn what_would_break_a_line_is_no_login() {
        check("", Err(LoginError::Empty));
        check("@bob", Err(LoginError::BadStart('@')));
        check("=1+1", Err(LoginError::BadStart('=')));
        check("ana maria", Err(LoginError::BadCharacter(' ')));
        check("a,b", Err(LoginError::BadCharacter(',')));
        check("a\u{202e}b", Err(LoginError::BadCharacter('\u{202e}')));
        check("a\u{1b}", Err(LoginError::BadCharacter('\u{1b}')));
        check(&"x".repeat(65), Err(LoginError::TooLong { chars: 65 }));
    }

    #[test]
    fn a_login_with_an_invisible_character_is_none() {
        for bad in [
            '\u{ad}',
            '\u{34f}',
            '\u{115f}',
            '\u{1160}',
            '\u{17b4}',
            '\u{180b}',
            '\u{180f}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{2060}',
            '\u{3164}',
            '\u{fe00}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{2d7f}',
            '\u{13441}',
            '\u{16fe4}',
            '\u{e0041}',
            '\u{e0100}',
            '\u{17d2}',
            '\u{1039}',
        ] {
            for name in [
                format!("ana{bad}"),
                format!("an{bad}a"),
                format!("joão{bad}"),
            ] {
                check(&name, Err(LoginError::BadCharacter(bad)));
            }
            assert!(Login::parse(&bad.to_string()).is_err(), "{bad:?} alone");
        }
        let error = Login::parse("ana\u{3164}").unwrap_err().to_string();
        assert!(
            error.starts_with("the invisible character U+3164"),
            "{error}"
        );
        // A name that needs such a character to look right.
        check("ខ្មែរ", Ok("ខ្មែរ"));
        assert_eq!(Login::kept("ana\u{fe0f}").unwrap().as_str(), "ana\u{fe0f}");
    }

    #[test]
    fn both_ways_to_write_an_accent_are_one_login() {
        check("jo\u{61}\u{303}o", Ok("joão"));
    }

    #[test]
    fn a_mark_that_normalizing_moves_to_the_front_starts_no_login() {
        check("\u{654}\u{748}0", Err(LoginError::BadStart('\u{748}')));
        check("\u{654}a", Err(LoginError::BadStart('\u{654}')));
    }
}
