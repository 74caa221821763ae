//! The result of a part of the checks, and how to read it from the output of a test program.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use anyhow::{Context, Result};

/// The result of a part of the checks.
#[derive(Clone, Default)]
pub struct Outcome {
    /// How many checks passed.
    pub passed: usize,
    /// How many checks failed.
    pub failed: usize,
    /// The names of those that failed, as far as they are known.
    names: Vec<String>,
}

impl Outcome {
    /// One check that passed.
    pub fn passed() -> Self {
        Self {
            passed: 1,
            ..Self::default()
        }
    }

    /// One check that failed; only the first line of its name is kept.
    pub fn failed(name: &str) -> Self {
        Self {
            failed: 1,
            names: vec![name.lines().next().unwrap_or_default().to_owned()],
            ..Self::default()
        }
    }

    /// The sum of both.
    pub fn and(mut self, other: Self) -> Self {
        self.passed += other.passed;
        self.failed += other.failed;
        self.names.extend(other.names);
        self
    }

    /// One line for each failure, and one for all those without a name.
    pub fn failures(&self) -> impl Iterator<Item = String> + '_ {
        let unnamed = self.failed.saturating_sub(self.names.len());
        let unnamed = (unnamed > 0).then(|| format!("{unnamed} without a name"));
        self.names.iter().cloned().chain(unnamed)
    }

    /// Adds what one line of a test program reports: a count, or the name of a check that failed.
    fn read(&mut self, line: &str) {
        let (passed, failed) = count(line);
        self.passed += passed;
        self.failed += failed;
        self.names.extend(failure(line).map(str::to_owned));
    }
}

/// Runs one named check and prints its result.
pub fn check(name: &str, run: impl FnOnce() -> Result<()>) -> Outcome {
    match run() {
        Ok(()) => {
            println!("ok     {name}");
            Outcome::passed()
        }
        Err(error) => {
            println!("FAILED {name}: {error:#}");
            Outcome::failed(name)
        }
    }
}

/// Runs a test program, prints its lines and parses them. A program that fails without a failed
/// check counts as one failure, under the name `program`.
pub fn run_program(program: &str, command: &mut Command) -> Result<Outcome> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let output = child.stdout.take().context("it has no output")?;
    let mut outcome = Outcome::default();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        outcome.read(&line);
    }
    let status = child.wait()?;
    if !status.success() && outcome.failed == 0 {
        println!("FAILED {program}: {status}");
        outcome = outcome.and(Outcome::failed(program));
    }
    Ok(outcome)
}

/// Reads `test result: ok. 12 passed; 0 failed; 1 ignored; …`, or `12 passed, 0 failed`: how many
/// passed, and how many failed. An ignored test counts as failed: nothing may be left out silently.
fn count(line: &str) -> (usize, usize) {
    let (mut passed, mut failed) = (0, 0);
    if line.starts_with("test result: ") || line.starts_with(|first: char| first.is_ascii_digit()) {
        let words: Vec<&str> = line
            .split([' ', ';', ','])
            .filter(|word| !word.is_empty())
            .collect();
        for pair in words.windows(2) {
            let number = pair[0].parse().unwrap_or(0);
            match pair[1] {
                "passed" => passed += number,
                "failed" | "ignored" => failed += number,
                _ => {}
            }
        }
    }
    (passed, failed)
}

/// The name of the check that this line says has failed: `test NAME ... FAILED` of cargo's tests,
/// `FAILED NAME` of the Python checks, or a row `| NAME | … | **BROKEN** | …` of the torture.
fn failure(line: &str) -> Option<&str> {
    if let Some(test) = line.strip_prefix("test ") {
        let (name, result) = test.rsplit_once(" ... ")?;
        let is_failure = result == "FAILED" || result.starts_with("ignored");
        return is_failure.then_some(name);
    }
    if let Some(row) = line.strip_prefix("| ") {
        let (name, rest) = row.split_once(" | ")?;
        return rest.contains(" **BROKEN** ").then_some(name);
    }
    line.strip_prefix("FAILED ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Outcome {
        let mut outcome = Outcome::default();
        lines.iter().for_each(|line| outcome.read(line));
        outcome
    }

    fn check(line: &str, expected: (usize, usize)) {
        assert_eq!(count(line), expected, "{line}");
    }

    #[test]
    fn what_test_programs_say_is_counted() {
        check(
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out",
            (12, 0),
        );
        check("test result: FAILED. 3 passed; 2 failed; 1 ignored", (3, 3));
        check("21 passed, 1 failed", (21, 1));
        check("20 passed, 0 failed (2 skipped)", (20, 0));
        check("running 3 tests", (0, 0));
        check("test wrong_password_is_failed ... ok", (0, 0));
        check("ok    1 passed, 1 failed is not what this says", (0, 0));
        check("| kill -9 | 10 passed, 1 failed | held |", (0, 0));
    }

    #[test]
    fn failures_are_named_whoever_reports_them() {
        let outcome = read(&[
            "test login::empty_name_is_refused ... ok",
            "test login::long_name_is_refused ... FAILED",
            "test src/lib.rs - decode (line 12) ... FAILED",
            "test net::slow ... ignored, takes a minute",
            "test result: FAILED. 1 passed; 2 failed; 1 ignored",
            "ok    byte_by_byte is hung up on when unknown",
            "FAILED byte_by_byte and bare_exact_f talk",
            "Traceback (most recent call last):",
            "85 passed, 1 failed",
            "| power loss | nothing is lost | 2 of 9 lost | **BROKEN** | 3 s |",
            "| kill -9 | nothing is lost | 9 of 9 there | held | 3 s |",
            "1 passed, 1 failed (0 skipped)",
        ]);
        assert_eq!((outcome.passed, outcome.failed), (87, 5));
        assert_eq!(
            outcome.failures().collect::<Vec<_>>(),
            [
                "login::long_name_is_refused",
                "src/lib.rs - decode (line 12)",
                "net::slow",
                "byte_by_byte and bare_exact_f talk",
                "power loss",
            ]
        );
    }

    #[test]
    fn failures_without_a_name_are_counted_in_one_line() {
        let outcome = read(&[
            "test a ... FAILED",
            "test result: FAILED. 0 passed; 3 failed",
        ]);
        let failures: Vec<_> = outcome.failures().collect();
        assert_eq!(failures, ["a", "2 without a name"]);
        assert_eq!(Outcome::passed().failures().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_ends_early_is_a_failure_with_its_name() {
        let mut shell = Command::new("sh");
        let outcome = run_program("the shell", shell.args(["-c", "echo 2 passed; exit 3"]));
        let outcome = outcome.unwrap();
        assert_eq!((outcome.passed, outcome.failed), (2, 1));
        assert_eq!(outcome.failures().collect::<Vec<_>>(), ["the shell"]);
    }
}
