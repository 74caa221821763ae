//! Building with cargo, and where the results are.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The two programs of the project, built.
pub struct Programs {
    /// `mensageiro-server`.
    pub server: PathBuf,
    /// `mensageiro`, the desktop app.
    pub app: PathBuf,
}

impl Programs {
    /// The folder both are in.
    pub fn folder(&self) -> &Path {
        self.server.parent().unwrap_or(Path::new("."))
    }
}

/// What to build.
#[derive(Clone, Copy)]
pub enum Scope {
    /// The server and the app.
    Programs,
    /// Everything that `cargo test` will want as well, so that nothing is built twice.
    Everything,
}

/// Builds, with cargo's own progress on the terminal.
pub fn build(scope: Scope) -> Result<Programs> {
    let mut cargo = command();
    cargo.args(["build", "--message-format=json-render-diagnostics"]);
    cargo.args(match scope {
        Scope::Programs => &["-p", "mensageiro-server", "-p", "mensageiro"][..],
        Scope::Everything => &["--workspace", "--exclude", "xtask", "--all-targets"],
    });
    let mut child = cargo
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let messages = child.stdout.take().context("cargo has no output")?;
    let (mut server, mut app) = (None, None);
    for line in BufReader::new(messages).lines() {
        match program(&line?) {
            Some((name, path)) if name == "mensageiro-server" => server = Some(path),
            Some((name, path)) if name == "mensageiro" => app = Some(path),
            _ => {}
        }
    }
    if !child.wait()?.success() {
        bail!("the build failed; cargo said why above");
    }
    Ok(Programs {
        server: server.context("cargo built no mensageiro-server")?,
        app: app.context("cargo built no mensageiro")?,
    })
}

/// Reads one message of cargo: the name and place of a program it built, if that is what it says.
fn program(message: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(message).ok()?;
    let is_program = message["target"]["kind"][0] == "bin" && message["profile"]["test"] == false;
    let path = message["executable"].as_str()?;
    is_program.then(|| Some((message["target"]["name"].as_str()?.to_owned(), path.into())))?
}

/// A cargo command in the project's folder.
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
            r#"{"target":{"kind":["lib"],"name":"m"},"profile":{"test":false},"executable":null}"#,
            None,
        );
        check("not cargo's", None);
    }
}
