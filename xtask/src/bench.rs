//! `cargo xtask bench`: the load generator against the server, both built for release.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cargo;

/// Builds both and measures; `arguments` go to the load generator.
pub fn run(arguments: &[String]) -> Result<()> {
    let programs = cargo::built(&[
        "--release",
        "-p",
        "mensageiro-server",
        "-p",
        "mensageiro-bench",
    ])?;
    let server = programs
        .get("mensageiro-server")
        .context("cargo built no mensageiro-server")?;
    let bench = programs
        .get("mensageiro-bench")
        .context("cargo built no mensageiro-bench")?;
    let measured = Command::new(bench)
        .arg("--server")
        .arg(server)
        .args(arguments)
        .status();
    ensure!(
        measured?.success(),
        "the measuring failed; it said why above"
    );
    Ok(())
}
