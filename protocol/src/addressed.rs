use thiserror::Error;

use crate::{Login, LoginError, Text};

/// A message in its written form: `@login text` (rule C4, and L2 for the way back).
///
/// From a client the login is the recipient. From the server it is the sender or the group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Addressed {
    /// The recipient, the sender or the group.
    pub login: Login,
    /// Everything after the one space.
    pub text: Text,
}

/// Why a line is not of the form `@login text`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressedError {
    /// It does not start with `@`.
    #[error("a message starts with @ and the recipient's login")]
    NoAt,
    /// There is no space, or nothing after it.
    #[error("there is no text after the recipient")]
    NoText,
    /// The name after `@` cannot be a login.
    #[error("{0}")]
    Login(#[from] LoginError),
}

impl Addressed {
    /// Parses one line of bytes, without its line end.
    ///
    /// # Errors
    /// [`AddressedError`] says what is missing. A server discards such a line (rule S8).
    pub fn parse(line: &[u8]) -> Result<Self, AddressedError> {
        Self::parse_with(line, Text::decode)
    }

    /// Like [`Addressed::parse`], with another function that decodes the text.
    pub(crate) fn parse_with(
        line: &[u8],
        decode: impl FnOnce(&[u8]) -> Text,
    ) -> Result<Self, AddressedError> {
        let rest = line.strip_prefix(b"@").ok_or(AddressedError::NoAt)?;
        let space = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
        let login = Login::parse(&String::from_utf8_lossy(&rest[..space]))?;
        let text = decode(rest.get(space + 1..).unwrap_or_default());
        if text.is_empty() {
            return Err(AddressedError::NoText);
        }
        Ok(Self { login, text })
    }

    /// Appends `@login text` to `out`, on one line and without a line end.
    pub fn encode(login: &Login, text: &Text, out: &mut Vec<u8>) {
        encode(&[login.as_str(), " ", &text.one_line()], out);
    }

    /// Appends `@group sender: text` to `out`: the form in which members receive a group message
    /// (rule G2).
    pub fn encode_in_group(group: &Login, from: &Login, text: &Text, out: &mut Vec<u8>) {
        encode(
            &[group.as_str(), " ", from.as_str(), ": ", &text.one_line()],
            out,
        );
    }
}

fn encode(parts: &[&str], out: &mut Vec<u8>) {
    out.push(b'@');
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Result<(&str, &str), AddressedError>) {
        let parsed = Addressed::parse(line.as_bytes());
        let parsed = parsed.as_ref().map(|a| (a.login.as_str(), a.text.as_str()));
        assert_eq!(parsed, expected.as_ref().copied(), "{line:?}");
    }

    #[test]
    fn one_space_parts_login_and_text() {
        check("@bob hello there", Ok(("bob", "hello there")));
        check("@bob  two", Ok(("bob", " two")));
        check("@bob f", Ok(("bob", "f")));
        check("@bob @ana oi", Ok(("bob", "@ana oi")));
    }

    #[test]
    fn what_is_not_addressed_is_refused_with_the_reason() {
        check("hello", Err(AddressedError::NoAt));
        check("", Err(AddressedError::NoAt));
        check("@bob", Err(AddressedError::NoText));
        check("@bob ", Err(AddressedError::NoText));
        check("@ hello", Err(AddressedError::Login(LoginError::Empty)));
        check(
            "@b\u{7}b x",
            Err(AddressedError::Login(LoginError::BadCharacter('\u{7}'))),
        );
    }

    #[test]
    fn what_is_encoded_is_one_line_that_parses_again() {
        let message = Addressed {
            login: Login::parse("ana").unwrap(),
            text: Text::from("a\nb"),
        };
        let mut line = Vec::new();
        Addressed::encode(&message.login, &message.text, &mut line);
        assert_eq!(line, b"@ana a b");
    }
}
