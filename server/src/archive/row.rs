//! A row of `messages.csv`, harmless in a spreadsheet and exact for a program.

use std::ops::Range;

use jiff::Timestamp;
use mensageiro_protocol::{Login, spreadsheet::protected};

use super::ReadMessage;
use crate::model::message::{MessageId, ReadMark};

/// The first row of the file.
pub const HEADER: [&str; 6] = ["id", "sent_at", "read_at", "from", "to", "text"];

/// Rows as CSV.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) bytes: Vec<u8>,
    sent_at: Time,
    read_at: Time,
    /// The rows of one user at one moment, by message, and where they begin.
    together: Vec<(MessageId, Range<usize>)>,
    mark: Option<(Timestamp, Login)>,
    csv: csv_core::Writer,
}

/// The last formatted time: the next row most likely has the same.
#[derive(Default)]
struct Time {
    of: Timestamp,
    text: String,
}

impl Rows {
    /// Appends the row of a message and one of its readers.
    pub(super) fn push(&mut self, message: ReadMessage<'_>, mark: &ReadMark) {
        if !self.goes_on(mark) {
            self.end_moment();
            self.mark = Some((mark.read_at, mark.reader.clone()));
        }
        let Self {
            bytes,
            sent_at,
            read_at,
            together,
            csv,
            ..
        } = self;
        let start = bytes.len();
        bytes.extend_from_slice(itoa::Buffer::new().format(message.id.0).as_bytes());
        for time in [sent_at.text(message.sent_at), read_at.text(mark.read_at)] {
            bytes.push(b',');
            bytes.extend_from_slice(time.as_bytes());
        }
        // A login contains nothing that needs protection or quotes.
        bytes.push(b',');
        bytes.extend_from_slice(message.from.as_bytes());
        bytes.push(b',');
        if let Some(group) = message.group {
            bytes.extend_from_slice(group.as_str().as_bytes());
            bytes.push(b'/');
        }
        bytes.extend_from_slice(mark.reader.as_str().as_bytes());
        bytes.push(b',');
        write_text(csv, message.text, bytes);
        bytes.push(b'\n');
        together.push((message.id, start..bytes.len()));
    }

    fn goes_on(&self, mark: &ReadMark) -> bool {
        let before = self.mark.as_ref();
        before.is_some_and(|(at, reader)| *at == mark.read_at && *reader == mark.reader)
    }

    /// Sorts the rows of one user at one moment by id, across conversations.
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
    /// RFC 3339 in UTC with milliseconds, always of the same length.
    fn text(&mut self, at: Timestamp) -> &str {
        if self.of != at || self.text.is_empty() {
            self.of = at;
            self.text = format!("{at:.3}");
        }
        &self.text
    }
}

/// Appends a text as a field, protected against formulas, and quoted if necessary.
fn write_text(csv: &csv_core::Writer, text: &str, out: &mut Vec<u8>) {
    let text = protected(text);
    if !csv.should_quote(text.as_bytes()) {
        return out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
    let start = out.len();
    out.resize(start + 2 * text.len(), 0);
    let (_, _, length) = csv_core::quote(text.as_bytes(), &mut out[start..], b'"', b'"', true);
    out.truncate(start + length);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use mensageiro_protocol::spreadsheet::unprotected;

    use super::*;
    use crate::model::conversation::Conversation;

    fn login(name: &str) -> Login {
        Login::parse(name).unwrap()
    }

    fn mark(reader: &str, ms: i64) -> ReadMark {
        ReadMark {
            number: 1,
            reader: login(reader),
            conversation: Conversation::Group(login("class")),
            first: MessageId(1),
            last: MessageId(9),
            read_at: Timestamp::from_millisecond(ms).unwrap(),
            as_of: MessageId(1),
        }
    }

    fn message<'a>(id: u64, group: &'a Login, text: &'a str) -> ReadMessage<'a> {
        ReadMessage {
            id: MessageId(id),
            sent_at: Timestamp::from_millisecond(id as i64).unwrap(),
            from: "ana",
            group: Some(group),
            text,
        }
    }

    /// The fields of the rows.
    fn parsed(mut rows: Rows) -> Vec<Vec<String>> {
        rows.end_moment();
        assert!(rows.bytes.ends_with(b"\n"));
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(&rows.bytes[..]);
        let fields = |row: csv::StringRecord| row.iter().map(str::to_owned).collect();
        reader.records().map(|row| fields(row.unwrap())).collect()
    }

    #[test]
    fn a_row_is_csv_by_rfc_4180() {
        let (mut rows, class) = (Rows::default(), login("class"));
        let texts = ["hi", "a,b", "say \"x\"", "=1\n-2", "x;y"];
        for (id, text) in (1..).zip(texts) {
            rows.push(message(id, &class, text), &mark("bob", 1_000));
        }
        let rows = parsed(rows);
        assert_eq!(rows.len(), texts.len());
        for ((id, text), row) in (1..).zip(texts).zip(rows) {
            let sent_at = format!("1970-01-01T00:00:00.00{id}Z");
            let read_at = "1970-01-01T00:00:01.000Z";
            let fixed = [&id.to_string(), &sent_at, read_at, "ana", "class/bob"];
            assert_eq!(row[..5], fixed);
            assert_eq!(unprotected(&row[5]), text);
        }
    }

    #[test]
    fn what_is_read_at_one_moment_is_in_the_order_of_its_ids() {
        let (mut rows, class) = (Rows::default(), login("class"));
        for (reader, ms, ids) in [
            ("bob", 1, &[7, 9][..]),
            ("bob", 1, &[3, 8]),
            ("bob", 2, &[2]),
            ("carla", 2, &[5]),
            ("carla", 2, &[4, 6]),
        ] {
            for &id in ids {
                rows.push(message(id, &class, "text"), &mark(reader, ms));
            }
        }
        let ids: Vec<_> = parsed(rows).iter().map(|row| row[0].clone()).collect();
        assert_eq!(ids, ["3", "7", "8", "9", "2", "4", "5", "6"]);
    }
}
