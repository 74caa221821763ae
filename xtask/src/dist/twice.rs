//! Whether the same sources give the same bytes in another folder.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};

use super::{CHECKSUMS, Product};
use crate::{cargo, source};

/// The other folder: a clone, whose path is of another length.
const FOLDER: &str = "target/another-folder/clone";

/// Makes these products in a clone, and compares the checksums of all that are in both.
pub fn compare(products: &[Product]) -> Result<()> {
    let root = cargo::root();
    let changes = source::git(root, &["status", "--porcelain", "--untracked-files=no"]);
    ensure!(
        changes
            .context("a clone is needed, and git cannot make one of this folder")?
            .is_empty(),
        "commit your changes first: the other folder is a clone of the last commit"
    );
    let clone = root.join(FOLDER);
    if clone.exists() {
        fs::remove_dir_all(&clone)?;
    }
    println!("\n=== once more, in {}", clone.display());
    run(Command::new("git")
        .args(["clone", "--quiet"])
        .arg(root)
        .arg(&clone))?;
    let mut again = cargo::command();
    again
        .current_dir(&clone)
        .args(["xtask", "dist"])
        .args(products.iter().map(|product| product.name()));
    // Otherwise it would build here.
    again.env_remove("CARGO_TARGET_DIR");
    run(&mut again)?;
    let (first, second) = (sums(root)?, sums(&clone)?);
    let of_both = first.lines().filter(|line| {
        let name = line.split_once("  ").map(|(_, name)| name);
        products.is_empty()
            || second
                .lines()
                .any(|line| line.split_once("  ").map(|(_, name)| name) == name)
    });
    let mut differing = Vec::new();
    for line in of_both {
        if !second.lines().any(|other| other == line) {
            differing.push(line.split_once("  ").map_or(line, |(_, name)| name));
        }
    }
    if !differing.is_empty() {
        bail!(
            "these are not the same bytes in {FOLDER}/target/dist: {}",
            differing.join(", ")
        );
    }
    println!("\nthe same bytes in both folders");
    fs::remove_dir_all(&clone)?;
    Ok(())
}

fn sums(root: &Path) -> Result<String> {
    let path = root.join("target/dist").join(CHECKSUMS);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().context("cannot start it")?;
    ensure!(status.success(), "{command:?} failed; it said why above");
    Ok(())
}
