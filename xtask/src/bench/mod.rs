//! `cargo xtask bench`: how fast and how large everything is, built for release.

mod frames;
mod window;

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cargo;

/// The measures of the app; all others are the load generator's.
const APP: [&str; 2] = ["window", "frames"];

/// Builds and measures what the arguments name, or everything; what is not for the app goes to the
/// load generator.
pub fn run(arguments: &[String]) -> Result<()> {
    let is_name = |argument: &&String| argument.starts_with(|c: char| c.is_ascii_lowercase());
    let is_app = |argument: &&String| APP.contains(&argument.as_str());
    let named: Vec<_> = arguments.iter().filter(is_name).collect();
    if named.is_empty() || !named.iter().all(is_app) {
        let rest: Vec<_> = arguments.iter().filter(|one| !is_app(one)).collect();
        measure_server(&rest)?;
    }
    let is_wanted = |name: &str| named.is_empty() || named.iter().any(|one| *one == name);
    if is_wanted("frames") {
        frames::measure()?;
    }
    if is_wanted("window") {
        window::measure()?;
    }
    Ok(())
}

fn measure_server(arguments: &[&String]) -> Result<()> {
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
