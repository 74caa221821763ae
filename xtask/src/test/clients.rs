//! The Python clients, started by their own check.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::{Outcome, Workshop, count};
use crate::cargo;

/// The name of Python 3 here.
pub const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// Lets every style of client talk with every other through the real server.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    let mut child = Command::new(PYTHON)
        .arg("-B")
        .arg(cargo::root().join("tests/clients/check_clients.py"))
        .arg(&workshop.programs()?.server)
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
        bail!("check_clients.py ended early");
    }
    Ok(outcome)
}
