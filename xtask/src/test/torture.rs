//! A minute of `cargo xtask torture`, with the programs as the tests have them.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::{Outcome, Workshop, count};

/// Every row at least once; the long version is `cargo xtask torture`.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        println!("this needs Linux");
        return Ok(Outcome::PASSED);
    }
    let programs = workshop.programs()?;
    let mut child = Command::new(programs.folder().join("mensageiro-torture"))
        .arg("--server")
        .arg(&programs.server)
        .args(["--minutes", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start mensageiro-torture")?;
    let said = child.stdout.take().context("no output")?;
    let mut outcome = Outcome::default();
    for line in BufReader::new(said).lines() {
        let line = line?;
        println!("{line}");
        if !line.starts_with('|') {
            outcome = outcome.and(count(&line));
        }
    }
    if !child.wait()?.success() && outcome.failed == 0 {
        bail!("mensageiro-torture ended early");
    }
    Ok(outcome)
}
