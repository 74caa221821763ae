//! The rows of a CSV file as people and spreadsheets write it.
//!
//! A reader for any CSV takes a quote that is never closed for a field that goes on to the end of the
//! file. Here that is an error with a line, as everybody after it would be gone.

use std::borrow::Cow;

use memchr::{memchr, memchr3};
use mensageiro_protocol::Login;

use super::{
    decoding::{decode, line_ends},
    table::BadLine,
};

/// Shows each row that is not empty: its line, from 1, and its fields, trimmed. Between the columns
/// are commas, semicolons or tabs; rows end in LF, CR LF or CR; a field may be in quotes, and then
/// go on over several lines.
///
/// # Errors
/// What is no text, and a quote that is not closed where it should be.
pub(super) fn rows(
    bytes: &[u8],
    mut visit: impl FnMut(u64, &[Cow<'_, str>]),
) -> Result<(), BadLine> {
    let text = decode(bytes)?;
    // DOS programs end a file with Ctrl-Z.
    let text = text.strip_suffix('\u{1a}').unwrap_or(&text);
    let mut rows = Rows::new(text);
    let mut fields = Vec::new();
    while let Some(line) = rows.next(&mut fields)? {
        if fields.iter().any(|field| !field.is_empty()) {
            visit(line, &fields);
        }
    }
    Ok(())
}

struct Rows<'a> {
    rest: &'a str,
    /// The line that `rest` begins on.
    line: u64,
    delimiter: u8,
    /// How many the first row has; 0 before it.
    columns: usize,
}

/// What a field ends with.
enum End {
    Delimiter,
    Row,
}

impl<'a> Rows<'a> {
    fn new(text: &'a str) -> Self {
        let mut rows = Self {
            rest: text,
            line: 1,
            delimiter: delimiter(text),
            columns: 0,
        };
        if let Some(delimiter) = said_delimiter(text) {
            rows.rest = &text[text.find(['\n', '\r']).unwrap_or(text.len())..];
            rows.delimiter = delimiter;
        }
        rows
    }

    /// Reads a row into `fields` and says which line it begins on; `None` at the end.
    fn next(&mut self, fields: &mut Vec<Cow<'a, str>>) -> Result<Option<u64>, BadLine> {
        fields.clear();
        if self.rest.is_empty() {
            return Ok(None);
        }
        let line = self.line;
        loop {
            let field = match self.rest.trim_start_matches(is_padding).strip_prefix('"') {
                Some(quoted) => self.quoted(quoted)?,
                None => unwrapped(self.up_to_end().trim_matches(is_blank)).into(),
            };
            fields.push(field);
            if matches!(self.end(), End::Row) {
                break;
            }
        }
        if self.columns == 0 {
            self.columns = fields.len();
        }
        Ok(Some(line))
    }

    /// What comes before the next delimiter or line end.
    fn up_to_end(&mut self) -> &'a str {
        let end = memchr3(self.delimiter, b'\n', b'\r', self.rest.as_bytes());
        let (field, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        field
    }

    fn end(&mut self) -> End {
        let mut bytes = self.rest.bytes();
        let length = match (bytes.next(), bytes.next()) {
            (None, _) => return End::Row,
            (Some(b'\r'), Some(b'\n')) => 2,
            _ => 1,
        };
        let (end, rest) = self.rest.split_at(length);
        self.rest = rest;
        if end.as_bytes()[0] == self.delimiter {
            return End::Delimiter;
        }
        self.line += 1;
        End::Row
    }

    /// A field whose opening quote has been taken.
    fn quoted(&mut self, quoted: &'a str) -> Result<Cow<'a, str>, BadLine> {
        let opened = self.line;
        let Some(close) = closing_quote(quoted) else {
            return Err(BadLine::new(
                opened,
                "a quote (\") is opened here and never closed; close it or remove it",
            ));
        };
        let inside = &quoted[..close];
        self.line += line_ends(inside);
        self.rest = &quoted[close + 1..];
        // A name such as `"Nina" Souza`.
        let behind = self.up_to_end().trim_end_matches(is_blank);
        if self.line > opened && (!behind.is_empty() || self.takes_in_a_row(inside)) {
            let closed = self.line;
            return Err(BadLine::new(
                opened,
                format!(
                    "a quote (\") is opened here and closed on line {closed}, so the lines between \
                     would not count; close it on line {opened} or remove it"
                ),
            ));
        }
        let mut field = Cow::Borrowed(inside.trim_matches(is_blank));
        if field.contains("\"\"") {
            field = Cow::Owned(field.replace("\"\"", "\""));
        }
        if !behind.is_empty() {
            field.to_mut().push_str(behind);
        }
        Ok(match field {
            Cow::Borrowed(field) => unwrapped(field).into(),
            Cow::Owned(field) => unwrapped(&field).to_owned().into(),
        })
    }

    /// Whether one of the lines of a field, but for the first one, looks like a row of its own: it
    /// begins with a login, or has as many columns as the file.
    fn takes_in_a_row(&self, field: &str) -> bool {
        let delimiter = char::from(self.delimiter);
        field.split(['\n', '\r']).skip(1).any(|line| {
            let columns = line.split(delimiter).count();
            let first = line.split(delimiter).next().unwrap_or_default();
            columns > 1
                && (columns == self.columns || Login::parse(first.trim_matches(is_blank)).is_ok())
        })
    }
}

/// Where the quotes end, with two for one of them inside.
fn closing_quote(quoted: &str) -> Option<usize> {
    let bytes = quoted.as_bytes();
    let mut at = 0;
    loop {
        at += memchr(b'"', &bytes[at..])?;
        if bytes.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// The text of `="007"`, as programs write a number that a spreadsheet shall not change.
fn unwrapped(field: &str) -> &str {
    let inside = field
        .strip_prefix("=\"")
        .and_then(|field| field.strip_suffix('"'));
    inside.unwrap_or(field)
}

/// What may stand before a quote. A byte order mark is there when files have been joined.
fn is_padding(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{feff}')
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// What a first line `sep=;` says, as Excel reads and some programs write it.
fn said_delimiter(text: &str) -> Option<u8> {
    let line = text.split(['\n', '\r']).next()?;
    let line = line.trim_matches(['"', ' ']);
    let (word, delimiter) = line.split_at_checked("sep=".len())?;
    match delimiter.as_bytes() {
        [delimiter] if word.eq_ignore_ascii_case("sep=") => Some(*delimiter),
        _ => None,
    }
}

/// What parts the columns: the first of `,`, `;` and tab outside of quotes. No login and no word of a
/// header has one of them.
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
