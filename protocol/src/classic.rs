//! The protocol of the assignment: what a client may say after its login, and what it is told.

use crate::{Addressed, Text};

/// The end of messages (rule S11): the single character `f`.
pub const END: &[u8] = b"f";

/// What a server says to a bare framed client before it hangs up, if there is no such user (rule S5).
pub const UNKNOWN_USER: &str = "Usuário inválido";

/// What a client asks for with one line after its login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// An empty line, or one of blanks: only the new messages are wanted.
    Poll,
    /// `@recipient text` (rule C4).
    Send(Addressed),
    /// Anything else: discarded like a message to nobody (rule S8), answered all the same.
    Discard,
    /// Only what somebody's key for leaving sends, Ctrl-X for example: neither a line nor a poll (rule S9).
    Control,
}

impl Request {
    /// Reads one line, without its line end. Never fails: what is not understood is discarded.
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

/// What stands in the quotes of JSON, if the line is nothing but that: some programs send each of their
/// lines so (F6).
pub fn unquoted(line: &[u8]) -> Option<String> {
    if line.first() != Some(&b'"') {
        return None;
    }
    let text: String = serde_json::from_slice(line).ok()?;
    Some(text.trim_end_matches(['\0', '\r', '\n']).to_owned())
}

/// Ctrl-C, Ctrl-D, Ctrl-X, Ctrl-Z, Esc and Backspace.
const LEAVING_KEYS: &[u8] = b"\x03\x04\x18\x1a\x1b\x7f";

/// What stands around a line and means nothing.
fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// What a server tells a client, one line each (rules S10 and S11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// `@sender text`: a new message.
    Message(Addressed),
    /// `f`: there are no more.
    End,
    /// Something a server of another make says. Shown to the person, never dropped.
    Other(Text),
}

impl Reply {
    /// Reads one line, without its line end.
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
