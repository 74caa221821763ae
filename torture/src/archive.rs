//! Reads messages.csv in the way docs/STORAGE.md describes.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, Result, ensure};

/// A row: from, to, text.
pub type Row = (String, String, String);

/// The complete rows that are there now. A row that occurs twice, by id and reader, is an error.
pub fn rows(data: &Path) -> Result<Vec<Row>> {
    let content = fs::read(data.join("messages.csv"))?;
    let end = content.iter().rposition(|&byte| byte == b'\n');
    let whole = &content[..end.map_or(0, |end| end + 1)];
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for record in csv::Reader::from_reader(whole).records() {
        let record = record.context("messages.csv cannot be parsed")?;
        ensure!(record.len() == 6, "a row of {} fields", record.len());
        let id: u64 = record[0].parse().context("a row without id")?;
        ensure!(seen.insert((id, record[4].to_owned())), "twice: {record:?}");
        rows.push((record[3].into(), record[4].into(), plain(&record[5])));
    }
    Ok(rows)
}

/// A field without the apostrophes that keep spreadsheets from reading formulas: the server writes
/// one where a cell begins.
fn plain(field: &str) -> String {
    let mut plain = String::with_capacity(field.len());
    let mut characters = field.chars();
    let mut is_start = true;
    while let Some(mut c) = characters.next() {
        if is_start && c == '\'' {
            match characters.next() {
                Some(protected) => c = protected,
                None => return plain + "'",
            }
        }
        plain.push(c);
        is_start = matches!(c, ';' | '\t' | '\n');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_protects_is_taken_away_where_cells_begin() {
        for (field, expected) in [
            ("it's", "it's"),
            ("'=1+1", "=1+1"),
            ("''quoted'", "'quoted'"),
            ("a;'=b\n'@c", "a;=b\n@c"),
            ("'\t'=x", "\t=x"),
            ("'", "'"),
        ] {
            assert_eq!(plain(field), expected, "{field:?}");
        }
    }
}
