//! A row of `messages.csv`, harmless in a spreadsheet and exact for a program.

use std::ops::Range;

use jiff::Timestamp;
use mensageiro_protocol::{Login, spreadsheet::protected};

use crate::{
    message::{MessageId, ReadMark},
    store::Unarchived,
};

/// The first row of the file.
pub const HEADER: [&str; 6] = ["id", "sent_at", "read_at", "from", "to", "text"];

/// Rows as CSV, one after the other.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) bytes: Vec<u8>,
    sent_at: Time,
    read_at: Time,
    /// What one user has read at one moment, by its messages, and where it begins.
    together: Vec<(MessageId, Range<usize>)>,
    mark: Option<(Timestamp, Login)>,
}

/// A time as it stands in a row; the row before most likely has the same.
#[derive(Default)]
struct Time {
    of: Timestamp,
    text: String,
}

impl Rows {
    /// Appends the row of a message and one of its readers.
    pub(super) fn push(&mut self, message: Unarchived<'_>, mark: &ReadMark) {
        if !self.goes_on(mark) {
            self.end_moment();
            self.mark = Some((mark.read_at, mark.reader.clone()));
        }
        let Self {
            bytes,
            sent_at,
            read_at,
            together,
            ..
        } = self;
        let start = bytes.len();
        bytes.extend_from_slice(message.id.to_string().as_bytes());
        for time in [sent_at.text(message.sent_at), read_at.text(mark.read_at)] {
            bytes.push(b',');
            bytes.extend_from_slice(time.as_bytes());
        }
        // No login holds anything that needs protection or quotes.
        bytes.push(b',');
        bytes.extend_from_slice(message.from.as_bytes());
        bytes.push(b',');
        if let Some(group) = message.group {
            bytes.extend_from_slice(group.as_str().as_bytes());
            bytes.push(b'/');
        }
        bytes.extend_from_slice(mark.reader.as_str().as_bytes());
        bytes.push(b',');
        write_text(message.text, bytes);
        bytes.push(b'\n');
        together.push((message.id, start..bytes.len()));
    }

    fn goes_on(&self, mark: &ReadMark) -> bool {
        let before = self.mark.as_ref();
        before.is_some_and(|(at, reader)| *at == mark.read_at && *reader == mark.reader)
    }

    /// Brings what one user has read at one moment in the order of ids, whatever the
    /// conversations.
    pub(super) fn end_moment(&mut self) {
        let Some((_, first)) = self.together.first() else {
            return;
        };
        let start = first.start;
        if !self.together.is_sorted_by_key(|(id, _)| *id) {
            self.together.sort_unstable_by_key(|(id, _)| *id);
            let rows = self.together.iter();
            let sorted: Vec<_> = rows
                .flat_map(|(_, row)| &self.bytes[row.clone()])
                .copied()
                .collect();
            self.bytes.truncate(start);
            self.bytes.extend_from_slice(&sorted);
        }
        self.together.clear();
    }
}

impl Time {
    /// RFC 3339 in UTC, to the millisecond: always as many characters.
    fn text(&mut self, at: Timestamp) -> &str {
        if self.of != at || self.text.is_empty() {
            self.of = at;
            self.text = format!("{at:.3}");
        }
        &self.text
    }
}

/// Appends a text as a field, protected and in quotes where it must be.
fn write_text(text: &str, out: &mut Vec<u8>) {
    let text = protected(text);
    if !text.contains([',', '"', '\n', '\r']) {
        return out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
