use std::io::Write;

use mensageiro_protocol::spreadsheet::protected;

use super::{Read, Reported};
use crate::files::Unwritten;

/// The header row.
const HEADER: &str = "id,from,to,stored_at,delivered_at,read_at,text\n";

/// Writes a row for each message and each of its readers, with times as RFC 3339 in UTC. A text that a spreadsheet would
/// take for a formula gets an apostrophe, as in the server's `messages.csv`.
///
/// # Errors
/// [`Unwritten`]
pub fn csv(
    file: &mut dyn Write,
    reported: Reported<'_>,
    messages: impl Iterator<Item = Read>,
) -> Result<(), Unwritten> {
    file.write_all(HEADER.as_bytes())?;
    for message in messages {
        for row in reported.rows(&message?) {
            let time = |at| at_text(at).unwrap_or_default();
            let receipt = row.receipt;
            let by = receipt.map(|receipt| receipt.by.to_string());
            let number = row.message.server_id.map(|id| id.to_string());
            let fields = [
                number.unwrap_or_default(),
                row.from.to_owned(),
                by.unwrap_or_default(),
                time(row.stored),
                time(receipt.and_then(|receipt| receipt.delivered)),
                time(receipt.and_then(|receipt| receipt.read)),
                row.message.text.as_str().to_owned(),
            ];
            let mut line = String::new();
            for (number, field) in fields.iter().enumerate() {
                if number > 0 {
                    line.push(',');
                }
                push_field(&mut line, field);
            }
            line.push('\n');
            file.write_all(line.as_bytes())?;
        }
    }
    Ok(())
}

fn at_text(at: Option<jiff::Timestamp>) -> Option<String> {
    at.map(|at| format!("{at:.3}"))
}

/// Appends a field, protected against formulas, and quoted if necessary.
fn push_field(row: &mut String, field: &str) {
    let field = protected(field);
    if !field.contains([',', ';', '"', '\t', '\n', '\r']) {
        return row.push_str(&field);
    }
    row.push('"');
    row.push_str(&field.replace('"', "\"\""));
    row.push('"');
}

#[cfg(test)]
mod tests {
    use super::{super::tests::message, *};
    use crate::engine::{Delivery, Older};

    fn rows(messages: &[crate::engine::Message]) -> String {
        let reported = Reported {
            me: "ana",
            with: "turma",
            count: messages.len(),
            older: Older::Nothing,
        };
        let mut rows = Vec::new();
        csv(&mut rows, reported, messages.iter().cloned().map(Ok)).unwrap();
        String::from_utf8(rows).unwrap()
    }

    #[test]
    fn each_reader_of_a_message_has_a_row() {
        let rows = rows(&[
            message(1, Delivery::Received, "oi", &[]),
            message(2, Delivery::Accepted, "olá, \"turma\"", &["bob"]),
        ]);
        let expected = "id,from,to,stored_at,delivered_at,read_at,text\n\
            1,carol,,2023-11-14T22:13:30.000Z,,,oi\n\
            2,ana,bob,2023-11-14T22:13:40.000Z,2023-11-14T22:13:41.000Z,\
            2023-11-14T22:13:42.000Z,\"olá, \"\"turma\"\"\"\n";
        assert_eq!(rows, expected);
    }

    #[test]
    fn no_text_is_a_formula() {
        for text in [
            "=1+1", "+1", "-1", "@x", "\t=1", "'=1", "＝1", "a;=1", "a\n=1",
        ] {
            let rows = rows(&[message(1, Delivery::Received, text, &[])]);
            let mut reader = ::csv::Reader::from_reader(rows.as_bytes());
            let row = reader.records().next().unwrap().unwrap();
            let written = &row[6];
            assert_ne!(written, text);
            for cell in written.split([';', '\n']) {
                assert!(
                    !cell.starts_with(['=', '+', '-', '@', '\t', '＝']),
                    "{written:?}"
                );
            }
            assert_eq!(written.replace("'", ""), text.replace("'", ""));
        }
    }
}
