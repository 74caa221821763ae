//! The results: stored in a file, written into documents, drawn as charts.

mod chart;
mod document;
mod machine;
mod table;

use std::{fs, path::Path};

use anyhow::Context;

pub use machine::describe;
pub use table::{Row, Table, grouped};

/// The file of figures in a folder of results.
const FIGURES: &str = "performance.json";

/// The document in that folder that gets the tables, if it exists.
const DOCUMENT: &str = "PERFORMANCE.md";

/// The subfolder for the charts.
const PICTURES: &str = "pictures";

/// Puts a table into the folder's file of figures. It replaces an older one of the same case.
///
/// # Errors
/// If the existing file is not ours, or the new one cannot be written.
pub fn keep(folder: &Path, table: Table) -> anyhow::Result<()> {
    let mut tables = read(folder)?;
    match tables.iter_mut().find(|old| old.case == table.case) {
        Some(old) => *old = table,
        None => tables.push(table),
    }
    let lines: Vec<_> = tables
        .iter()
        .map(serde_json::to_string)
        .collect::<Result<_, _>>()?;
    let text = format!("[\n{}\n]\n", lines.join(",\n"));
    fs::create_dir_all(folder)?;
    let file = folder.join(FIGURES);
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Draws the charts of all figures in a folder, and fills the tables of its document.
///
/// # Errors
/// If a file cannot be read or written.
pub fn draw(folder: &Path) -> anyhow::Result<()> {
    let tables = read(folder)?;
    let pictures = folder.join(PICTURES);
    fs::create_dir_all(&pictures)?;
    let mut charts: Vec<_> = tables
        .iter()
        .map(|table| (table.case.as_str(), chart::of_table(table)))
        .collect();
    if let Some(push) = tables.iter().find(|table| table.case == "push") {
        charts.push(("summary", chart::of_rates(push)));
    }
    for (name, chart) in charts {
        let file = pictures.join(format!("performance-{name}.svg"));
        fs::write(&file, chart?).with_context(|| format!("cannot write {}", file.display()))?;
    }
    let document = folder.join(DOCUMENT);
    if document.exists() {
        let text = document::fill(&fs::read_to_string(&document)?, &tables)?;
        fs::write(&document, text)?;
    }
    Ok(())
}

fn read(folder: &Path) -> anyhow::Result<Vec<Table>> {
    let file = folder.join(FIGURES);
    if !file.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&file)?;
    serde_json::from_str(&text).with_context(|| {
        let file = file.display();
        format!("{file} holds no figures of this program; delete it to begin a new one")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use table::tests::sample;

    #[test]
    fn a_case_measured_again_takes_the_place_of_its_old_figures() {
        let folder = tempfile::tempdir().unwrap();
        let mut idle = sample();
        idle.case = "idle".into();
        keep(folder.path(), sample()).unwrap();
        keep(folder.path(), idle).unwrap();
        let mut newer = sample();
        newer.rows[0].figures[0] = Some(1.5);
        keep(folder.path(), newer).unwrap();
        let tables = read(folder.path()).unwrap();
        let cases: Vec<_> = tables.iter().map(|table| table.case.as_str()).collect();
        assert_eq!(cases, ["push", "idle"]);
        assert_eq!(tables[0].rows[0].figures, [Some(1.5), Some(1.5)]);
    }

    #[test]
    fn charts_and_tables_can_be_made_again_from_the_figures_alone() {
        let folder = tempfile::tempdir().unwrap();
        keep(folder.path(), sample()).unwrap();
        let document = folder.path().join(DOCUMENT);
        fs::write(
            &document,
            "<!-- figures: push -->\n<!-- end of figures -->\n",
        )
        .unwrap();
        draw(folder.path()).unwrap();
        assert!(fs::read_to_string(&document).unwrap().contains("600,000"));
        for name in ["push", "summary"] {
            let chart = folder
                .path()
                .join(format!("pictures/performance-{name}.svg"));
            assert!(fs::read_to_string(chart).unwrap().contains("</svg>"));
        }
    }

    #[test]
    fn a_foreign_file_of_figures_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FIGURES), "{\"other\": 1}").unwrap();
        let error = keep(folder.path(), sample()).unwrap_err();
        assert!(error.to_string().contains("holds no figures"), "{error}");
    }
}
