//! Runs the checks of the Python clients.

use std::{path::Path, process::Command};

use anyhow::Result;

use super::{Outcome, Workshop, outcome};
use crate::cargo;

/// The name of Python 3 here.
pub const PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// First classic clients of every style with every other, then live ones, then classic ones with program keys, through the real
/// server.
const CHECKS: [&str; 3] = ["check_clients.py", "check_live.py", "check_closed.py"];

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
    let path = cargo::root().join("tests/clients").join(check);
    outcome::run_program(check, Command::new(PYTHON).arg("-B").arg(path).arg(server))
}
