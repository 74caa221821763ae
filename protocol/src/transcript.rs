//! Conversations written down, one line each, to be read by people and replayed by tests.
//!
//! ```text
//! # S8: a message to nobody is discarded
//! users alice bob
//! group class alice bob
//! alice C: alice
//! alice S: f
//! alice C: @nobody hello
//! alice S: f
//! alice C: <close>
//! ```
//!
//! The first word names the connection, `C:` is what its client says, `S:` what the server
//! answers. `<close>` is an orderly close, `<reset>` a broken one, `<closed>` the server hanging
//! up. `S-bare:` is what the server says only to a client without line ends. `restart` alone on a line restarts the server. `\xNN` stands for a byte, `\\` for a
//! backslash. In what the server says `<time>` stands for digits, `<store>` for hexadecimal ones, `<token>` for letters and digits, `<version>` and `<any>` for
//! anything but a quote ([`is_said`]).

use thiserror::Error;

/// One written conversation.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Transcript {
    /// The logins that the server knows.
    pub users: Vec<String>,
    /// The groups that the server knows, each with its members.
    pub groups: Vec<(String, Vec<String>)>,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// One line of a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its line number in the file, from 1.
    pub number: usize,
    /// The connection it happens on; empty for [`Happening::Restart`].
    pub connection: String,
    /// What happens then.
    pub happening: Happening,
}

/// What can happen in a transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The client says this, without its line end.
    Client(Vec<u8>),
    /// The server says this, without its line end.
    Server(Vec<u8>),
    /// The server says this in bare framing, and nothing in line framing.
    ServerInBare(Vec<u8>),
    /// The client closes its side in order.
    ClientCloses,
    /// The client breaks the connection.
    ClientResets,
    /// The server hangs up.
    ServerCloses,
    /// The server is stopped and started again.
    Restart,
}

/// A line that does not have the form above.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {number}: {reason}")]
pub struct TranscriptError {
    /// The line number, from 1.
    pub number: usize,
    /// What is wrong with the line.
    pub reason: &'static str,
}

impl Transcript {
    /// Parses a transcript.
    ///
    /// # Errors
    /// [`TranscriptError`] names the first line that is wrong.
    pub fn parse(source: &str) -> Result<Self, TranscriptError> {
        let mut transcript = Self::default();
        for (index, line) in source.lines().enumerate() {
            let number = index + 1;
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(users) = line.strip_prefix("users ") {
                transcript.users = users.split_whitespace().map(str::to_owned).collect();
                continue;
            }
            if let Some(group) = line.strip_prefix("group ") {
                let mut names = group.split_whitespace().map(str::to_owned);
                let error = TranscriptError {
                    number,
                    reason: "expected: group NAME MEMBERS",
                };
                let name = names.next().ok_or(error)?;
                transcript.groups.push((name, names.collect()));
                continue;
            }
            let (connection, happening) =
                parse_step(line).map_err(|reason| TranscriptError { number, reason })?;
            transcript.steps.push(Step {
                number,
                connection,
                happening,
            });
        }
        Ok(transcript)
    }
}

/// Whether the server's bytes match the transcript's line, placeholders included.
pub fn is_said(expected: &[u8], said: &[u8]) -> bool {
    let Some(open) = expected.iter().position(|&byte| byte == b'<') else {
        return expected == said;
    };
    let (before, rest) = expected.split_at(open);
    let Some(said) = said.strip_prefix(before) else {
        return false;
    };
    if let Some(rest) = rest.strip_prefix(b"<time>") {
        return is_said_after(rest, said, |byte| byte.is_ascii_digit());
    }
    if let Some(rest) = rest.strip_prefix(b"<store>") {
        return is_said_after(rest, said, |byte| byte.is_ascii_hexdigit());
    }
    if let Some(rest) = rest.strip_prefix(b"<token>") {
        return is_said_after(rest, said, |byte| byte.is_ascii_alphanumeric());
    }
    for mark in [&b"<version>"[..], b"<any>"] {
        if let Some(rest) = rest.strip_prefix(mark) {
            return is_said_after(rest, said, |byte| byte != b'"');
        }
    }
    said.first() == Some(&b'<') && is_said(&rest[1..], &said[1..])
}

/// Matches the rest after a placeholder. A placeholder stands for one or more bytes of one kind, as
/// many as there are.
fn is_said_after(expected: &[u8], said: &[u8], is_part: impl Fn(u8) -> bool) -> bool {
    let end = said.iter().position(|&byte| !is_part(byte));
    let end = end.unwrap_or(said.len());
    end > 0 && is_said(expected, &said[end..])
}

fn parse_step(line: &str) -> Result<(String, Happening), &'static str> {
    if line == "restart" {
        return Ok((String::new(), Happening::Restart));
    }
    let (connection, rest) = line
        .split_once(' ')
        .ok_or("expected: CONNECTION C: or S: text")?;
    let (side, text) = rest
        .trim_start()
        .split_once(':')
        .ok_or("expected C: or S:")?;
    let text = text.strip_prefix(' ').unwrap_or(text);
    let happening = match (side, text) {
        ("C", "<close>") => Happening::ClientCloses,
        ("C", "<reset>") => Happening::ClientResets,
        ("S", "<closed>") => Happening::ServerCloses,
        ("C", text) => Happening::Client(unescape(text)?),
        ("S", text) => Happening::Server(unescape(text)?),
        ("S-bare", text) => Happening::ServerInBare(unescape(text)?),
        _ => return Err("expected C: or S:"),
    };
    Ok((connection.to_owned(), happening))
}

fn unescape(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('\\') {
            bytes.push(b'\\');
            rest = after;
        } else {
            let digits = rest.strip_prefix('x').and_then(|hex| hex.get(..2));
            let digits = digits.ok_or(r"expected \\ or \xNN")?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| r"expected \xNN")?);
            rest = &rest[3..];
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_read_line_by_line() {
        let source =
            "# a title\nusers a b\n\na C: \\xe3\\\\x\nb   S: f\na C:\nb C: <reset>\nrestart\n";
        let transcript = Transcript::parse(source).unwrap();
        assert_eq!(transcript.users, ["a", "b"]);
        let steps: Vec<_> = transcript
            .steps
            .into_iter()
            .map(|s| (s.number, s.happening))
            .collect();
        assert_eq!(
            steps,
            [
                (4, Happening::Client(b"\xe3\\x".to_vec())),
                (5, Happening::Server(b"f".to_vec())),
                (6, Happening::Client(Vec::new())),
                (7, Happening::ClientResets),
                (8, Happening::Restart),
            ]
        );
    }

    #[test]
    fn times_and_versions_are_whatever_they_are() {
        for (expected, said, is_it) in [
            ("#1;at=<time> @ana hi", "#1;at=1763843211123 @ana hi", true),
            ("#1;at=<time> @ana hi", "#1;at= @ana hi", false),
            ("#1;at=<time> @ana hi", "#1;at=12 @ana ho", false),
            ("v \"<version>\",<time>", "v \"1.0-x\",7", true),
            ("a < b <any>", "a < b c", true),
            ("a", "ab", false),
        ] {
            assert_eq!(
                is_said(expected.as_bytes(), said.as_bytes()),
                is_it,
                "{said}"
            );
        }
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named() {
        let error = Transcript::parse("users a\na X: b\n").unwrap_err();
        assert_eq!(
            error,
            TranscriptError {
                number: 2,
                reason: "expected C: or S:"
            }
        );
    }
}
