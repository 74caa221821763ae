//! Checks the documents: links lead somewhere, named tests exist, the printed clients work, both languages say the same, and
//! what watches a server watches what there is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

use super::{Outcome, Workshop, check, clients::PYTHON, languages, monitoring};
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

/// The documents that print it.
const CLIENTS: &[&str] = &["docs/PROTOCOL.md", "docs/PROTOCOL.pt-BR.md"];

/// Checks every document, then what they print and describe.
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
        outcome = outcome.and(check(
            &format!("versions of files in {}", name.display()),
            || check_versions(&fs::read_to_string(&document)?),
        ));
    }
    for document in CLIENTS {
        outcome = outcome.and(check(
            &format!("the client printed in {document} talks"),
            || run_printed_client(workshop, document),
        ));
    }
    Ok(outcome
        .and(languages::run())
        .and(monitoring::run(workshop)?))
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

/// Every file of a release that a document names is one of this version.
fn check_versions(text: &str) -> Result<()> {
    let files = text
        .split(['`', ' ', '/'])
        .filter(|word| word.starts_with("mensageiro"));
    for file in files {
        let parts = file.split(['-', '_']);
        let version = parts
            .map(|part| part.trim_end_matches(char::is_alphabetic))
            .find(|part| is_version(part));
        ensure!(
            version.is_none_or(|version| version == env!("CARGO_PKG_VERSION")),
            "{file} is of another version than {}",
            env!("CARGO_PKG_VERSION")
        );
    }
    Ok(())
}

fn is_version(word: &str) -> bool {
    let numbers = word.split('.');
    numbers.clone().count() == 3 && numbers.clone().all(|number| number.parse::<u32>().is_ok())
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
fn run_printed_client(workshop: &Workshop, document: &str) -> Result<()> {
    let text = fs::read_to_string(cargo::root().join(document))
        .with_context(|| format!("cannot read {document}"))?;
    let fences = fences::of(&text);
    let client = fences
        .iter()
        .find(|fence| fence.language() == "python")
        .context("it has no Python block")?;
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
    fn files_of_other_versions_are_noticed() {
        let now = env!("CARGO_PKG_VERSION");
        for file in [
            "mensageiro_X_amd64.deb",
            "mensageiro-X-1.x86_64.rpm",
            "mensageiro-X-windows-x86_64.zip",
        ] {
            check_versions(&format!("`{}`", file.replace('X', now))).unwrap();
            assert!(
                check_versions(&format!("`./{}`", file.replace('X', "0.0.7"))).is_err(),
                "{file}"
            );
        }
    }

    #[test]
    fn headings_are_anchors() {
        let document = "# When is it *read*?\n```\n# no heading\n```\n## Over `nc`";
        assert_eq!(anchors(document), ["when-is-it-read", "over-nc"]);
    }
}
