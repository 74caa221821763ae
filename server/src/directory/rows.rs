//! Splits a CSV file into rows, in all the forms in which people and spreadsheets write it.

use std::{borrow::Cow, io::Read, ops::Range};

use csv::{ReaderBuilder, StringRecord};
use memchr::memchr;
use mensageiro_protocol::Login;

use super::{
    decoding::{decode, line_ends},
    table::BadLine,
};

/// A row of our own after the end of the file. No text contains it. A quote that is never closed
/// swallows it.
const END: &str = "\n\0";

/// A row that is not empty.
#[derive(Debug)]
pub(super) struct Row<'a> {
    /// Its first line, from 1.
    pub(super) line: u64,
    /// Its bytes of the text, without its line end.
    pub(super) place: Range<usize>,
    /// Its fields, trimmed.
    pub(super) fields: &'a [&'a str],
}

/// Visits each row that is not empty, with its line, from 1, and its trimmed fields.
///
/// # Errors
/// As [`rows_of`], and bytes that are no text.
pub(super) fn rows(bytes: &[u8], mut visit: impl FnMut(u64, &[&str])) -> Result<(), BadLine> {
    rows_of(&decode(bytes)?.text, |row| visit(row.line, row.fields)).map(drop)
}

/// Visits each row of a text that is not empty. Columns are separated by commas, semicolons or tabs. Rows end in LF, CR LF or
/// CR. A field may be in quotes, and then span several lines. Returns what separates the columns.
///
/// # Errors
/// A quote that is not closed where it should be: all rows after it would be lost.
pub(super) fn rows_of(text: &str, mut visit: impl FnMut(Row<'_>)) -> Result<u8, BadLine> {
    // DOS programs end a file with Ctrl-Z.
    let text = text.strip_suffix('\u{1a}').unwrap_or(text);
    let said = said_delimiter(text);
    let delimiter = said.unwrap_or_else(|| delimiter(text));
    let (text, padding) = without_padding(text, delimiter);
    let begin = match said {
        Some(_) => text.find(['\n', '\r']).unwrap_or(text.len()),
        None => 0,
    };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes()[begin..].chain(END.as_bytes()));
    let (mut line, mut counted, mut columns) = (1, 0, 0);
    let mut record = StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|e| BadLine::new(line, e))?
    {
        if record.len() == 1 && record[0] == *END.trim_start() {
            break;
        }
        // The reported position includes the empty lines before a row.
        let place = |byte: u64| {
            text.len()
                .min(begin + usize::try_from(byte).unwrap_or(usize::MAX))
        };
        let start = place(record.position().map_or(0, |position| position.byte()));
        let end = place(reader.position().byte()).max(start);
        let row = text[start..end].trim_end_matches(['\n', '\r']);
        let end = start + row.len();
        let start = end - row.trim_start_matches(['\n', '\r']).len();
        line += line_ends(text.get(counted..start).unwrap_or_default());
        counted = start;
        if columns == 0 {
            columns = record.len();
        }
        check_quotes(&record, line, delimiter, columns)?;
        let fields: Vec<&str> = record
            .iter()
            .map(|field| unwrapped(field.trim_matches(is_blank)))
            .collect();
        if fields.iter().any(|field| !field.is_empty()) {
            visit(Row {
                line,
                place: padding.place(start)..padding.place(end),
                fields: &fields,
            });
        }
    }
    Ok(delimiter)
}

/// The places of a row's fields in it, with their quotes, but without blanks around them.
pub(super) fn fields_of(row: &str, delimiter: u8) -> Vec<Range<usize>> {
    let bytes = row.as_bytes();
    let (mut fields, mut start) = (Vec::new(), 0);
    loop {
        let blanks = row[start..].len() - row[start..].trim_start_matches(PADDING).len();
        let mut at = start;
        if bytes.get(start + blanks) == Some(&b'"') {
            // Two quotes in quotes are one, and no end.
            let mut in_quotes = true;
            at = start + blanks + 1;
            while let Some(byte) = bytes.get(at).filter(|_| in_quotes) {
                let is_quote = *byte == b'"';
                let is_double = is_quote && bytes.get(at + 1) == Some(&b'"');
                at += 1 + usize::from(is_double);
                in_quotes = !is_quote || is_double;
            }
        }
        let end = memchr(delimiter, &bytes[at..]).map_or(row.len(), |end| at + end);
        let field = row[start..end].trim_start_matches(is_blank);
        let begin = end - field.len();
        fields.push(begin..begin + field.trim_end_matches(is_blank).len());
        if end == row.len() {
            return fields;
        }
        start = end + 1;
    }
}

/// Looks for fields that have swallowed rows or the end of the file.
fn check_quotes(
    record: &StringRecord,
    mut line: u64,
    delimiter: u8,
    columns: usize,
) -> Result<(), BadLine> {
    for field in record {
        if field.contains('\0') {
            return Err(BadLine::new(
                line,
                "a quote (\") is opened here and never closed; close it or remove it",
            ));
        }
        let closed = line + line_ends(field);
        if closed > line && takes_in_a_row(field, delimiter, columns) {
            return Err(BadLine::new(
                line,
                format!(
                    "a quote (\") is opened here and closed on line {closed}, so the lines between \
                     would not count; close it on line {line} or remove it"
                ),
            ));
        }
        line = closed;
    }
    Ok(())
}

/// Whether a line of a field, except the first, looks like a row of its own: it begins with a
/// login, or has as many columns as the file.
fn takes_in_a_row(field: &str, delimiter: u8, columns: usize) -> bool {
    let delimiter = char::from(delimiter);
    field.split(['\n', '\r']).skip(1).any(|line| {
        let count = line.split(delimiter).count();
        let first = line.split(delimiter).next().unwrap_or_default();
        count > 1 && (count == columns || Login::parse(first.trim_matches(is_blank)).is_ok())
    })
}

/// What people type between the beginning of a field and its quote, and the marks that joined files contain there.
const PADDING: [char; 3] = [' ', '\u{a0}', '\u{feff}'];

/// Where [`without_padding`] has removed something, and how many bytes up to there.
#[derive(Debug, Default)]
struct Removed(Vec<(usize, usize)>);

impl Removed {
    /// The place in the whole text; before what was removed there.
    fn place(&self, at: usize) -> usize {
        let before = self.0.partition_point(|(place, _)| *place < at);
        at + before.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}

/// The text without spaces and byte order marks between the beginning of a field and its quote, and where they were.
fn without_padding(text: &str, delimiter: u8) -> (Cow<'_, str>, Removed) {
    let mut kept = String::new();
    let mut removed = Removed::default();
    let (mut from, mut in_quotes, mut second) = (0, false, None);
    for (at, _) in text.match_indices('"') {
        if in_quotes {
            // Two quotes in quotes are one, and no end.
            in_quotes = second == Some(at) || text.as_bytes().get(at + 1) == Some(&b'"');
            second = (in_quotes && second != Some(at)).then_some(at + 1);
            continue;
        }
        let before = &text[from..at];
        let begin = before.trim_end_matches(PADDING);
        in_quotes = match begin.bytes().next_back() {
            None => from == 0,
            Some(byte) => byte == delimiter || byte == b'\n' || byte == b'\r',
        };
        if in_quotes && begin.len() < before.len() {
            kept.push_str(begin);
            removed.0.push((kept.len(), at - kept.len()));
            from = at;
        }
    }
    if from == 0 {
        return (text.into(), removed);
    }
    kept.push_str(&text[from..]);
    (kept.into(), removed)
}

/// The text of `="007"`, the form in which programs write a number that a spreadsheet must not
/// change.
fn unwrapped(field: &str) -> &str {
    let inside = field
        .strip_prefix("=\"")
        .and_then(|field| field.strip_suffix('"'));
    inside.unwrap_or(field)
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// The delimiter of a first line `sep=;`, which Excel reads and some programs write.
fn said_delimiter(text: &str) -> Option<u8> {
    let line = text.split(['\n', '\r']).next()?;
    let line = line.trim_matches(['"', ' ']);
    let (word, delimiter) = line.split_at_checked("sep=".len())?;
    match delimiter.as_bytes() {
        [delimiter] if word.eq_ignore_ascii_case("sep=") => Some(*delimiter),
        _ => None,
    }
}

/// The delimiter: the first of `,`, `;` and tab outside of quotes. No login and no word of a header
/// contains one of them.
fn delimiter(text: &str) -> u8 {
    let mut in_quotes = false;
    let found = text.bytes().find(|&byte| {
        in_quotes ^= byte == b'"';
        !in_quotes && matches!(byte, b',' | b';' | b'\t')
    });
    found.unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(content: &str, expected: &[(u64, &[&str])]) {
        let mut found = Vec::new();
        let read = rows(content.as_bytes(), |line, fields| {
            found.push((line, fields.iter().map(|field| field.to_string()).collect()));
        });
        read.unwrap();
        let expected: Vec<(u64, Vec<String>)> = expected
            .iter()
            .map(|(line, fields)| (*line, fields.iter().map(|&field| field.into()).collect()))
            .collect();
        assert_eq!(found, expected, "{content:?}");
    }

    fn check_refused(content: &str, line: u64) {
        let bad = rows(content.as_bytes(), |_, _| ()).unwrap_err();
        assert_eq!(bad.line, line, "{content:?}: {bad}");
        assert!(bad.reason.contains("quote"), "{bad}");
    }

    #[test]
    fn rows_are_found_whatever_parts_them() {
        for (end, columns) in [("\n", ","), ("\r\n", ";"), ("\r", "\t"), ("\n", ";")] {
            let content = ["", "ana,Ana", "", ",,", "bruno, Bruno ,x", "carla"].join("\n");
            let content = content.replace(',', columns).replace('\n', end);
            let expected: [(u64, &[&str]); 3] = [
                (2, &["ana", "Ana"]),
                (5, &["bruno", "Bruno", "x"]),
                (6, &["carla"]),
            ];
            check(&content, &expected);
            check(&(content + end), &expected);
        }
    }

    #[test]
    fn what_spreadsheets_add_is_understood() {
        check(
            "sep=;\r\nana;Lima, Ana;;;\r\n",
            &[(2, &["ana", "Lima, Ana", "", "", ""])],
        );
        check("\"sep=\t\"\nana\tAna", &[(2, &["ana", "Ana"])]);
        check("\"Lima, Ana\";ana\n", &[(1, &["Lima, Ana", "ana"])]);
        check(
            "=\"007\",Ana\n\"=\"\"008\"\"\"\n",
            &[(1, &["007", "Ana"]), (2, &["008"])],
        );
        check(
            "ana\n\u{feff}bruno\n\u{feff}\"carla\"\n",
            &[(1, &["ana"]), (2, &["bruno"]), (3, &["carla"])],
        );
        check("ana\nbruno\n\u{1a}", &[(1, &["ana"]), (2, &["bruno"])]);
    }

    #[test]
    fn quotes_are_read_as_they_are_meant() {
        check(
            "ana,\"say \"\"x\"\", Ana\"\nb\n",
            &[(1, &["ana", "say \"x\", Ana"]), (2, &["b"])],
        );
        check(
            "ana, \"Dias, \"\"A\"\", \"\"B\"\"\", \"x\"\n",
            &[(1, &["ana", "Dias, \"A\", \"B\"", "x"])],
        );
        check("ana, \"Lima, Ana\" ,x", &[(1, &["ana", "Lima, Ana", "x"])]);
        check("ana,\"Nina\" Lima\n", &[(1, &["ana", "Nina Lima"])]);
        check(
            "ana,Ana \"Nina\" Lima,19\"\nb",
            &[(1, &["ana", "Ana \"Nina\" Lima", "19\""]), (2, &["b"])],
        );
        check(
            "a,b,c\nana,\"in two\r\nreal lines, no row\",x\nbruno\n",
            &[
                (1, &["a", "b", "c"]),
                (2, &["ana", "in two\r\nreal lines, no row", "x"]),
                (4, &["bruno"]),
            ],
        );
        check("\"\",\"\"\nana", &[(2, &["ana"])]);
    }

    #[test]
    fn a_quote_that_swallows_rows_is_refused_where_it_opens() {
        check_refused("login,name\nana,\"Ana\nbruno,Bruno\n", 2);
        check_refused("login,name\r\rana,\"Ana\rbruno,Bruno", 3);
        check_refused("ana,\"Ana\nbruno,\"Bruno\"\ncarla,Carla\n", 1);
        check_refused("ana,\"Ana\nbruno,Bruno\"\ncarla,Carla\n", 1);
        check_refused("ana,\"Ana\nbruno,Bruno \"the rock\"\ncarla\n", 1);
        check_refused(
            "nome;login\nAna;ana\n\"Bruno;bruno\nCarla Dias;carla\"\n",
            3,
        );
        check_refused("ana,\"", 1);
        check_refused("ana,Ana\nbruno,\"Bruno\"\"\n", 2);
    }

    proptest! {
        #[test]
        fn whatever_the_file_holds_lines_are_those_that_it_has(
            content in "(\u{feff}|sep=;|[a1,;\t\r\n\"=é \u{1a}]){0,30}",
        ) {
            let last = 1 + line_ends(&content);
            let mut before = 0;
            let read = rows(content.as_bytes(), |line, fields| {
                assert!(line > before && line <= last, "{line} of {last}");
                assert!(fields.iter().any(|field| !field.is_empty()));
                before = line;
            });
            if let Err(bad) = read {
                prop_assert!(bad.line > before && bad.line <= last, "{bad}");
            }
        }

        #[test]
        fn whatever_the_bytes_are_something_is_said(content in proptest::collection::vec(any::<u8>(), 0..40)) {
            if let Err(bad) = rows(&content, |line, _| assert!(line > 0)) {
                prop_assert!(bad.line > 0 && !bad.reason.is_empty());
            }
        }
    }
}
