//! Turning the bytes of a server into replies, whatever its framing.

use std::time::{Duration, Instant};

use mensageiro_protocol::{
    Addressed, Decoder, Framing, LineTooLong,
    classic::{END, Reply},
    limits::{BARE_CUT_BYTES, LINE_BYTES, QUIET},
};

/// The longest line that is accepted: a sender may write a full line to a short name and have a
/// long one itself, and foreign servers know no limit.
const LONGEST_REPLY: usize = 4 * LINE_BYTES;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How long a bare server must be silent before an `f` at the very end of its last chunk counts as
/// the end mark, glued to the message before it.
const GLUED_END: Duration = Duration::from_secs(2);

/// Forms of the end mark, apart from what surrounds it: strings in C end with NUL, and some
/// programs send their language's printed form of a text.
const END_MARKS: [&[u8]; 5] = [END, b"F", b"\"f\"", b"'f'", b"b'f'"];

/// Reads the replies of a server on one connection. Pure: the caller brings the bytes and the time.
#[derive(Debug)]
pub struct Replies {
    decoder: Decoder,
    /// Chunks received before the framing was known; a bare one is one message.
    undecided: Vec<Vec<u8>>,
    /// A bare chunk that ends in `f`: a message, or a message with the end mark glued to it.
    held: Option<Vec<u8>>,
    expects_end: bool,
    last: Option<Instant>,
}

impl Replies {
    /// For a new connection.
    pub fn new() -> Self {
        Self {
            decoder: Decoder::new(LONGEST_REPLY),
            undecided: Vec::new(),
            held: None,
            expects_end: true,
            last: None,
        }
    }

    /// Whether this is an end mark and nothing else.
    pub fn is_end(bytes: &[u8]) -> bool {
        END_MARKS.contains(&bare(bytes))
    }

    /// The framing of the server, once it has shown it.
    pub fn framing(&self) -> Option<Framing> {
        self.decoder.framing()
    }

    /// Whether an end mark is due: only then can an `f` be one without a mark of its own.
    pub fn expect_end(&mut self, expects: bool) {
        self.expects_end = expects;
    }

    /// Takes the bytes of one `read` at `now`.
    ///
    /// # Errors
    /// The server sends a line without end; the connection cannot be followed any further.
    pub fn push(&mut self, now: Instant, bytes: &[u8]) -> Result<Vec<Reply>, LineTooLong> {
        // It was silent before these bytes came, even if nobody had the time to say so.
        let mut replies = self.quiet(now)?;
        self.last = Some(now);
        if self.framing().is_some() {
            self.decoder.push(bytes);
            self.drain(&mut replies)?;
            return Ok(replies);
        }
        self.undecided.push(bytes.to_vec());
        if bytes.contains(&b'\n') {
            let all = std::mem::take(&mut self.undecided).concat();
            self.decoder.push(&all);
            self.drain(&mut replies)?;
        } else if self.undecided.iter().map(Vec::len).sum::<usize>() > LONGEST_REPLY {
            self.decide_bare(&mut replies)?;
        }
        Ok(replies)
    }

    /// When [`Replies::quiet`] is due if nothing comes before.
    pub fn due(&self) -> Option<Instant> {
        let pending = self.decoder.pending();
        let wait = if !self.undecided.is_empty() {
            QUIET
        } else if let Some(wait) = self.decoder.wait() {
            wait
        } else if self.held.is_some() {
            GLUED_END
        } else if self.expects_end && Self::is_end(pending) {
            QUIET
        } else if self.expects_end && without_glued_end(pending).is_some() {
            GLUED_END
        } else {
            return None;
        };
        self.last.map(|last| last + wait)
    }

    /// Nothing came until [`Replies::due`]; does nothing before.
    ///
    /// # Errors
    /// As [`Replies::push`].
    pub fn quiet(&mut self, now: Instant) -> Result<Vec<Reply>, LineTooLong> {
        let mut replies = Vec::new();
        // Each turn decides one thing: undecided chunks, then a cut chunk, then a held one.
        for _ in 0..3 {
            if self.due().is_none_or(|due| now < due) {
                break;
            }
            if !self.undecided.is_empty() {
                self.decide_bare(&mut replies)?;
            } else if self.decoder.wait().is_some() {
                self.decoder.quiet();
                self.drain(&mut replies)?;
            } else if let Some(held) = self.held.take() {
                self.end_glued_to(&held, &mut replies);
            } else {
                self.decoder.finish();
                if let Some(line) = self.decoder.next_line() {
                    let line = line?.to_vec();
                    self.end_glued_to(&line, &mut replies);
                }
            }
        }
        Ok(replies)
    }

    /// The server closed its side: nothing more will come. An `f` glued to the last message stays
    /// part of it, since it may be a server that died.
    ///
    /// # Errors
    /// As [`Replies::push`].
    pub fn finish(&mut self) -> Result<Vec<Reply>, LineTooLong> {
        let mut replies = Vec::new();
        if !self.undecided.is_empty() {
            self.decide_bare(&mut replies)?;
        }
        self.decoder.finish();
        self.drain(&mut replies)?;
        replies.extend(self.held.take().map(|held| parse(&held)));
        Ok(replies)
    }

    fn decide_bare(&mut self, replies: &mut Vec<Reply>) -> Result<(), LineTooLong> {
        let mut message = Vec::new();
        for chunk in std::mem::take(&mut self.undecided) {
            message.extend_from_slice(&chunk);
            if chunk.len() < BARE_CUT_BYTES {
                self.take_bare(&message, replies)?;
                message.clear();
            }
        }
        self.take_bare(&message, replies)
    }

    fn take_bare(&mut self, message: &[u8], replies: &mut Vec<Reply>) -> Result<(), LineTooLong> {
        self.decoder.push(message);
        self.decoder.quiet();
        self.drain(replies)
    }

    fn drain(&mut self, replies: &mut Vec<Reply>) -> Result<(), LineTooLong> {
        let Self { decoder, held, .. } = self;
        loop {
            let framing = decoder.framing();
            let Some(line) = decoder.next_line() else {
                return Ok(());
            };
            let line = line?;
            let is_bare = framing == Some(Framing::Bare);
            let mut texts = line
                .split(|&byte| byte == 0)
                .filter(|one| !one.is_empty())
                .peekable();
            while let Some(text) = texts.next() {
                replies.extend(held.take().map(|held| parse(&held)));
                // A NUL ends a complete text.
                let is_last = texts.peek().is_none() && !line.ends_with(&[0]);
                if is_bare && is_last && self.expects_end && without_glued_end(text).is_some() {
                    *held = Some(text.to_vec());
                } else {
                    replies.push(parse(text));
                }
            }
        }
    }

    fn end_glued_to(&self, line: &[u8], replies: &mut Vec<Reply>) {
        match without_glued_end(line) {
            Some(message) if self.expects_end => {
                replies.extend([parse(message), Reply::End]);
            }
            _ => replies.push(parse(line)),
        }
    }
}

/// A text without what other programs put around it.
fn parse(text: &[u8]) -> Reply {
    match Replies::is_end(text) {
        true => Reply::End,
        false => Reply::parse(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)),
    }
}

fn bare(mut text: &[u8]) -> &[u8] {
    text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let is_around = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
    let start = text.iter().position(|byte| !is_around(byte));
    let end = text.iter().rposition(|byte| !is_around(byte));
    match (start, end) {
        (Some(start), Some(end)) => &text[start..=end],
        _ => b"",
    }
}

/// The message before an `f` that may be the end mark, if anything is left without it.
fn without_glued_end(line: &[u8]) -> Option<&[u8]> {
    let message = line.strip_suffix(END)?;
    let is_message = !message.trim_ascii().is_empty()
        && (message[0] != b'@' || Addressed::parse(message).is_ok());
    is_message.then_some(message)
}

#[cfg(test)]
#[path = "replies_tests.rs"]
mod tests;
