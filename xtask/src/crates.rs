//! What cargo knows of the crates that the programs are linked from.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::cargo;

/// Name and version of a crate.
pub type Name = (String, String);

/// A crate of the dependency graph.
#[derive(Clone, Debug, Default)]
pub struct Crate {
    /// What cargo calls it in its graph.
    pub id: String,
    /// Its licence, as an expression of SPDX.
    pub license: String,
    /// Where its sources are developed; may be empty.
    pub repository: String,
    /// What it is, in a sentence; may be empty.
    pub description: String,
    /// Where its sources are on this computer.
    pub folder: PathBuf,
    /// The SHA-256 of the file that the registry has of it; none for our own.
    pub checksum: Option<String>,
    /// The crates that it needs on the asked system, by their id.
    pub needs: Vec<String>,
}

/// All crates of the workspace, for a system or for all of them.
pub fn all(triple: Option<&str>) -> Result<BTreeMap<Name, Crate>> {
    let mut arguments = vec!["metadata", "--locked", "--format-version", "1"];
    if let Some(triple) = triple {
        arguments.extend(["--filter-platform", triple]);
    }
    let metadata: Value = serde_json::from_str(&output(&arguments)?)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let nodes = list(&metadata["resolve"]["nodes"]).into_iter();
    let needs = |node: &Value| list(&node["dependencies"]).iter().map(text).collect();
    let mut graph: BTreeMap<String, Vec<String>> = nodes
        .map(|node| (text(&node["id"]), needs(&node)))
        .collect();
    let mut checksums = checksums()?;
    let packages = list(&metadata["packages"]).into_iter().map(|package| {
        let name = (text(&package["name"]), text(&package["version"]));
        let id = text(&package["id"]);
        let manifest = PathBuf::from(text(&package["manifest_path"]));
        let described = Crate {
            // Cargo's older form of an alternative is not one of SPDX.
            license: text(&package["license"])
                .replace(" / ", " OR ")
                .replace('/', " OR "),
            repository: text(&package["repository"]),
            description: text(&package["description"]),
            folder: manifest.parent().unwrap_or(Path::new("")).to_owned(),
            checksum: checksums.remove(&name),
            needs: graph.remove(&id).unwrap_or_default(),
            id,
        };
        (name, described)
    });
    Ok(packages.collect())
}

/// The crates whose code is in a program that is built for a system: not those that only build or test
/// it.
pub fn linked(package: &str, triple: &str) -> Result<BTreeSet<Name>> {
    let tree = output(&[
        "tree",
        "--locked",
        "--package",
        package,
        "--target",
        triple,
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ])?;
    let name = |line: &str| {
        let mut words = line.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        Some((name.to_owned(), version.to_owned()))
    };
    let lines = tree.lines().filter(|line| !line.is_empty());
    let names = lines.map(|line| name(line).with_context(|| format!("cargo tree says {line:?}")));
    names.collect()
}

/// The checksums that Cargo.lock has.
fn checksums() -> Result<BTreeMap<Name, String>> {
    let lock = fs::read_to_string(cargo::root().join("Cargo.lock"))?;
    let packages = lock.split("[[package]]").skip(1);
    let value = |package: &str, name: &str| {
        let mut lines = package.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""))?;
        Some(value.trim_end_matches('"').to_owned())
    };
    let read = packages.filter_map(|package| {
        let name = (value(package, "name")?, value(package, "version")?);
        Some((name, value(package, "checksum")?))
    });
    Ok(read.collect())
}

fn output(arguments: &[&str]) -> Result<String> {
    let mut cargo = cargo::command();
    let output = cargo
        .args(arguments)
        .output()
        .context("cannot start cargo")?;
    ensure!(
        output.status.success(),
        "cargo {}: {}",
        arguments[0],
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}
