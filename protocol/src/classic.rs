//! The protocol of the assignment: what a client may say after its login, and what it is told.

use crate::{Addressed, Text};

/// The end of messages (rule S11): the single character `f`.
pub const END: &[u8] = b"f";

/// What a client asks for with one line after its login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// An empty line: only the new messages are wanted.
    Poll,
    /// `@recipient text` (rule C4).
    Send(Addressed),
    /// Anything else: discarded like a message to nobody (rule S8), answered all the same.
    Discard,
}

impl Request {
    /// Reads one line, without its line end. Never fails: what is not understood is discarded.
    pub fn parse(line: &[u8]) -> Self {
        if line.is_empty() {
            return Self::Poll;
        }
        Addressed::parse(line).map_or(Self::Discard, Self::Send)
    }
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
}
