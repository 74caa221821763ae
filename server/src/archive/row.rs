//! A row of `messages.csv`, harmless in a spreadsheet and exact for a program.

use std::{borrow::Cow, ops::Range};

use jiff::Timestamp;
use mensageiro_protocol::Login;

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
    let is_plain = |byte| !matches!(byte, b',' | b';' | b'"' | b'\t' | b'\n' | b'\r');
    if !text.starts_with(starts_formula) && text.bytes().all(is_plain) {
        return out.extend_from_slice(text.as_bytes());
    }
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

/// A spreadsheet takes a cell that starts with one of these for a formula (TAB is skipped by
/// some before they look). The apostrophe is in the list so that the protection can be undone.
fn starts_formula(c: char) -> bool {
    matches!(
        c,
        '=' | '+' | '-' | '@' | '\t' | '\'' | '＝' | '＋' | '－' | '＠'
    )
}

/// After these a cell may start, when a program splits the line in another way than we do.
fn starts_cell(c: char) -> bool {
    matches!(c, ';' | '\t' | '\n')
}

/// The field with an apostrophe before everything that a spreadsheet might take for a formula.
fn protected(field: &str) -> Cow<'_, str> {
    edited(field, |out, c| {
        if starts_formula(c) {
            out.push('\'');
        }
        out.push(c);
    })
}

/// The field as it was before it was protected.
///
/// ```
/// use mensageiro_server::archive::unprotected;
/// assert_eq!(unprotected("'=1+1"), "=1+1");
/// assert_eq!(unprotected("1+1;'-)"), "1+1;-)");
/// ```
pub fn unprotected(field: &str) -> Cow<'_, str> {
    if !field.contains('\'') {
        return Cow::Borrowed(field);
    }
    let mut plain = String::with_capacity(field.len());
    let mut at_start = true;
    let mut characters = field.chars();
    while let Some(mut c) = characters.next() {
        if at_start && c == '\'' {
            let Some(protected) = characters.next() else {
                break;
            };
            c = protected;
        }
        plain.push(c);
        at_start = starts_cell(c);
    }
    Cow::Owned(plain)
}

fn edited(field: &str, mut at_cell_start: impl FnMut(&mut String, char)) -> Cow<'_, str> {
    let mut out = String::new();
    let mut at_start = true;
    for c in field.chars() {
        if at_start {
            at_cell_start(&mut out, c);
        } else {
            out.push(c);
        }
        at_start = starts_cell(c);
    }
    if out.len() == field.len() {
        Cow::Borrowed(field)
    } else {
        Cow::Owned(out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::conversation::Conversation;

    fn check(text: &str, expected: &str) {
        assert_eq!(protected(text), expected);
        assert_eq!(unprotected(expected), text);
    }

    #[test]
    fn formulas_are_protected_and_nothing_else() {
        check("hello", "hello");
        check("=1+1", "'=1+1");
        check("a=1;b", "a=1;b");
        check("x;=cmd|' /C calc'!A0", "x;'=cmd|' /C calc'!A0");
        check("a\n-b", "a\n'-b");
        check("'quoted'", "''quoted'");
        check("\t=1", "'\t'=1");
        check("it's", "it's");
        check("", "");
    }

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
        }
    }

    fn message<'a>(id: u64, group: &'a Login, text: &'a str) -> Unarchived<'a> {
        Unarchived {
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

    proptest! {
        #[test]
        fn every_text_comes_back_exactly(text in "[-=+@;'\t\n a＝]{0,12}") {
            let stored = protected(&text);
            prop_assert_eq!(unprotected(&stored), text.as_str());
            prop_assert!(!stored.split([';', '\t', '\n']).any(|cell| cell.starts_with(['=', '+', '-', '@', '＝'])));
        }
    }
}
