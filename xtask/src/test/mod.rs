//! `cargo xtask test`: every check there is, one after the other, and a summary.

mod clients;
mod dead_link;
mod docs;
mod outage;
mod torture;
mod tutorial;
mod windows;

use std::{
    cell::OnceCell,
    io::{BufRead, BufReader},
    process::{ExitCode, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{
    cargo::{self, Programs, Scope},
    setup::{self, Need},
};

/// One part of the checks.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// The system packages the checks need are there or get installed.
    Setup,
    /// cargo fmt --check.
    Format,
    /// Builds the programs and all tests.
    Build,
    /// Links, pictures and the example client of the documents.
    Docs,
    /// cargo test: unit, transcript, property, integration and doc tests, and the user
    /// interface driven by accessible names.
    Tests,
    /// The real app in a real window, against our server and against foreign ones.
    Windows,
    /// Two windows and a program of somebody's own, while the server and an app are killed; and a
    /// window whose link goes dead.
    Outage,
    /// A monkey plays with the app for half a minute.
    Monkey,
    /// Clients as students write them, every style with every other.
    Clients,
    /// A minute of everything that can go wrong for the server.
    Torture,
    /// The commands of the tutorials and the README, as they stand there.
    Tutorial,
    /// cargo clippy and cargo doc, where a warning is an error.
    Lint,
}

/// What a step found.
#[derive(Clone, Copy, Default)]
pub struct Outcome {
    /// Checks that hold.
    pub passed: usize,
    /// Checks that do not.
    pub failed: usize,
}

/// Runs the steps named, or all, through to the end; fails if any check failed.
pub fn run(steps: &[Step]) -> ExitCode {
    let steps = if steps.is_empty() {
        Step::value_variants()
    } else {
        steps
    };
    let begin = Instant::now();
    let workshop = Workshop::default();
    let mut lines = Vec::new();
    let mut total = Outcome::default();
    for step in steps {
        println!("\n=== {}", step.name());
        let begin = Instant::now();
        let outcome = step.run(&workshop).unwrap_or_else(|error| {
            println!("FAILED {error:#}");
            Outcome::FAILED
        });
        total = total.and(outcome);
        lines.push(format!(
            "{:<8}  {:>4} passed  {:>2} failed  {:>6.1} s",
            step.name(),
            outcome.passed,
            outcome.failed,
            begin.elapsed().as_secs_f64(),
        ));
    }
    println!("\n{}", lines.join("\n"));
    println!("\nall in {:.0} s", begin.elapsed().as_secs_f64());
    println!("{} passed, {} failed", total.passed, total.failed);
    // The summary is the last line, so that whoever looks there, person or program, finds it.
    ExitCode::from(u8::from(total.failed > 0))
}

impl Step {
    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn run(self, workshop: &Workshop) -> Result<Outcome> {
        match self {
            Self::Setup => {
                setup::prepare(&[Need::HiddenWindows, Need::Clients, Need::Torture])?;
                Ok(Outcome::PASSED)
            }
            Self::Format => cargo_check(&["fmt", "--all", "--check"]),
            Self::Build => workshop.programs().map(|_| Outcome::PASSED),
            Self::Docs => docs::run(workshop),
            Self::Tests => in_turn(|scope| cargo_test(&[scope, &["--no-fail-fast"]].concat())),
            Self::Windows => windows::run(workshop),
            Self::Outage => Ok(outage::run(workshop)?.and(dead_link::run(workshop)?)),
            Self::Monkey => Ok(check(
                "nothing panics, gets stuck or is lost while a monkey plays",
                || crate::monkey::run(&["--minutes".into(), "0.5".into()]),
            )),
            Self::Clients => clients::run(workshop),
            Self::Torture => torture::run(workshop),
            Self::Tutorial => tutorial::run(workshop),
            Self::Lint => in_turn(|scope| {
                let clippy = [
                    &["clippy", "--all-targets"],
                    scope,
                    &["--", "-D", "warnings"],
                ];
                let doc = [&["doc", "--no-deps"], scope];
                Ok(cargo_check(&clippy.concat())?.and(cargo_check(&doc.concat())?))
            }),
        }
    }
}

/// Does it for the project, then for this program: apart, since a running program cannot be
/// built anew everywhere, and since together they would be built with other features.
fn in_turn(run: impl Fn(&[&str]) -> Result<Outcome>) -> Result<Outcome> {
    let project = run(&["--workspace", "--exclude", "xtask"])?;
    Ok(project.and(run(&["--package", "xtask"])?))
}

impl Outcome {
    /// One check that holds.
    pub const PASSED: Self = Self {
        passed: 1,
        failed: 0,
    };

    /// One check that does not.
    pub const FAILED: Self = Self {
        passed: 0,
        failed: 1,
    };

    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
        }
    }
}

/// What the steps share: the programs, built once, when first wanted.
#[derive(Default)]
pub struct Workshop {
    programs: OnceCell<Programs>,
}

impl Workshop {
    /// The programs, with everything else that `cargo test` needs.
    pub fn programs(&self) -> Result<&Programs> {
        if let Some(programs) = self.programs.get() {
            return Ok(programs);
        }
        let programs = cargo::build(Scope::Everything)?;
        Ok(self.programs.get_or_init(|| programs))
    }
}

/// Runs one named check and says how it went.
pub fn check(name: &str, run: impl FnOnce() -> Result<()>) -> Outcome {
    match run() {
        Ok(()) => {
            println!("ok     {name}");
            Outcome::PASSED
        }
        Err(error) => {
            println!("FAILED {name}: {error:#}");
            Outcome::FAILED
        }
    }
}

fn cargo_check(arguments: &[&str]) -> Result<Outcome> {
    let name = format!("cargo {}", arguments.join(" "));
    Ok(check(&name, || {
        let mut cargo = cargo::command();
        cargo.args(arguments).env("RUSTDOCFLAGS", "-D warnings");
        if !cargo.status().context("cannot start cargo")?.success() {
            bail!("it says why above");
        }
        Ok(())
    }))
}

/// Runs `cargo test`, passes on what it says, and counts.
fn cargo_test(arguments: &[&str]) -> Result<Outcome> {
    let mut cargo = cargo::command();
    cargo.arg("test").args(arguments).stdout(Stdio::piped());
    let mut child = cargo.spawn().context("cannot start cargo")?;
    let said = child.stdout.take().context("cargo has no output")?;
    let mut total = Outcome::default();
    for line in BufReader::new(said).lines() {
        let line = line?;
        println!("{line}");
        total = total.and(count(&line));
    }
    if !child.wait()?.success() && total.failed == 0 {
        println!("FAILED cargo test {}", arguments.join(" "));
        total = total.and(Outcome::FAILED);
    }
    Ok(total)
}

/// Reads `… 12 passed; 0 failed; 1 ignored; …`, or `12 passed, 0 failed`. A test that is ignored
/// counts as failed: nothing may be left out in silence.
fn count(line: &str) -> Outcome {
    let mut outcome = Outcome::default();
    if !line.contains(" passed") {
        return outcome;
    }
    let words: Vec<&str> = line
        .split([' ', ';', ','])
        .filter(|word| !word.is_empty())
        .collect();
    for pair in words.windows(2) {
        let number = pair[0].parse().unwrap_or(0);
        match pair[1] {
            "passed" => outcome.passed += number,
            "failed" | "ignored" => outcome.failed += number,
            _ => {}
        }
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: (usize, usize)) {
        let outcome = count(line);
        assert_eq!((outcome.passed, outcome.failed), expected, "{line}");
    }

    #[test]
    fn what_test_programs_say_is_counted() {
        check(
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out",
            (12, 0),
        );
        check("test result: FAILED. 3 passed; 2 failed; 1 ignored", (3, 3));
        check("21 passed, 1 failed", (21, 1));
        check("running 3 tests", (0, 0));
        check("test wrong_password_is_failed ... ok", (0, 0));
    }
}
