//! The Python clients, started by their own checks.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::{Outcome, Workshop, count};
use crate::cargo;

/// The name of Python 3 here.
pub const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// Classic clients of every style with every other, then live ones, through the real server.
const CHECKS: [&str; 2] = ["check_clients.py", "check_live.py"];

/// Runs the checks of `tests/clients`.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    let server = &workshop.programs()?.server;
    let mut outcome = Outcome::default();
    for check in CHECKS {
        outcome = outcome.and(run_one(check, server)?);
    }
    Ok(outcome)
}

fn run_one(check: &str, server: &Path) -> Result<Outcome> {
    let mut child = Command::new(PYTHON)
        .arg("-B")
        .arg(cargo::root().join("tests/clients").join(check))
        .arg(server)
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start Python 3")?;
    let said = child.stdout.take().context("Python has no output")?;
    let mut outcome = Outcome::default();
    for line in BufReader::new(said).lines() {
        let line = line?;
        println!("{line}");
        if !line.starts_with("ok ") {
            outcome = outcome.and(count(&line));
        }
    }
    if !child.wait()?.success() && outcome.failed == 0 {
        bail!("{check} ended early");
    }
    Ok(outcome)
}
