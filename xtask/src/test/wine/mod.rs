//! The programs for Windows, built here and run by Wine: the server's own tests, two apps that talk, and the installer.
//!
//! Wine is not Windows. Files, locks, sockets and renames are close to it. docs/RELIABILITY.md says what it cannot show.

mod apps;
mod console;
mod installer;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
};

use anyhow::{Context, Result, bail};

use super::{Outcome, check, outcome};
use crate::{
    cargo,
    cross::{self, Target},
    setup::{self, Need},
    wine::Wine,
};

/// The server's tests that are run, from `server/tests`: those in which files, locks, sockets, renames and processes take part.
const TESTS: [&str; 9] = [
    "transcripts",
    "kill",
    "windows",
    "users",
    "edits",
    "archive_edits",
    "closed",
    "tls",
    "program",
];

/// How many of them run at a time.
const AT_A_TIME: usize = 3;

/// How many times kill.rs kills the server here.
const KILLS: &str = "20";

/// Built as fast as can be: the code of others is optimized elsewhere, and nobody debugs this.
const FAST: [&str; 8] = [
    "--config",
    "profile.dev.package.\"*\".opt-level=0",
    "--config",
    "profile.dev.debug=false",
    "--config",
    "profile.dev.strip=\"symbols\"",
    // As it is shipped, without a console.
    "--config",
    "profile.dev.debug-assertions=false",
];

/// The programs and tests for Windows.
struct Built {
    server: PathBuf,
    app: PathBuf,
    tests: Vec<(&'static str, PathBuf)>,
}

/// Builds for Windows and runs it, where the system has what that needs.
pub fn run() -> Result<Outcome> {
    let needs = [Need::Wine, Need::Installer, Need::HiddenWindows];
    let built = setup::prepare(&needs).and_then(|()| build());
    let built = match built {
        Ok(built) => built,
        Err(why) if !cfg!(target_os = "linux") || !setup::is_debian() => {
            println!("left out: {why:#}");
            return Ok(Outcome::default());
        }
        Err(why) => return Err(why),
    };
    let wine = Wine::new()?;
    let mut outcome = run_tests(&wine, &built.tests)?;
    outcome = outcome.and(console::run(&wine, &built.server));
    outcome = outcome.and(apps::run(&wine, &built.server, &built.app)?);
    drop(wine);
    Ok(outcome.and(installer::run(&built.server, &built.app)?))
}

fn build() -> Result<Built> {
    let tests: Vec<_> = TESTS.iter().flat_map(|name| ["--test", name]).collect();
    let packages = ["-p", "mensageiro-server", "-p", "mensageiro", "--bins"];
    let arguments = [&packages[..], &tests, &FAST].concat();
    let mut built = cross::build(
        Target::Windows,
        &arguments,
        &[("CARGO_INCREMENTAL", "0".to_owned())],
    )?;
    let mut take = |name: &str| {
        let program = built.remove(name);
        program.with_context(|| format!("cargo built no {name}"))
    };
    let tests = TESTS.iter().map(|&name| Ok((name, take(name)?)));
    Ok(Built {
        tests: tests.collect::<Result<_>>()?,
        server: take("mensageiro-server")?,
        app: take("mensageiro")?,
    })
}

/// Runs them, some at a time: they wait more than they compute.
fn run_tests(wine: &Wine, tests: &[(&'static str, PathBuf)]) -> Result<Outcome> {
    let waiting = Mutex::new(tests.iter());
    let run_next = || -> Result<Outcome> {
        let mut outcome = Outcome::default();
        loop {
            let next = waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .next();
            let Some((name, program)) = next else {
                return Ok(outcome);
            };
            outcome = outcome.and(run_test(wine, name, program)?);
        }
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(run_next)).collect();
        running
            .into_iter()
            .try_fold(Outcome::default(), |sum, run| {
                let done = run.join().unwrap_or_else(|_| bail!("a thread panicked"));
                Ok(sum.and(done?))
            })
    })
}

/// Runs a test program as cargo does.
fn run_test(wine: &Wine, name: &str, program: &Path) -> Result<Outcome> {
    let mut command = wine.command(program);
    command
        .current_dir(cargo::root().join("server"))
        .env("MENSAGEIRO_KILLS", KILLS)
        .env("CARGO_MANIFEST_DIR", cargo::root().join("server"));
    outcome::run_program(name, &mut command)
}
