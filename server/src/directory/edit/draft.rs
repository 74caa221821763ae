//! Changes single rows and fields of a CSV file, and nothing else in it.

use std::ops::Range;

use super::super::{
    decoding::{Change, Decoded, Unencodable},
    header::Columns,
    rows::{fields_of, rows_of},
    table::BadLine,
};

/// Changes of a file that gather up. Places are those of its text before all changes.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    decoded: &'a Decoded<'a>,
    delimiter: u8,
    line_end: &'static str,
    headers: Vec<Range<usize>>,
    /// Where the first row begins, if there is one.
    first: Option<usize>,
    last: Option<Range<usize>>,
    /// The most fields in a row.
    widest: usize,
    /// What the columns of a file without a header are called.
    plain: [&'static str; 2],
    new_columns: Vec<(usize, &'static str)>,
    changes: Vec<Change>,
}

/// A row that an edit is about: its place, and what was found there.
pub(super) type Found<T> = (Range<usize>, T);

/// The fields of a row by column; the others are empty.
pub(super) type Fields<'a> = Vec<(usize, &'a str)>;

impl<'a> Draft<'a> {
    /// Reads a file. `header` finds the columns in a first row, and `find` the rows that the edit is about. `plain` names the
    /// columns of a file without a header. Returns the columns and the rows too.
    ///
    /// # Errors
    /// [`BadLine`] if the rows cannot be told apart.
    pub(super) fn read<C: Copy, T>(
        decoded: &'a Decoded<'a>,
        (mut columns, plain): (Columns<C>, [&'static str; 2]),
        header: impl Fn(&[&str]) -> Option<C>,
        mut find: impl FnMut(&[&str], C) -> Option<T>,
    ) -> Result<(Self, C, Vec<Found<T>>), BadLine> {
        let text = &*decoded.text;
        let mut found = Vec::new();
        let mut draft = Self {
            decoded,
            delimiter: b',',
            line_end: line_end(text).unwrap_or("\n"),
            headers: Vec::new(),
            first: None,
            last: None,
            widest: 0,
            plain,
            new_columns: Vec::new(),
            changes: Vec::new(),
        };
        draft.delimiter = rows_of(text, |row| {
            draft.first.get_or_insert(row.place.start);
            draft.last = Some(row.place.clone());
            draft.widest = draft.widest.max(row.fields.len());
            match columns.of_row(row.fields, || header(row.fields)) {
                None => draft.headers.push(row.place),
                Some(columns) => {
                    let one = find(row.fields, columns).map(|one| (row.place, one));
                    found.extend(one);
                }
            }
        })?;
        Ok((draft, columns.of_rows(), found))
    }

    /// The number of a column, which is added to the file if it has none.
    pub(super) fn column(&mut self, known: Option<usize>, name: &'static str) -> usize {
        known.unwrap_or_else(|| {
            // Fields beyond the header are somebody's: they must not get a meaning.
            let new = self.widest.max(self.plain.len());
            self.widest = new + 1;
            self.new_columns.push((new, name));
            new
        })
    }

    /// Writes fields into a row.
    pub(super) fn set(&mut self, row: &Range<usize>, values: &[(usize, &str)]) {
        let (fields, is_quoted) = self.fields(row);
        let mut count = fields.len();
        let mut appended = String::new();
        for &(column, value) in values {
            if let Some(field) = fields.get(column) {
                let is_quoted = self.decoded.text[field.clone()].starts_with('"');
                let text = self.written(value, is_quoted);
                self.change(field.clone(), text, field.start);
                continue;
            }
            while count <= column {
                appended.push(char::from(self.delimiter));
                count += 1;
            }
            appended += &self.written(value, is_quoted);
        }
        if !appended.is_empty() {
            self.change(row.end..row.end, appended, row.end);
        }
    }

    /// Removes a row with its line end.
    pub(super) fn remove(&mut self, row: &Range<usize>) {
        let end = line_end_at(&self.decoded.text, row.end).map_or(0, str::len);
        self.change(row.start..row.end + end, String::new(), row.start);
    }

    /// Adds rows after this one, or else at the end.
    pub(super) fn add(&mut self, after: Option<&Range<usize>>, rows: &[Fields<'_>]) {
        let Some(after) = after.or(self.last.as_ref()).cloned() else {
            return self.begin(rows);
        };
        let (fields, is_quoted) = self.fields(&after);
        let rows = rows
            .iter()
            .map(|row| self.row(row, fields.len(), is_quoted));
        match line_end_at(&self.decoded.text, after.end) {
            Some(line_end) => {
                let text = rows.map(|row| row + line_end).collect();
                let at = after.end + line_end.len();
                self.change(at..at, text, after.end);
            }
            None => {
                let text = rows.map(|row| self.line_end.to_owned() + &row).collect();
                self.change(after.end..after.end, text, after.end);
            }
        }
    }

    /// The file with all changes.
    ///
    /// # Errors
    /// [`Unencodable`] if its encoding lacks a character.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, Unencodable> {
        if !self.new_columns.is_empty() && self.first.is_some() {
            let new = std::mem::take(&mut self.new_columns);
            for header in std::mem::take(&mut self.headers) {
                self.set(&header, &new);
                self.headers.push(header);
            }
            if let (true, Some(first)) = (self.headers.is_empty(), self.first) {
                let header = self.header(new) + self.line_end;
                self.change(first..first, header, first);
            }
        }
        let order = |change: &Change| (change.place.start, change.place.end);
        self.changes.sort_by_key(order);
        self.decoded.with(&self.changes)
    }

    /// Writes the first rows of a file, below a header.
    fn begin(&mut self, rows: &[Fields<'_>]) {
        let text = &self.decoded.text;
        let end = text.strip_suffix('\u{1a}').unwrap_or(text).len();
        let mut new = String::new();
        if !matches!(text[..end].chars().next_back(), None | Some('\n' | '\r')) {
            new += self.line_end;
        }
        let new_columns = std::mem::take(&mut self.new_columns);
        let columns = new_columns.last().map_or(0, |(last, _)| last + 1);
        let header = self.header(new_columns);
        let rows = rows.iter().map(|row| self.row(row, columns, false));
        for row in std::iter::once(header).chain(rows) {
            new += &row;
            new += self.line_end;
        }
        self.change(end..end, new, end);
    }

    fn header(&self, new: Fields<'_>) -> String {
        let mut fields: Vec<_> = self.plain.into_iter().enumerate().collect();
        fields.extend(new);
        self.row(&fields, 0, false)
    }

    /// A row with at least so many columns.
    fn row(&self, fields: &[(usize, &str)], columns: usize, is_quoted: bool) -> String {
        let needed = fields.iter().map(|(column, _)| column + 1).max();
        let columns = columns.max(needed.unwrap_or(0));
        let field = |column| {
            let mut fields = fields.iter();
            let value = fields.find(|(one, _)| *one == column);
            value.map_or_else(String::new, |(_, value)| self.written(value, is_quoted))
        };
        let delimiter = char::from(self.delimiter).to_string();
        (0..columns).map(field).collect::<Vec<_>>().join(&delimiter)
    }

    /// The fields of a row, and whether all that are not empty are in quotes.
    fn fields(&self, row: &Range<usize>) -> (Vec<Range<usize>>, bool) {
        let text = &self.decoded.text[row.clone()];
        let fields = fields_of(text, self.delimiter);
        let mut filled = fields.iter().filter(|field| !field.is_empty());
        let is_quoted = filled.all(|field| text[field.clone()].starts_with('"'));
        let in_text = fields.into_iter();
        let in_text = in_text.map(|field| row.start + field.start..row.start + field.end);
        (in_text.collect(), is_quoted)
    }

    /// A value as a field.
    fn written(&self, value: &str, is_quoted: bool) -> String {
        let special = ['"', ',', ';', '\t', '\n', '\r', char::from(self.delimiter)];
        let is_padded = value.trim() != value;
        if value.contains(special) || is_padded || (is_quoted && !value.is_empty()) {
            return format!("\"{}\"", value.replace('"', "\"\""));
        }
        value.to_owned()
    }

    fn change(&mut self, place: Range<usize>, text: String, beside: usize) {
        self.changes.push(Change {
            place,
            text,
            beside,
        });
    }
}

/// The first line end of a text.
fn line_end(text: &str) -> Option<&'static str> {
    line_end_at(text, text.find(['\n', '\r'])?)
}

/// The line end that begins at a place.
fn line_end_at(text: &str, at: usize) -> Option<&'static str> {
    let ends = ["\r\n", "\n", "\r"].into_iter();
    ends.into_iter().find(|end| text[at..].starts_with(end))
}
