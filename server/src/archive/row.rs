//! A row of `messages.csv`, harmless in a spreadsheet and exact for a program.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::{message::Message, store::Unarchived};

/// The first row of the file.
pub const HEADER: [&str; 6] = ["id", "sent_at", "read_at", "from", "to", "text"];

/// The row of one message.
pub fn row_of(message: &Message, read_at: Timestamp) -> [String; 6] {
    [
        message.id.to_string(),
        time(message.sent_at),
        time(read_at),
        protected(message.from.as_str()).into_owned(),
        protected(&recipient(message)).into_owned(),
        protected(message.text.as_str()).into_owned(),
    ]
}

/// The reader, and before it the group if the message was written to one.
fn recipient(message: &Message) -> Cow<'_, str> {
    match &message.group {
        None => Cow::Borrowed(message.to.as_str()),
        Some(group) => Cow::Owned(format!("{group}/{}", message.to)),
    }
}

/// All rows of some archived marks, as CSV.
pub(super) fn rows_of<'a>(
    marks: &'a [Unarchived],
    skip: impl Fn(&Message) -> bool + 'a,
) -> impl Iterator<Item = [String; 6]> + 'a {
    marks
        .iter()
        .flat_map(|one| {
            one.messages
                .iter()
                .map(move |message| (message, one.mark.read_at))
        })
        .filter(move |(message, _)| !skip(message))
        .map(|(message, read_at)| row_of(message, read_at))
}

/// RFC 3339 in UTC, to the millisecond: always as many characters.
fn time(at: Timestamp) -> String {
    format!("{at:.3}")
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

/// The field as it was before [`row_of`] protected it.
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

    proptest! {
        #[test]
        fn every_text_comes_back_exactly(text in "[-=+@;'\t\n a＝]{0,12}") {
            let stored = protected(&text);
            prop_assert_eq!(unprotected(&stored), text.as_str());
            prop_assert!(!stored.split([';', '\t', '\n']).any(|cell| cell.starts_with(['=', '+', '-', '@', '＝'])));
        }
    }
}
