//! `cargo xtask test`: runs every check, one after the other, and prints a summary.

mod bench;
mod clients;
mod dead_link;
mod delivery;
mod dependencies;
mod docs;
mod languages;
mod maximized;
mod monitoring;
mod outage;
mod outcome;
mod packages;
mod torture;
mod tutorial;
mod wayland;
mod windows;
mod wine;

use std::{cell::OnceCell, process::ExitCode, time::Instant};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

pub use self::outcome::{Outcome, check};
use crate::{
    cargo::{self, Programs, Scope},
    setup::{self, Need},
};

/// One part of the checks.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Step {
    /// Checks that the needed system packages are installed, or installs them.
    Setup,
    /// cargo fmt --check.
    Format,
    /// Licences, sources and known faults of the crates that are used (cargo-deny).
    Dependencies,
    /// Builds the programs and all tests.
    Build,
    /// Links, pictures and languages of the documents, the clients they print, and the metrics they and the dashboard name.
    Docs,
    /// cargo test: unit, transcript, property, integration and doc tests, and the user
    /// interface driven by accessible names.
    Tests,
    /// The real app in a real window, against our server and against foreign ones.
    Windows,
    /// The real app on a Wayland display: title bar, theme, scale, clipboard, input method, notifications (needs Linux).
    Wayland,
    /// Two windows and a program written by somebody else, while the server and an app are killed;
    /// and a window whose link goes dead.
    Outage,
    /// A monkey plays with the app for half a minute.
    Monkey,
    /// Clients as students write them, every style with every other.
    Clients,
    /// Only if named: the programs for Windows, built here and run by Wine (on Debian): the server's tests, two apps, the
    /// installer.
    Wine,
    /// A minute of everything that can go wrong for the server, and attempts to get past TLS and into a closed one.
    Torture,
    /// Every benchmark of the server once, small.
    Bench,
    /// The commands of the README, the tutorials and the administrators' guide, exactly as they are printed.
    Tutorial,
    /// The zip to hand in: its size, what it holds, and that its programs build.
    Delivery,
    /// The packages for Debian and Fedora: checked by lintian and others, and the server's installed, upgraded and purged in
    /// a new Debian.
    Packages,
    /// The installed app, in a Debian that has what its package asks for; and the image for containers. It takes longer, and
    /// runs only if it is named.
    PackagesLong,
    /// cargo clippy and cargo doc, with warnings as errors.
    Lint,
}

/// Runs the named steps, or all that do not take long, to the end. Fails if any check failed.
pub fn run(steps: &[Step]) -> ExitCode {
    let all = Step::value_variants().iter().copied();
    let steps = match steps {
        [] => all.filter(|step| !step.is_long()).collect(),
        named => named.to_vec(),
    };
    let begin = Instant::now();
    let workshop = Workshop::default();
    let mut lines = Vec::new();
    let mut failures = Vec::new();
    let mut total = Outcome::default();
    for step in steps {
        let name = step.name();
        println!("\n=== {name}");
        let begin = Instant::now();
        let outcome = step.run(&workshop).unwrap_or_else(|error| {
            println!("FAILED {error:#}");
            Outcome::failed(&format!("{error:#}"))
        });
        lines.push(format!(
            "{name:<12}  {:>4} passed  {:>2} failed  {:>6.1} s",
            outcome.passed,
            outcome.failed,
            begin.elapsed().as_secs_f64(),
        ));
        let failed = outcome.failures();
        failures.extend(failed.map(|failure| format!("failed: {name} {failure}")));
        total = total.and(outcome);
    }
    println!("\n{}", lines.join("\n"));
    println!("\nall in {:.0} s", begin.elapsed().as_secs_f64());
    // Prints the failures again, because a long log may be cut in the middle.
    failures.iter().for_each(|failure| println!("{failure}"));
    println!("{} passed, {} failed", total.passed, total.failed);
    // The summary is the last line, where both people and programs look for it.
    ExitCode::from(u8::from(total.failed > 0))
}

impl Step {
    /// Whether it runs only if it is named.
    fn is_long(self) -> bool {
        matches!(self, Self::PackagesLong | Self::Wine)
    }

    fn name(self) -> String {
        let value = self.to_possible_value();
        value.map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn run(self, workshop: &Workshop) -> Result<Outcome> {
        match self {
            Self::Setup => {
                let programs = [
                    Need::HiddenWindows,
                    Need::Wayland,
                    Need::Clients,
                    Need::Torture,
                ];
                setup::prepare(&[&programs[..], packages::NEEDS].concat())?;
                Ok(Outcome::passed())
            }
            Self::Dependencies => dependencies::run(),
            Self::Format => cargo_check(&["fmt", "--all", "--check"]),
            Self::Build => workshop.programs().map(|_| Outcome::passed()),
            Self::Docs => docs::run(workshop),
            Self::Tests => in_turn(|scope| cargo_test(&[scope, &["--no-fail-fast"]].concat())),
            Self::Windows => windows::run(workshop),
            Self::Wayland => wayland::run(workshop),
            Self::Outage => Ok(outage::run(workshop)?.and(dead_link::run(workshop)?)),
            Self::Monkey => Ok(check(
                "nothing panics, gets stuck or is lost while a monkey plays",
                || crate::monkey::run(&["--minutes".into(), "0.5".into()]),
            )),
            Self::Clients => clients::run(workshop),
            Self::Wine => wine::run(),
            Self::Torture => torture::run(workshop),
            Self::Bench => bench::run(workshop),
            Self::Tutorial => tutorial::run(workshop),
            Self::Delivery => delivery::run(workshop),
            Self::Packages => packages::run(workshop),
            Self::PackagesLong => packages::run_long(workshop),
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

/// Runs it for the project, then for this program: separately, because not every system can rebuild
/// a running program, and because building both together would select other features.
fn in_turn(run: impl Fn(&[&str]) -> Result<Outcome>) -> Result<Outcome> {
    let project = run(&["--workspace", "--exclude", "xtask"])?;
    Ok(project.and(run(&["--package", "xtask"])?))
}

/// What the steps share: the programs, built once, when they are first needed.
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

/// Runs `cargo test`, prints its output, and counts the results.
fn cargo_test(arguments: &[&str]) -> Result<Outcome> {
    let name = format!("cargo test {}", arguments.join(" "));
    outcome::run_program(&name, cargo::command().arg("test").args(arguments))
}
