use std::sync::Arc;

use super::{About, Attachment, BadLine, Tag, text};
use crate::{Addressed, Login, Text};

/// A message from the server: `#8841;at=1763843211123 @bob hello` (rule V6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Its number in the one sequence of all messages. Every order is by this number.
    pub id: u64,
    /// When it was accepted, in milliseconds since 1970 UTC by the server's clock: a label, not an
    /// order.
    pub at: i64,
    /// The conversation: the other user, or the group. Answers are addressed to it.
    pub with: Login,
    /// The author; `with` if the line does not name another one.
    pub from: Login,
    /// The tag with which its author sent it. Only the author's own sessions get it.
    pub tag: Option<Tag>,
    /// What it says about another message.
    pub about: Option<About>,
    /// Whether it answers a `history` request.
    pub is_old: bool,
    /// The file that belongs to it (rule V26).
    pub file: Option<Arc<Attachment>>,
    /// The text.
    pub text: Text,
}

/// The parts of a message line, borrowed from what a server has in memory.
#[derive(Clone, Copy, Debug)]
pub struct Telling<'a> {
    /// As in [`Delivered`].
    pub id: u64,
    /// As in [`Delivered`].
    pub at: i64,
    /// As in [`Delivered`].
    pub with: &'a Login,
    /// As in [`Delivered`].
    pub from: &'a Login,
    /// As in [`Delivered`].
    pub tag: Option<&'a Tag>,
    /// As in [`Delivered`].
    pub about: Option<About>,
    /// As in [`Delivered`].
    pub is_old: bool,
    /// As in [`Delivered`].
    pub file: Option<&'a Attachment>,
    /// As in [`Delivered`].
    pub text: &'a Text,
}

impl Telling<'_> {
    /// Appends the line, without a line end.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut number = itoa::Buffer::new();
        out.push(b'#');
        out.extend_from_slice(number.format(self.id).as_bytes());
        out.extend_from_slice(b";at=");
        out.extend_from_slice(number.format(self.at).as_bytes());
        if self.from != self.with {
            out.extend_from_slice(b";from=");
            out.extend_from_slice(self.from.as_str().as_bytes());
        }
        if let Some(tag) = self.tag {
            out.extend_from_slice(b";tag=");
            out.extend_from_slice(tag.as_str().as_bytes());
        }
        if let Some(about) = self.about {
            encode_about(about, out);
        }
        if self.is_old {
            out.extend_from_slice(b";old=1");
        }
        if let Some(file) = self.file {
            file.encode(out);
        }
        encode_addressed(self.with, self.text, out);
    }
}

impl Delivered {
    /// Appends the line, without a line end.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let telling = Telling {
            id: self.id,
            at: self.at,
            with: &self.with,
            from: &self.from,
            tag: self.tag.as_ref(),
            about: self.about,
            is_old: self.is_old,
            file: self.file.as_deref(),
            text: &self.text,
        };
        telling.encode(out);
    }

    /// Parses a line that starts with `#`.
    pub(super) fn parse(line: &[u8]) -> Result<Self, BadLine> {
        let (head, message) = split(line)?;
        let mut words = head.split(';');
        let id = words.next().and_then(|id| id.parse().ok());
        let mut delivered = Self {
            id: id.ok_or_else(|| BadLine::new("a message starts with # and its number"))?,
            at: 0,
            from: message.login.clone(),
            with: message.login,
            tag: None,
            about: About::parse(words.clone())?,
            is_old: false,
            file: None,
            text: message.text,
        };
        delivered.file = Attachment::parse(words.clone()).map(Arc::new);
        for word in words {
            match word.split_once('=') {
                Some(("at", at)) => delivered.at = at.parse().unwrap_or(0),
                Some(("from", from)) => {
                    delivered.from = Login::parse(from).map_err(BadLine::new)?;
                }
                Some(("tag", tag)) => delivered.tag = Tag::parse(tag).ok(),
                Some(("old", _)) => delivered.is_old = true,
                _ => {}
            }
        }
        Ok(delivered)
    }
}

/// Appends `;re=8841`.
pub(super) fn encode_about(about: About, out: &mut Vec<u8>) {
    out.extend_from_slice(about.to_string().as_bytes());
}

/// Splits `#head @login text`.
pub(super) fn split(line: &[u8]) -> Result<(&str, Addressed), BadLine> {
    let rest = line.strip_prefix(b"#").unwrap_or(line);
    let space = rest.iter().position(|&byte| byte == b' ');
    let space = space.ok_or_else(|| BadLine::new("there is no message after the tag"))?;
    let head = str::from_utf8(&rest[..space]).map_err(BadLine::new)?;
    Ok((head, parse_addressed(&rest[space + 1..])?))
}

/// Parses `@login text` with an escaped text.
pub(super) fn parse_addressed(bytes: &[u8]) -> Result<Addressed, BadLine> {
    Addressed::parse_with(bytes, text::decode).map_err(BadLine::new)
}

/// Appends ` @login text` with the text escaped.
pub(super) fn encode_addressed(login: &Login, message: &Text, out: &mut Vec<u8>) {
    out.extend_from_slice(b" @");
    out.extend_from_slice(login.as_str().as_bytes());
    out.push(b' ');
    text::encode(message, out);
}
