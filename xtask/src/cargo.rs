//! Builds with cargo, and finds what was built.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The two built programs.
pub struct Programs {
    /// `mensageiro-server`.
    pub server: PathBuf,
    /// `mensageiro`, the desktop app.
    pub app: PathBuf,
}

impl Programs {
    /// The folder of both programs.
    pub fn folder(&self) -> &Path {
        self.server.parent().unwrap_or(Path::new("."))
    }
}

/// What to build.
#[derive(Clone, Copy)]
pub enum Scope {
    /// The server and the app.
    Programs,
    /// Also everything that `cargo test` needs, so that nothing is built twice.
    Everything,
}

/// Cargo's arguments to build everything that `cargo test` needs.
pub const EVERYTHING: &[&str] = &["--workspace", "--exclude", "xtask", "--all-targets"];

/// Builds, and shows cargo's own progress on the terminal.
pub fn build(scope: Scope) -> Result<Programs> {
    let mut built = built(match scope {
        Scope::Programs => &["-p", "mensageiro-server", "-p", "mensageiro"][..],
        Scope::Everything => EVERYTHING,
    })?;
    Ok(Programs {
        server: built
            .remove("mensageiro-server")
            .context("cargo built no mensageiro-server")?,
        app: built
            .remove("mensageiro")
            .context("cargo built no mensageiro")?,
    })
}

/// Builds with these arguments and returns the built programs by name.
pub fn built(arguments: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    built_by(command().arg("build").args(arguments))
}

/// Runs this `cargo build` and returns the built programs, and those of `tests` folders, by name.
pub fn built_by(cargo: &mut Command) -> Result<BTreeMap<String, PathBuf>> {
    cargo.arg("--message-format=json-render-diagnostics");
    let mut child = cargo
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let messages = child.stdout.take().context("cargo has no output")?;
    let mut programs = BTreeMap::new();
    for line in BufReader::new(messages).lines() {
        programs.extend(program(&line?));
    }
    if !child.wait()?.success() {
        bail!("the build failed; cargo said why above");
    }
    Ok(programs)
}

/// Parses one message of cargo: the name and path of a program or of a test from a folder `tests`, if the message is about
/// one.
fn program(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let kind = message["target"]["kind"][0].as_str()?;
    let is_program = ["bin", "example"].contains(&kind) && message["profile"]["test"] == false;
    let path = message["executable"].as_str()?;
    (is_program || kind == "test")
        .then(|| Some((message["target"]["name"].as_str()?.to_owned(), path.into())))?
}

/// A cargo command that runs in the project's folder.
pub fn command() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// The project's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expected: Option<(&str, &str)>) {
        let expected = expected.map(|(name, path)| (name.to_owned(), path.into()));
        assert_eq!(program(message), expected);
    }

    #[test]
    fn programs_are_told_from_libraries_and_tests() {
        check(
            r#"{"reason":"compiler-artifact","target":{"kind":["bin"],"name":"mensageiro"},
                "profile":{"test":false},"executable":"/t/debug/mensageiro"}"#,
            Some(("mensageiro", "/t/debug/mensageiro")),
        );
        check(
            r#"{"target":{"kind":["bin"],"name":"mensageiro"},"profile":{"test":true},
                "executable":"/t/debug/deps/mensageiro-0a1b"}"#,
            None,
        );
        check(
            r#"{"target":{"kind":["test"],"name":"bare"},"profile":{"test":true},
                "executable":"/t/debug/deps/bare-0a1b"}"#,
            Some(("bare", "/t/debug/deps/bare-0a1b")),
        );
        check(
            r#"{"target":{"kind":["lib"],"name":"m"},"profile":{"test":false},"executable":null}"#,
            None,
        );
        check("not cargo's", None);
    }
}
