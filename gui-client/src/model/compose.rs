use mensageiro_protocol::{
    Addressed, AddressedError, Login, LoginError, Text,
    limits::{LINE_BYTES, LOGIN_CHARS},
};
use unicode_segmentation::UnicodeSegmentation;

use crate::{
    engine::{self, NotSent, Peer},
    markup,
};

/// The most bytes the composer holds: several messages, to be divided by hand, but not so many that
/// the window slows down.
pub const MOST_TYPED: usize = 4 * LINE_BYTES;

/// The most bytes any other field accepts at once: far more than it is for.
pub const MOST_PASTED: usize = 1024;

/// Cuts a text to this many bytes, or a few less so that no character is cut. Returns whether there
/// was more.
pub fn cut_to(text: &mut String, bytes: usize) -> bool {
    let is_cut = text.len() > bytes;
    if is_cut {
        text.truncate(text.floor_char_boundary(bytes));
        text.shrink_to_fit();
    }
    is_cut
}

/// The draft, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// To whom.
    pub to: Login,
    /// What.
    pub text: Text,
}

/// Why the draft cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComposeProblem {
    /// It is empty, or only white space.
    Nothing,
    /// No conversation is open and the line does not start with `@`.
    NoRecipient,
    /// There is no text after `@someone`.
    NoText,
    /// The name after `@` cannot be a login.
    Login(LoginError),
    /// The line is longer than a server accepts.
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// The server itself cannot be answered.
    ReadOnly,
    /// The message could not be put into the outbox; the text is back in the composer.
    NotSent(NotSent),
}

/// The longest login in bytes, however its characters are encoded.
const LONGEST_NAME: usize = 16 * LOGIN_CHARS;

/// The `@name` that a draft begins with, and whether it is complete: a space follows it. A name
/// that is too long is cut, since this runs with every frame.
pub fn name_before(typed: &str) -> Option<(&str, bool)> {
    let behind = typed.strip_prefix('@')?;
    let name = &behind[..behind.floor_char_boundary(LONGEST_NAME)];
    let end = name.find(char::is_whitespace);
    Some((&name[..end.unwrap_or(name.len())], end.is_some()))
}

/// Reads the draft by rule C4: in an open conversation the recipient may be left out.
///
/// `stays`: whether the name it begins with is part of the text, and no recipient.
///
/// # Errors
/// [`ComposeProblem`] says what is missing.
pub fn read_compose(
    open: Option<&Peer>,
    stays: bool,
    typed: &str,
) -> Result<Outgoing, ComposeProblem> {
    if markup::split_draft(typed).1.trim().is_empty() {
        return Err(ComposeProblem::Nothing);
    }
    let typed = typed.trim_end();
    let outgoing = if typed.starts_with('@') && !stays {
        read_addressed(typed)?
    } else {
        match open {
            Some(Peer::Person(to)) => Outgoing {
                to: to.clone(),
                text: Text::from(typed),
            },
            Some(Peer::Server) => return Err(ComposeProblem::ReadOnly),
            None => return Err(ComposeProblem::NoRecipient),
        }
    };
    match engine::line_bytes(outgoing.to.as_str(), outgoing.text.as_str()) {
        bytes if bytes > LINE_BYTES => Err(ComposeProblem::TooLong { bytes }),
        _ => Ok(outgoing),
    }
}

/// The length in bytes of the line that the draft would become; `stays` as for [`read_compose`].
pub fn line_bytes(open: Option<&Peer>, stays: bool, typed: &str) -> usize {
    let typed = typed.trim_end();
    match (open, typed.strip_prefix('@').filter(|_| !stays)) {
        (Some(Peer::Person(to)), None) => engine::line_bytes(to.as_str(), typed),
        (_, addressed) => {
            let line = addressed.unwrap_or(typed);
            let (to, text) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            engine::line_bytes(to, text)
        }
    }
}

/// How many characters at the end of the draft make up this many bytes of the line, since people
/// count characters.
pub fn characters_in(typed: &str, bytes: usize) -> usize {
    let mut left = bytes;
    let last = typed.trim_end().graphemes(true).rev();
    last.take_while(|character| {
        let is_needed = left > 0;
        left = left.saturating_sub(engine::escaped_bytes(character));
        is_needed
    })
    .count()
}

fn read_addressed(typed: &str) -> Result<Outgoing, ComposeProblem> {
    // A line break after the login parts it from the text as well as the one space does.
    let line = match typed.find(char::is_whitespace) {
        Some(at) if typed[at..].starts_with('\n') => {
            format!("{} {}", &typed[..at], &typed[at + 1..])
        }
        _ => typed.to_owned(),
    };
    match Addressed::parse(line.as_bytes()) {
        Ok(Addressed { login, text }) => Ok(Outgoing { to: login, text }),
        Err(AddressedError::NoAt) => Err(ComposeProblem::NoRecipient),
        Err(AddressedError::NoText) => Err(ComposeProblem::NoText),
        Err(AddressedError::Login(problem)) => Err(ComposeProblem::Login(problem)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear_time;

    fn check(open: Option<&str>, typed: &str, expected: Result<(&str, &str), ComposeProblem>) {
        let open = open.map(|login| Peer::Person(Login::parse(login).unwrap()));
        let read = read_compose(open.as_ref(), false, typed);
        let read = read.as_ref().map(|o| (o.to.as_str(), o.text.as_str()));
        assert_eq!(read, expected.as_ref().copied(), "{typed:?}");
    }

    #[test]
    fn in_an_open_conversation_the_recipient_may_be_left_out() {
        check(Some("bob"), "hello there\n", Ok(("bob", "hello there")));
        check(Some("bob"), "mail me: a@b.c", Ok(("bob", "mail me: a@b.c")));
        check(Some("bob"), "two\nlines", Ok(("bob", "two\nlines")));
    }

    #[test]
    fn a_recipient_typed_by_hand_wins() {
        check(Some("bob"), "@carol hi", Ok(("carol", "hi")));
        check(None, "@carol hi", Ok(("carol", "hi")));
        check(None, "@carol\nhi", Ok(("carol", "hi")));
    }

    #[test]
    fn a_name_that_is_a_part_of_what_is_said_stays() {
        let team = Peer::Person(Login::parse("team").unwrap());
        let expected = Outgoing {
            to: Login::parse("team").unwrap(),
            text: Text::from("@carol, hi"),
        };
        let read = read_compose(Some(&team), true, "@carol, hi ");
        assert_eq!(read, Ok(expected));
        let bytes = line_bytes(Some(&team), true, "@carol, hi ");
        assert_eq!(bytes, engine::line_bytes("team", "@carol, hi"));
        for (typed, expected) in [
            ("@carol hi", Some(("carol", true))),
            ("@carol\nhi", Some(("carol", true))),
            ("@car", Some(("car", false))),
            ("@ hi", Some(("", true))),
            ("hi @carol ", None),
        ] {
            assert_eq!(name_before(typed), expected, "{typed}");
        }
        let long = format!("@{} hi", "é".repeat(100_000));
        let (name, has_ended) = name_before(&long).unwrap();
        assert!(Login::parse(name).is_err() && !has_ended);
    }

    #[test]
    fn what_cannot_be_sent_says_why() {
        check(Some("bob"), " \n ", Err(ComposeProblem::Nothing));
        check(None, "hello", Err(ComposeProblem::NoRecipient));
        check(None, "@carol", Err(ComposeProblem::NoText));
        check(
            None,
            "@ hello",
            Err(ComposeProblem::Login(LoginError::Empty)),
        );
    }

    #[test]
    fn a_line_of_exactly_the_limit_goes_and_one_byte_more_does_not() {
        let room = LINE_BYTES - engine::line_bytes("bob", "");
        check(
            Some("bob"),
            &"x".repeat(room),
            Ok(("bob", &"x".repeat(room))),
        );
        check(
            Some("bob"),
            &"x".repeat(room + 1),
            Err(ComposeProblem::TooLong {
                bytes: LINE_BYTES + 1,
            }),
        );
        let bob = Peer::Person(Login::parse("bob").unwrap());
        for (typed, to, text) in [
            ("hi\nthere", "bob", "hi\nthere"),
            ("@carol hi", "carol", "hi"),
            ("@carol\nhi", "carol", "hi"),
            ("@carol", "carol", ""),
        ] {
            let counted = line_bytes(Some(&bob), false, typed);
            assert_eq!(counted, engine::line_bytes(to, text), "{typed}");
        }
    }

    #[test]
    fn a_text_is_cut_between_two_characters() {
        let mut text = "é".repeat(10);
        assert!(!cut_to(&mut text, 20));
        assert!(cut_to(&mut text, 7));
        assert_eq!(text, "ééé");
    }

    #[test]
    fn what_is_too_much_is_counted_in_characters() {
        for (typed, bytes, expected) in [
            ("olá", 0, 0),
            ("olá", 1, 1),
            ("olá", 2, 1),
            ("olá", 3, 2),
            ("oi 👩‍👩‍👧\n", 18, 1),
            ("a\nb", 3, 2),
        ] {
            assert_eq!(characters_in(typed, bytes), expected, "{typed:?} {bytes}");
        }
    }

    #[test]
    fn what_is_typed_is_measured_in_a_time_that_grows_as_its_length_does() {
        let bob = Peer::Person(Login::parse("bob").unwrap());
        for part in [
            "\u{1f1e7}",
            "👩\u{200d}",
            "\u{336}",
            "क\u{94d}",
            "a",
            "\\",
            " ",
            "@a ",
        ] {
            linear_time::check(part, |text| {
                characters_in(text, text.len());
            });
            linear_time::check(part, |text| {
                let _ = read_compose(Some(&bob), false, text);
                line_bytes(Some(&bob), false, text);
            });
        }
    }

    #[test]
    fn what_becomes_longer_on_the_way_counts_with_its_escapes() {
        let room = LINE_BYTES - engine::line_bytes("bob", "");
        let typed = "\\".repeat(room / 2 + 1);
        let bytes = engine::line_bytes("bob", &typed);
        assert!(bytes > LINE_BYTES);
        check(Some("bob"), &typed, Err(ComposeProblem::TooLong { bytes }));
        let fits = "\\".repeat(room / 2);
        check(Some("bob"), &fits, Ok(("bob", &fits)));
    }
}
