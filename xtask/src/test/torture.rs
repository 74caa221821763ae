//! A minute of `cargo xtask torture`, with the debug builds of the tests.

use std::process::Command;

use anyhow::Result;

use super::{Outcome, Workshop, outcome};

/// The rows of `trust` that judge no times: those hold on a slow day, too.
const TRUST: [&str; 13] = [
    "middle",
    "relay",
    "plain",
    "joins",
    "race",
    "swapped",
    "codes",
    "revoked",
    "certificate",
    "clock",
    "kill",
    "damaged",
    "at once",
];

/// Runs every row at least once, and those of [`TRUST`]. `cargo xtask torture` runs the long version.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        println!("this needs Linux");
        return Ok(Outcome::passed());
    }
    let programs = workshop.programs()?;
    let run = |name, arguments: &[&str]| {
        let mut torture = Command::new(programs.folder().join("mensageiro-torture"));
        torture.arg("--server").arg(&programs.server);
        outcome::run_program(name, torture.args(arguments))
    };
    let faults = run("mensageiro-torture", &["--minutes", "1"])?;
    let trust = [&["--minutes", "0.2", "trust"], &TRUST[..]].concat();
    Ok(faults.and(run("mensageiro-torture trust", &trust)?))
}
