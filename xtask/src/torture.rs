//! `cargo xtask torture`: breaks the server in every way that docs/RELIABILITY.md lists.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{
    cargo,
    setup::{self, Need},
};

/// Builds the server and the torture program for release, and starts the latter with these
/// arguments.
pub fn run(arguments: &[String]) -> Result<()> {
    setup::prepare(&[Need::Torture])?;
    let programs = cargo::built(&[
        "--release",
        "-p",
        "mensageiro-server",
        "-p",
        "mensageiro-torture",
    ])?;
    let server = programs
        .get("mensageiro-server")
        .context("cargo built no mensageiro-server")?;
    let torture = programs
        .get("mensageiro-torture")
        .context("cargo built no mensageiro-torture")?;
    let withstood = Command::new(torture)
        .arg("--server")
        .arg(server)
        .args(arguments)
        .status();
    ensure!(
        withstood?.success(),
        "something broke; it said what and how above"
    );
    Ok(())
}
