//! Every benchmark of the server, with the debug builds of the tests: whether it runs, not how fast.

use std::process::Command;

use anyhow::Result;

use super::{Outcome, Workshop, outcome};

/// Runs all of them once, with small numbers. `cargo xtask bench` measures.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    let programs = workshop.programs()?;
    let mut bench = Command::new(programs.folder().join("mensageiro-bench"));
    bench.arg("--server").arg(&programs.server).arg("--quick");
    outcome::run_program("mensageiro-bench", &mut bench)
}
