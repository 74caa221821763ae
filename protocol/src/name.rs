use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::char::is_combining_mark;

use crate::{Text, limits::NAME_CHARS, login::is_invisible};

/// How many marks, such as accents, a character of a name keeps. More would cover other lines.
const MARKS: usize = 4;

/// The full name of a user, safe to show on one line among other words.
///
/// It is a [`Text`] of at most [`NAME_CHARS`] characters without line breaks, tabs, invisible
/// characters and marks of direction. Between words is one space, and a name of which nothing would
/// be seen is empty. Characters that join letters or emoji stay between those that can need them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Name(Box<str>);

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is empty: the user has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its length in bytes of UTF-8.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl From<&str> for Name {
    fn from(name: &str) -> Self {
        // Somebody may have put a whole document into a cell of a table.
        let name = Text::from(&name[..name.floor_char_boundary(16 * NAME_CHARS)]);
        let mut kept = visible(name.as_str());
        // What is left out may part others that stood together. Each time it gets shorter.
        loop {
            let again = visible(&kept);
            if again == kept {
                return Self(kept.into());
            }
            kept = again;
        }
    }
}

/// What is kept of a name.
fn visible(name: &str) -> String {
    let mut kept = String::with_capacity(name.len());
    let (mut chars, mut marks, mut has_space) = (0, 0, false);
    let mut rest = name.chars().peekable();
    while let Some(c) = rest.next() {
        if c.is_whitespace() {
            has_space = true;
            continue;
        }
        let last = kept.chars().next_back().filter(|_| !has_space);
        let is_kept = match c {
            '\u{200c}' | '\u{200d}' => {
                last.is_some_and(is_joinable) && rest.peek().copied().is_some_and(is_joinable)
            }
            AS_TEXT | AS_EMOJI => last.is_some_and(|last| !last.is_ascii() && !is_invisible(last)),
            c if is_invisible(c) || c == BLANK => false,
            c if is_combining_mark(c) => last.is_some() && marks < MARKS,
            _ => true,
        };
        if !is_kept {
            continue;
        }
        if has_space && !kept.is_empty() {
            kept.push(' ');
            chars += 1;
        }
        has_space = false;
        if chars >= NAME_CHARS {
            break;
        }
        kept.push(c);
        chars += 1;
        if is_combining_mark(c) {
            marks += 1;
        } else if !is_invisible(c) {
            marks = 0;
        }
    }
    kept.truncate(kept.trim_end().len());
    kept
}

/// They say whether the character before them is drawn as an emoji.
const AS_TEXT: char = '\u{fe0e}';
const AS_EMOJI: char = '\u{fe0f}';

/// A pattern of Braille without dots. It is a symbol for Unicode, and nothing is seen of it.
const BLANK: char = '\u{2800}';

/// Whether a character can need one that joins it to the next.
fn is_joinable(c: char) -> bool {
    !c.is_ascii() && (c == AS_EMOJI || !is_invisible(c))
}

impl From<String> for Name {
    fn from(name: String) -> Self {
        Self::from(name.as_str())
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(name: &str, expected: &str) {
        assert_eq!(Name::from(name).as_str(), expected, "{name:?}");
    }

    #[test]
    fn names_people_have_stay_as_they_are() {
        for name in [
            "Ana Lima",
            "João d’Ávila (turma B)",
            "Nguyễn Thị Minh Khai",
            "דוד כהן",
            "محمد رضا",
            "می‌نا",
            "श्री क्‍ष",
            "李小龙",
            "Ana 👩‍💻 ❤️‍🔥",
            "Bruno\u{301} Lima",
        ] {
            check(name, name);
        }
    }

    #[test]
    fn a_name_is_one_line_and_nothing_in_it_is_invisible() {
        check("  Ana \n\t Lima\r\n", "Ana Lima");
        check("Ana\u{2028}Lima\u{a0}\u{3000}Dias", "Ana Lima Dias");
        check("Ana\u{1b}[2J\0", "Ana␛[2J␀");
        check("\u{202e}anA\u{2066}", "\u{fffd}anA\u{fffd}");
        for hidden in [
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{61c}',
            '\u{2060}',
            '\u{feff}',
            '\u{3164}',
            '\u{2800}',
            '\u{ad}',
            '\u{fe0f}',
            '\u{e0041}',
        ] {
            check(
                &format!("A{hidden}na{hidden} {hidden}Lima{hidden}"),
                "Ana Lima",
            );
            check(&format!(" {hidden}{hidden} "), "");
        }
    }

    #[test]
    fn a_name_stays_on_its_line_and_is_not_too_long() {
        check("\u{301}\u{336}Ana", "Ana");
        let tall = format!("A{}na", "\u{336}\u{347}\u{353}".repeat(100));
        check(&tall, "A\u{336}\u{347}\u{353}\u{336}na");
        check(
            &"ab ".repeat(10_000_000),
            "ab ".repeat(34)[..100].trim_end(),
        );
        check(&"é".repeat(300), &"é".repeat(NAME_CHARS));
    }

    proptest! {
        #[test]
        fn what_is_a_name_already_does_not_change(name in "[aé‍\u{336}👩❤️ש\u{200f}\u{3164}\n ]{0,40}") {
            let name = Name::from(name);
            prop_assert_eq!(&Name::from(name.as_str()), &name);
            let has_hidden = name.as_str().contains(['\n', '\u{200f}', '\u{3164}']);
            prop_assert!(!has_hidden);
            prop_assert_eq!(name.as_str().trim(), name.as_str());
        }
    }
}
