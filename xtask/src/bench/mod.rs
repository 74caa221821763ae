//! `cargo xtask bench`: how fast and how large everything is, built for release.

mod frames;
mod window;

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cargo;

/// The measures of the app. All others belong to the load generator.
const APP: [&str; 2] = ["window", "frames"];

/// Options for which only the load generator is meant, when nothing is named.
const SERVER_ONLY: [&str; 4] = ["--draw", "--long", "--profile", "--quick"];

/// Builds and measures what the arguments name, or everything. What is not for the app goes to the
/// load generator.
pub fn run(arguments: &[String]) -> Result<()> {
    let is_name = |argument: &&String| argument.starts_with(|c: char| c.is_ascii_lowercase());
    let is_app = |argument: &&String| APP.contains(&argument.as_str());
    let named: Vec<_> = arguments.iter().filter(is_name).collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    if named.is_empty() || !named.iter().all(is_app) {
        let rest: Vec<_> = arguments.iter().filter(|one| !is_app(one)).collect();
        measure_server(&rest, has("--draw"))?;
    }
    let is_everything = named.is_empty() && !SERVER_ONLY.iter().any(|option| has(option));
    let is_wanted = |name: &str| is_everything || named.iter().any(|one| *one == name);
    if is_wanted("frames") {
        frames::measure()?;
    }
    if is_wanted("window") {
        window::measure()?;
    }
    Ok(())
}

/// Runs the load generator. What it finds goes to `target/bench`, or with `--docs` to `docs`.
fn measure_server(arguments: &[&String], draws_only: bool) -> Result<()> {
    let mut build = vec!["--release", "-p", "mensageiro-bench"];
    if !draws_only {
        build.extend(["-p", "mensageiro-server"]);
    }
    let programs = cargo::built(&build)?;
    let bench = programs
        .get("mensageiro-bench")
        .context("cargo built no mensageiro-bench")?;
    let own = bench.parent().context("a program is in a folder")?;
    let own = own.with_file_name("bench");
    let mut command = Command::new(bench);
    if let Some(server) = programs.get("mensageiro-server") {
        command.arg("--server").arg(server);
    }
    let mut results = Some(own.clone());
    for &argument in arguments {
        match argument.as_str() {
            "--docs" => results = Some(cargo::root().join("docs")),
            "--profile" => {
                command.arg(argument).arg(own.join("profiles"));
                results = None;
            }
            "--quick" => {
                command.arg(argument);
                results = None;
            }
            _ => {
                command.arg(argument);
            }
        }
    }
    if let Some(folder) = results {
        command.arg("--into").arg(folder);
    }
    ensure!(
        command.status()?.success(),
        "the measuring failed; the error is above"
    );
    Ok(())
}
