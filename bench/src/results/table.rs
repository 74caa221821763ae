//! The result of a case, as a table.

use serde::{Deserialize, Serialize};

/// One table of figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Table {
    /// The case that measured it, by its name on the command line and in documents.
    pub case: String,
    /// The title.
    pub title: String,
    /// When, where and how the figures were measured.
    pub taken: String,
    /// Names of the columns that say what was measured. The first one is the server.
    pub words: Vec<String>,
    /// The columns of figures.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// A column of figures.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Column {
    /// What was measured.
    pub name: String,
    /// Follows each figure.
    pub unit: String,
    /// Digits after the decimal point.
    pub decimals: usize,
}

/// One line of a table.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// What was measured, in the columns of words.
    pub words: Vec<String>,
    /// The figures; `None` where there is none.
    pub figures: Vec<Option<f64>>,
    /// The row of the bare log with which these figures are compared.
    pub limit: Option<usize>,
}

impl Table {
    /// An empty table.
    pub fn new(case: &str, title: String, words: &[&str], columns: &[(&str, &str, usize)]) -> Self {
        let column = |&(name, unit, decimals): &(&str, &str, usize)| Column {
            name: name.into(),
            unit: unit.into(),
            decimals,
        };
        Self {
            case: case.into(),
            title,
            taken: String::new(),
            words: words.iter().map(|&word| word.to_owned()).collect(),
            columns: columns.iter().map(column).collect(),
            rows: Vec::new(),
        }
    }

    /// A figure with its unit, or a dash.
    pub fn figure(&self, row: usize, column: usize) -> String {
        let Column { unit, decimals, .. } = &self.columns[column];
        self.rows[row].figures[column].map_or_else(
            || "-".into(),
            |figure| format!("{}{unit}", grouped(figure, *decimals)),
        )
    }

    /// A figure divided by that of the bare log; `None` if there is nothing to compare.
    pub fn ratio(&self, row: usize, column: usize) -> Option<f64> {
        let own = self.rows[row].figures[column]?;
        let limit = self.rows[row].limit.filter(|&limit| limit != row)?;
        let limit = self.rows[limit].figures[column]?;
        (limit > 0.0).then(|| own / limit)
    }

    /// The table in Markdown.
    pub fn markdown(&self) -> String {
        let names = self.columns.iter().map(|column| &column.name);
        let head: Vec<_> = self.words.iter().chain(names).map(String::as_str).collect();
        let mut text = line(&head);
        text.push_str(&line(&vec!["---"; head.len()]));
        for (at, row) in self.rows.iter().enumerate() {
            let mut cells = row.words.clone();
            for column in 0..self.columns.len() {
                let ratio = self.ratio(at, column);
                let ratio = ratio.map(|ratio| format!(" ({ratio:.2})"));
                cells.push(self.figure(at, column) + &ratio.unwrap_or_default());
            }
            let cells: Vec<_> = cells.iter().map(String::as_str).collect();
            text.push_str(&line(&cells));
        }
        text
    }
}

fn line(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// A number with commas between thousands.
pub fn grouped(number: f64, decimals: usize) -> String {
    let text = format!("{number:.decimals$}");
    let whole = text.find('.').unwrap_or(text.len());
    let first = usize::from(text.starts_with('-'));
    let mut grouped = String::new();
    for (at, digit) in text.char_indices() {
        if at > first && at < whole && (whole - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A bare log, and a server that is half as fast.
    pub fn sample() -> Table {
        let columns = [("messages/s", "", 0), ("CPU a message", " µs", 1)];
        let words = ["server", "text", "clients"];
        let mut table = Table::new("push", "Push".into(), &words, &columns);
        table.taken = "2026-11-30, on a machine".into();
        let rows = [
            ("bare log, sync", 600_000.0, Some(1.5)),
            ("server, sync", 3e5, None),
        ];
        for (name, rate, cpu) in rows {
            table.rows.push(Row {
                words: [name, "64 B", "-"].map(str::to_owned).to_vec(),
                figures: vec![Some(rate), cpu],
                limit: Some(0),
            });
        }
        table
    }

    #[test]
    fn figures_stand_beside_their_part_of_the_bare_log() {
        assert_eq!(
            sample().markdown(),
            "| server | text | clients | messages/s | CPU a message |\n\
             | --- | --- | --- | --- | --- |\n\
             | bare log, sync | 64 B | - | 600,000 | 1.5 µs |\n\
             | server, sync | 64 B | - | 300,000 (0.50) | - |\n"
        );
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(1_234_567.0, 0), "1,234,567");
        assert_eq!(grouped(-123.456, 2), "-123.46");
        assert_eq!(grouped(12_345.6, 1), "12,345.6");
        assert_eq!(grouped(0.5, 2), "0.50");
    }
}
