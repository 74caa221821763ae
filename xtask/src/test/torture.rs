//! A minute of `cargo xtask torture`, with the debug builds of the tests.

use std::process::Command;

use anyhow::Result;

use super::{Outcome, Workshop, outcome};

/// Runs every row at least once. `cargo xtask torture` runs the long version.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        println!("this needs Linux");
        return Ok(Outcome::passed());
    }
    let programs = workshop.programs()?;
    let mut torture = Command::new(programs.folder().join("mensageiro-torture"));
    torture.arg("--server").arg(&programs.server);
    outcome::run_program("mensageiro-torture", torture.args(["--minutes", "1"]))
}
