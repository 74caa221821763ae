//! The commands of the server's program.

use std::{
    ffi::OsStr,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use mensageiro_protocol::{Login, trust::InviteLink};
use serde::Deserialize;

use super::{not_run, own_addresses, users};
use crate::engine::host::{Host, HostProblem, HostTerms};

/// The server's log, in the data folder.
pub(super) const LOG: &str = "server.log";

/// How long the invite works that lets in the person who has started the server: the app uses it at once.
const VALID: &str = "10m";

/// More of what a program says is of no use to anybody.
const WORDS: usize = 400;

/// The server's program, for a data folder.
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) data: PathBuf,
}

/// What a running server says of itself; a part of `status --json`.
#[derive(Debug, Deserialize)]
pub(super) struct Told {
    pub(super) address: SocketAddr,
    #[serde(default)]
    pub(super) closed: bool,
}

impl Program {
    pub(super) fn new(path: PathBuf, data: &Path) -> Self {
        Self {
            path,
            data: data.to_owned(),
        }
    }

    /// The program with the data folder, in the background: no window, no keyboard.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.arg("--data").arg(&self.data).stdin(Stdio::null());
        in_background(&mut command);
        command
    }

    /// Asks whether it runs.
    pub(super) fn look(&self) -> Option<Told> {
        if !users(&self.data).exists() {
            return None;
        }
        let output = self.run(["status", "--json"]).ok()?;
        serde_json::from_slice(&output.stdout).ok()
    }

    /// Makes the person an administrator, and the data folder if it is missing.
    pub(super) fn let_administer(&self, terms: &HostTerms) -> Result<(), HostProblem> {
        let login = terms.login.as_str();
        if users(&self.data).exists() {
            let listed = self.run(["user", "list"])?;
            let listed = String::from_utf8_lossy(&listed.stdout);
            let mut logins = listed.lines().filter_map(|line| line.split(' ').next());
            if logins.any(|listed| listed == login) {
                return self.run(["user", "role", login, "admin"]).map(drop);
            }
        }
        let name = Some(terms.name.as_str()).filter(|name| !name.is_empty());
        let add = ["--init", "user", "add", "--admin", "--", login];
        self.run(add.into_iter().chain(name)).map(drop)
    }

    /// An invite for the person at this computer.
    pub(super) fn invite(&self, login: &Login, port: u16) -> Result<InviteLink, HostProblem> {
        let host = format!("localhost:{port}");
        let invite = ["invite", "--valid", VALID, "--host", &host, "--"];
        let output = self.run(invite.into_iter().chain([login.as_str()]))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let link = said.lines().next().unwrap_or_default();
        // Not what it said: it may be a code.
        InviteLink::parse(link).map_err(|why| HostProblem::Refused {
            said: why.to_string(),
            log: None,
        })
    }

    /// Stops it, and waits until it has stopped.
    pub(super) fn stop(&self) -> Result<(), HostProblem> {
        self.run(["stop"]).map(drop)
    }

    fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Result<Output, HostProblem> {
        let mut command = self.command();
        command.args(arguments.into_iter().map(OsStr::new));
        let output = command.output();
        let output = output.map_err(|error| not_run(&self.path, &error))?;
        match output.status.success() {
            true => Ok(output),
            false => Err(HostProblem::Refused {
                said: last_line(&output.stderr),
                log: None,
            }),
        }
    }
}

impl Told {
    pub(super) fn host(&self, data: &Path) -> Host {
        Host {
            port: self.address.port(),
            is_closed: self.closed,
            addresses: own_addresses(),
            data: data.to_owned(),
            log: data.join(LOG),
        }
    }
}

/// The last line that says something, without the name of the program.
pub(super) fn last_line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let mut lines = said.lines().rev().map(str::trim);
    let last = lines.find(|line| !line.is_empty()).unwrap_or_default();
    let last = last.strip_prefix("mensageiro-server: ").unwrap_or(last);
    last.chars().take(WORDS).collect()
}

/// Neither Ctrl-C in the app's terminal nor the end of that terminal reaches the program.
#[cfg(unix)]
fn in_background(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

/// The same, and no console opens.
#[cfg(windows)]
fn in_background(command: &mut Command) {
    use std::os::windows::process::CommandExt;
    const NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    const NO_WINDOW: u32 = 0x0800_0000;
    command.creation_flags(NEW_PROCESS_GROUP | NO_WINDOW);
}

#[cfg(not(any(unix, windows)))]
fn in_background(_command: &mut Command) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_what_a_person_needs() {
        let said = b"one\nmensageiro-server: users.csv: line 2: bad\n\n";
        assert_eq!(last_line(said), "users.csv: line 2: bad");
        assert_eq!(last_line(b" \n"), "");
        assert_eq!(last_line(&[b'x'; 1000]).len(), WORDS);
    }
}
