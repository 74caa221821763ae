//! A row of `messages.csv`, harmless in a spreadsheet and exact for a program.

use std::borrow::Cow;

use jiff::Timestamp;
use mensageiro_protocol::Login;

use crate::message::Message;

/// The first row of the file.
pub const HEADER: [&str; 6] = ["id", "sent_at", "read_at", "from", "to", "text"];

/// Rows as CSV, one after the other.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) bytes: Vec<u8>,
    /// Where each row ends.
    pub(super) ends: Vec<usize>,
    sent_at: Time,
    read_at: Time,
}

/// A time as it stands in a row; the row before most likely has the same.
#[derive(Default)]
struct Time {
    of: Timestamp,
    text: String,
}

impl Rows {
    /// Appends the row of a message and one of its readers.
    pub(super) fn push(&mut self, message: &Message, reader: &Login, read_at: Timestamp) {
        let Self {
            bytes,
            ends,
            sent_at,
            read_at: read,
        } = self;
        bytes.extend_from_slice(message.id.to_string().as_bytes());
        for time in [sent_at.text(message.sent_at), read.text(read_at)] {
            bytes.push(b',');
            bytes.extend_from_slice(time.as_bytes());
        }
        // No login holds anything that needs protection or quotes.
        bytes.push(b',');
        bytes.extend_from_slice(message.from.as_str().as_bytes());
        bytes.push(b',');
        if message.members.is_some() {
            bytes.extend_from_slice(message.to.as_str().as_bytes());
            bytes.push(b'/');
        }
        bytes.extend_from_slice(reader.as_str().as_bytes());
        bytes.push(b',');
        write_text(message.text.as_str(), bytes);
        bytes.push(b'\n');
        ends.push(bytes.len());
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
    use std::sync::Arc;

    use mensageiro_protocol::Text;
    use proptest::prelude::*;

    use super::*;
    use crate::message::MessageId;

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

    #[test]
    fn a_row_is_csv_by_rfc_4180() {
        let mut rows = Rows::default();
        let [ana, bob, class] = ["ana", "bob", "class"].map(|name| Login::parse(name).unwrap());
        let texts = ["hi", "a,b", "say \"x\"", "=1\n-2", "x;y"];
        for (id, text) in (1..).zip(texts) {
            let message = Message {
                id: MessageId(id),
                sent_at: Timestamp::from_millisecond(id as i64).unwrap(),
                from: ana.clone(),
                to: class.clone(),
                members: Some(Arc::new([ana.clone(), bob.clone()].into())),
                tag: None,
                text: Text::from(text),
            };
            rows.push(&message, &bob, Timestamp::from_millisecond(1_000).unwrap());
        }
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .from_reader(&rows.bytes[..]);
        let found: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(found.len(), rows.ends.len());
        for ((id, text), row) in (1..).zip(texts).zip(found) {
            let sent_at = format!("1970-01-01T00:00:00.00{id}Z");
            let fixed = [
                &id.to_string(),
                &sent_at,
                "1970-01-01T00:00:01.000Z",
                "ana",
                "class/bob",
            ];
            assert_eq!(row.iter().take(5).collect::<Vec<_>>(), fixed);
            assert_eq!(unprotected(&row[5]), text);
        }
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
