//! Fills the tables of a document: each stands between `<!-- figures: CASE -->` and `<!-- end of
//! figures -->`.

use anyhow::{Context, bail};

use super::Table;

const BEGIN: &str = "<!-- figures: ";
const END: &str = "<!-- end of figures -->";

/// The document with the newest figures in its tables.
///
/// # Errors
/// If a table has no end.
pub fn fill(document: &str, tables: &[Table]) -> anyhow::Result<String> {
    let mut filled = String::new();
    let mut rest = document;
    while let Some(at) = rest.find(BEGIN) {
        let (before, place) = rest.split_at(at);
        let name = place[BEGIN.len()..].split(" -->").next().unwrap_or("");
        let end = place.find(END);
        let end = end.with_context(|| format!("the figures of {name} have no end"))?;
        if place[BEGIN.len()..end].contains(BEGIN) {
            bail!("the figures of {name} have no end");
        }
        filled.push_str(before);
        match tables.iter().find(|table| table.case == name) {
            Some(table) => {
                filled.push_str(&format!("{BEGIN}{name} -->\n{}\n", section(table)));
            }
            // Not measured yet: it stays as it is.
            None => filled.push_str(&place[..end]),
        }
        rest = &place[end..];
        let (end, after) = rest.split_at(END.len());
        filled.push_str(end);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn section(table: &Table) -> String {
    let Table {
        case, title, taken, ..
    } = table;
    format!(
        "### {title}\n\n![{title}](pictures/performance-{case}.svg)\n\n{}\n{taken}.",
        table.markdown()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::table::tests::sample;

    #[test]
    fn old_figures_are_replaced_and_words_around_them_stay() {
        let document = "before\n<!-- figures: push -->\nold\n<!-- end of figures -->\nafter\n";
        let filled = fill(document, &[sample()]).unwrap();
        let head = "before\n<!-- figures: push -->\n### Push\n\n![Push](pictures/performance-push.svg)\n\n| server |";
        assert!(filled.starts_with(head), "{filled}");
        let tail = "2026-11-30, on a machine.\n<!-- end of figures -->\nafter\n";
        assert!(filled.ends_with(tail), "{filled}");
        assert!(!filled.contains("old"));
        assert_eq!(fill(&filled, &[sample()]).unwrap(), filled);
    }

    #[test]
    fn a_place_without_figures_stays_as_it_is() {
        let document = "<!-- figures: idle -->\nold\n<!-- end of figures -->\n";
        assert_eq!(fill(document, &[sample()]).unwrap(), document);
    }

    #[test]
    fn a_place_without_an_end_is_named() {
        for rest in ["", "<!-- figures: idle -->\n<!-- end of figures -->\n"] {
            let open = format!("<!-- figures: push -->\n{rest}");
            let error = fill(&open, &[sample()]).unwrap_err().to_string();
            assert_eq!(error, "the figures of push have no end");
        }
    }
}
