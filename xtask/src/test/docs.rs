//! Checks the documents: links lead somewhere, named tests exist, and the printed client works.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use super::{Outcome, Workshop, check, clients::PYTHON};
use crate::{
    cargo, fences,
    process::Process,
    server::{Data, Server},
    wire::{self, Style},
};

/// How long the printed client may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The length of that client according to README.md.
const PROMISED_LINES: usize = 15;

/// Checks every document, then the client that docs/PROTOCOL.md prints.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    for document in documents(cargo::root())? {
        let name = document.strip_prefix(cargo::root()).unwrap_or(&document);
        outcome = outcome.and(check(
            &format!("links and pictures of {}", name.display()),
            || check_links(&document),
        ));
        outcome = outcome.and(check(
            &format!("tests that {} names", name.display()),
            || check_tests(&document),
        ));
    }
    Ok(outcome.and(check(
        "the client printed in docs/PROTOCOL.md talks",
        || run_printed_client(workshop),
    )))
}

/// Every document of the project, or of another one like it.
pub fn documents(project: &Path) -> Result<Vec<PathBuf>> {
    let mut documents = Vec::new();
    for folder in ["", "docs", "docs/log"] {
        for entry in fs::read_dir(project.join(folder))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    documents.sort();
    Ok(documents)
}

/// Every link of a document leads to a file and a heading that exist.
pub fn check_links(document: &Path) -> Result<()> {
    let text = fs::read_to_string(document)?;
    let folder = document.parent().context("a document is in a folder")?;
    let mut broken = Vec::new();
    for link in links(&fences::prose(&text)) {
        let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
        let target = if file.is_empty() {
            document.to_owned()
        } else {
            folder.join(file)
        };
        let leads_somewhere = target.exists()
            && (anchor.is_empty()
                || anchors(&fs::read_to_string(target)?).contains(&anchor.into()));
        if !leads_somewhere {
            broken.push(link);
        }
    }
    if !broken.is_empty() {
        bail!("these lead nowhere: {}", broken.join(", "));
    }
    Ok(())
}

/// Every test that a document links to by name exists.
fn check_tests(document: &Path) -> Result<()> {
    let text = fs::read_to_string(document)?;
    let folder = document.parent().context("a document is in a folder")?;
    for (name, file) in tests(&text) {
        let source = fs::read_to_string(folder.join(&file))
            .with_context(|| format!("{name}: cannot read {file}"))?;
        ensure!(
            source.contains(&format!("fn {name}(")),
            "{file} has no test {name}"
        );
    }
    Ok(())
}

/// Links of the form ``[`name`](file.rs)``: the name and the file.
fn tests(text: &str) -> Vec<(String, String)> {
    let links = text.split("[`").skip(1);
    links
        .filter_map(|link| {
            let (name, rest) = link.split_once("`](")?;
            let (file, _) = rest.split_once(')')?;
            let is_test = file.ends_with(".rs") && !name.contains('\n');
            is_test.then(|| (name.to_owned(), file.to_owned()))
        })
        .collect()
}

/// The links of a document that lead to a file or a heading of the project.
fn links(prose: &str) -> Vec<String> {
    let ends = prose.split("](").skip(1);
    let targets = ends.filter_map(|rest| rest.split([')', ' ']).next());
    targets
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .map(str::to_owned)
        .collect()
}

/// The anchors of a document's headings, in the form that GitHub uses.
fn anchors(document: &str) -> Vec<String> {
    let prose = fences::prose(document);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|heading| {
            let title = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// Saves the Python block, lets Ana poll and write with it, and checks that Bruno gets her message.
fn run_printed_client(workshop: &Workshop) -> Result<()> {
    let document = fs::read_to_string(cargo::root().join("docs/PROTOCOL.md"))
        .context("cannot read docs/PROTOCOL.md")?;
    let fences = fences::of(&document);
    let client = fences
        .iter()
        .find(|fence| fence.language() == "python")
        .context("docs/PROTOCOL.md has no Python block")?;
    let lines = client.text.lines().count();
    ensure!(lines <= PROMISED_LINES, "it has {lines} lines");
    let data = Data::copy()?;
    let server = Server::start(
        &workshop.programs()?.server,
        data.path(),
        "127.0.0.1:0",
        false,
    )?;
    wire::Client::log_in(Style::Line, &server.address, "bruno")?.say("@ana olá, às 10")?;
    let file = data.home().join("client.py");
    fs::write(&file, &client.text)?;
    let (host, port) = server.address.split_once(':').context("no port")?;
    let mut python = Command::new(PYTHON);
    python
        .args(["-X", "utf8"])
        .arg(file)
        .args([host, port, "ana"]);
    let mut ana = Process::start_with_input("the client", &mut python, "@bruno já vou\n")?;
    ana.succeed(PATIENCE)?;
    let shown = ana.said();
    ensure!(shown == "@bruno olá, às 10", "it shows {shown:?}");
    let bruno = wire::Client::log_in(Style::Line, &server.address, "bruno")?;
    ensure!(
        bruno.messages == ["@ana já vou"],
        "Bruno gets {:?}",
        bruno.messages
    );
    server.stop()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_into_the_project_are_followed() {
        let prose = "[a](b.md#c) ![d](e.png) [f](https://example.org) [g](#h)";
        assert_eq!(links(prose), ["b.md#c", "e.png", "#h"]);
    }

    #[test]
    fn tests_are_links_to_sources() {
        let text = "[`a_b`](../x.rs), [`c`](d.md) and [`e_f`](g/h.rs)";
        let expected = [("a_b", "../x.rs"), ("e_f", "g/h.rs")];
        assert_eq!(
            tests(text),
            expected.map(|(name, file)| (name.to_owned(), file.to_owned()))
        );
    }

    #[test]
    fn headings_are_anchors() {
        let document = "# When is it *read*?\n```\n# no heading\n```\n## Over `nc`";
        assert_eq!(anchors(document), ["when-is-it-read", "over-nc"]);
    }
}
