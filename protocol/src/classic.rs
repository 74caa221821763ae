//! The protocol of the assignment: what a client may send after its login, and what it receives.

use crate::{Addressed, Login, LoginError, Text, trust::Secret};

/// The end of the new messages (rule S11): the single character `f`.
pub const END: &[u8] = b"f";

/// Sent to a bare framed client before the server hangs up, if there is no such user (rule S5).
pub const UNKNOWN_USER: &str = "Usuário inválido";

/// The first line of a client (rule S5), and the program key that a person may have typed after the login (rule A3): many
/// programs send whatever is typed where they ask for a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginLine {
    /// Who logs in.
    pub login: Login,
    /// The program key.
    pub key: Option<Secret>,
}

impl LoginLine {
    /// Parses the line, without what the framing puts around it.
    ///
    /// # Errors
    /// [`LoginError`] if the line is neither a login, nor a login and a program key.
    pub fn parse(line: &str) -> Result<Self, LoginError> {
        let line = line.trim();
        let parts = line.split_once(|c: char| c.is_whitespace());
        let with_key = parts.and_then(|(login, key)| Some((login, Secret::parse(key).ok()?)));
        let (login, key) = match with_key {
            Some((login, key)) => (login, Some(key)),
            None => (line, None),
        };
        Ok(Self {
            login: Login::parse(login)?,
            key,
        })
    }
}

/// What a client requests with one line after its login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// An empty line, or one of spaces and tabs: asks only for the new messages.
    Poll,
    /// `@recipient text` (rule C4).
    Send(Addressed),
    /// Anything else. It is discarded like a message to an unknown name (rule S8), and answered
    /// like any line.
    Discard,
    /// Only control characters of keys that leave a program, for example Ctrl-X. Neither a line nor
    /// a poll (rule S9).
    Control,
}

impl Request {
    /// Parses one line, without its line end. It never fails: what it does not understand becomes
    /// [`Request::Discard`].
    pub fn parse(line: &[u8]) -> Self {
        let unquoted = unquoted(line);
        let line = unquoted.as_deref().map_or(line, str::as_bytes);
        let mut signs = line.iter().filter(|&&byte| !is_blank(byte)).peekable();
        if signs.peek().is_none() {
            return Self::Poll;
        }
        if signs.all(|byte| LEAVING_KEYS.contains(byte)) {
            return Self::Control;
        }
        Addressed::parse(line).map_or(Self::Discard, Self::Send)
    }
}

/// The content of a line that is one JSON string and nothing else; some programs send every line
/// that way (F6).
pub fn unquoted(line: &[u8]) -> Option<String> {
    if line.first() != Some(&b'"') {
        return None;
    }
    let text: String = serde_json::from_slice(line).ok()?;
    Some(text.trim_end_matches(['\0', '\r', '\n']).to_owned())
}

/// Ctrl-C, Ctrl-D, Ctrl-X, Ctrl-Z, Esc and Backspace.
const LEAVING_KEYS: &[u8] = b"\x03\x04\x18\x1a\x1b\x7f";

/// Bytes that mean nothing at the beginning or end of a line.
fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// What a server sends to a client, one line each (rules S10 and S11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `@sender text`: a new message.
    Message(Addressed),
    /// `f`: there are no more messages.
    End,
    /// Something that only another server implementation sends. Clients show it and never drop it.
    Other(Text),
}

impl Reply {
    /// Parses one line, without its line end.
    pub fn parse(line: &[u8]) -> Self {
        if line == END {
            return Self::End;
        }
        Addressed::parse(line).map_or_else(|_| Self::Other(Text::decode(line)), Self::Message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_only_f_is_never_the_end_mark() {
        assert_eq!(Reply::parse(b"f"), Reply::End);
        assert!(matches!(Reply::parse(b"@alice f"), Reply::Message(m) if m.text.as_str() == "f"));
    }

    #[test]
    fn a_program_key_may_follow_the_login() {
        let parse = |line: &str| LoginLine::parse(line);
        let key = Secret::new([0x5a; 16]);
        let joao = || Login::parse("joão").unwrap();
        let expected = LoginLine {
            login: joao(),
            key: Some(key.clone()),
        };
        for typed in [
            key.written().to_string(),
            key.plain().to_lowercase(),
            key.written().replace('-', " "),
        ] {
            assert_eq!(parse(&format!(" joão  {typed} ")), Ok(expected.clone()));
        }
        let alone = LoginLine {
            login: joao(),
            key: None,
        };
        assert_eq!(parse("joão"), Ok(alone));
        let bad = LoginError::BadCharacter(' ');
        assert_eq!(parse("joão LJNF-UWS2"), Err(bad.clone()));
        assert_eq!(parse("ana maria"), Err(bad));
        assert_eq!(parse(""), Err(LoginError::Empty));
    }

    #[test]
    fn any_line_is_a_request() {
        assert_eq!(Request::parse(b""), Request::Poll);
        assert_eq!(Request::parse(b"f"), Request::Discard);
        assert_eq!(Request::parse(b"\xff\xfe"), Request::Discard);
        assert!(matches!(Request::parse(b"@bob hi"), Request::Send(_)));
    }

    #[test]
    fn keys_for_leaving_are_neither_a_line_nor_a_poll() {
        for line in [
            "\x18", "\x03", "\x04", "\x1a", "\x1b", "\x7f", "\x18\x18", " \x18 \t",
        ] {
            assert_eq!(
                Request::parse(line.as_bytes()),
                Request::Control,
                "{line:?}"
            );
        }
        for line in ["", " ", "\t", " \t "] {
            assert_eq!(Request::parse(line.as_bytes()), Request::Poll, "{line:?}");
        }
        for line in ["\x1b[A", "x\x18", "sair", "\x0c", "\x07", "\x18\x01"] {
            assert_eq!(
                Request::parse(line.as_bytes()),
                Request::Discard,
                "{line:?}"
            );
        }
    }

    #[test]
    fn a_line_in_json_quotes_is_what_stands_in_them() {
        let Request::Send(message) = Request::parse(br#""@jo\u00e3o \"oi\"\n""#) else {
            panic!("no message");
        };
        assert_eq!(
            (message.login.as_str(), message.text.as_str()),
            ("joão", "\"oi\"")
        );
        assert_eq!(Request::parse(br#""""#), Request::Poll);
        for line in [
            r#""oi""#,
            r#""@bob hi"#,
            r#"{"to":"bob"}"#,
            r#""@bob hi" and more"#,
        ] {
            assert_eq!(Request::parse(line.as_bytes()), Request::Discard, "{line}");
        }
        assert_eq!(unquoted(br#""ana""#).as_deref(), Some("ana"));
        assert_eq!(unquoted(b"ana"), None);
    }
}
