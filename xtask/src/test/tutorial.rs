//! Runs the commands of the README, the tutorials and the administrators' guide as they stand there, so that they cannot drift
//! from the programs.
//!
//! Marks after the language of a fenced block say what it is:
//!
//! | block | meaning |
//! |---|---|
//! | `sh run` | runs and must succeed |
//! | `sh server` | runs in the background until the next one or the end of the document; must say it listens |
//! | `sh window` | the same for a window; its user must arrive at the server |
//! | `sh join` | opens a window with an invite link, which must get in; it is closed then |
//! | `sh stop`, `sh start` | what stops and starts a service; the server of the last `sh server` is stopped and started |
//! | `text shows` | each line, in order, is in what the `sh run` before it printed |
//!
//! They run in a folder with copies of `data` and `tests`, so that nobody's data is touched. Git must find the folder
//! unchanged in the end: a checkout stays clean. What the guide has in `/var` is in the reader's home folder, laid out as
//! systemd does it for a service with an account of its own. `sudo` only runs the rest of its line there.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;

use super::{Outcome, Workshop, check};
use crate::{
    cargo::{self, Programs},
    display::Display,
    fences::{self, Fence},
    process::Process,
};

/// The documents whose commands are run.
const DOCUMENTS: &[&str] = &[
    "README.md",
    "README.pt-BR.md",
    "TUTORIAL.md",
    "TUTORIAL.pt-BR.md",
    "docs/RUNNING.md",
    "docs/RUNNING.pt-BR.md",
];

/// The folder of the service's data, below the reader's home folder; [`SERVICE`] leads to it.
#[cfg(unix)]
const SERVICE_DATA: &str = "var/lib/private/mensageiro";

/// What the documents, and systemd, call it.
const SERVICE: &str = "var/lib/mensageiro";

/// What git ignores in the project.
const IGNORED: &str = ".gitignore";

/// How long one block may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs each document from its first marked block to its last.
pub fn run(workshop: &Workshop) -> Result<Outcome> {
    if cfg!(not(unix)) {
        println!("The tutorials are written for a Unix shell; nothing is run here.");
        return Ok(Outcome::default());
    }
    let programs = workshop.programs()?;
    let mut outcome = Outcome::default();
    for name in DOCUMENTS {
        outcome = outcome.and(follow(name, programs)?);
    }
    Ok(outcome)
}

fn follow(document: &str, programs: &Programs) -> Result<Outcome> {
    let text = fs::read_to_string(cargo::root().join(document))?;
    let mut reader = Reader::new(programs)?;
    let mut outcome = Outcome::default();
    for fence in fences::of(&text) {
        let name = format!("{document}:{}: {}", fence.line, first_line(&fence));
        let done = if fence.is("sh", "run") {
            check(&name, || reader.run(&fence))
        } else if fence.is("sh", "server") {
            check(&name, || reader.start_server(&fence))
        } else if fence.is("sh", "stop") {
            check(&name, || reader.stop_server())
        } else if fence.is("sh", "start") {
            check(&name, || reader.start_again())
        } else if fence.is("sh", "window") {
            check(&name, || reader.open_window(&fence))
        } else if fence.is("sh", "join") {
            check(&name, || reader.join(&fence))
        } else if fence.is("text", "shows") {
            check(&name, || shows(&reader.printed, &fence.text))
        } else {
            continue;
        };
        let is_stuck = done.failed > 0;
        outcome = outcome.and(done);
        if is_stuck {
            println!("       the rest of {document} builds on it and is left out");
            break;
        }
    }
    if let Some(server) = reader.server.take() {
        let name = format!("{document}: the server stops cleanly");
        outcome = outcome.and(check(&name, || server.stop()));
    }
    if reader.has_git {
        let name = format!("{document}: leaves the checkout clean");
        outcome = outcome.and(check(&name, || reader.check_clean()));
    }
    Ok(outcome)
}

/// A reader who follows a document.
struct Reader {
    folder: TempDir,
    home: TempDir,
    /// The folder is a checkout.
    has_git: bool,
    server: Option<Process>,
    /// The command that started it last.
    started: String,
    windows: Vec<(Process, Display)>,
    printed: String,
}

impl Reader {
    fn new(programs: &Programs) -> Result<Self> {
        let folder = TempDir::with_prefix("mensageiro-")?;
        for part in ["data", "tests/clients"] {
            copy_files(&cargo::root().join(part), &folder.path().join(part))?;
        }
        fs::copy(cargo::root().join(IGNORED), folder.path().join(IGNORED))?;
        let has_git = [
            &["init", "--quiet"][..],
            &["add", "--all"],
            &[
                "-c",
                "user.name=a reader",
                "-c",
                "user.email=reader@localhost",
                "commit",
                "--quiet",
                "-m",
                "As cloned",
            ],
        ]
        .iter()
        .all(|arguments| git(folder.path(), arguments).is_ok());
        if !has_git {
            println!("skipped: whether the checkout stays clean, which needs git");
        }
        let built = folder.path().join("target").join("debug");
        fs::create_dir_all(&built)?;
        for program in [&programs.server, &programs.app] {
            let name = program.file_name().context("a program has a name")?;
            fs::copy(program, built.join(name))?;
        }
        let home = TempDir::with_prefix("mensageiro-")?;
        #[cfg(unix)]
        install(home.path(), &built)?;
        Ok(Self {
            folder,
            home,
            has_git,
            server: None,
            started: String::new(),
            windows: Vec::new(),
            printed: String::new(),
        })
    }

    fn run(&mut self, fence: &Fence) -> Result<()> {
        let mut process = Process::start("it", &mut self.shell(&fence.text), false)?;
        process.succeed(PATIENCE)?;
        self.printed = process.said();
        Ok(())
    }

    fn start_server(&mut self, fence: &Fence) -> Result<()> {
        self.started = replaced(&fence.text);
        self.stop_server()?;
        self.start_again()
    }

    fn stop_server(&mut self) -> Result<()> {
        self.server.take().map_or(Ok(()), Process::stop)
    }

    fn start_again(&mut self) -> Result<()> {
        let server = Process::start("it", &mut self.shell(&self.started), false)?;
        server.wait_for(PATIENCE, |line| line.contains("listening on").then_some(()))?;
        self.server = Some(server);
        Ok(())
    }

    fn open_window(&mut self, fence: &Fence) -> Result<()> {
        let user = after(&fence.text, "--user").context("it names no --user")?;
        let arrivals = |said: &str| said.matches(user).count();
        let server = self.server.as_ref().context("no server was started")?;
        let before = arrivals(&server.said());
        let display = Display::hidden(1280, 800)?;
        let mut shell = self.shell(&replaced(&fence.text));
        display.place(&mut shell);
        let mut window = Process::start("it", &mut shell, false)?;
        let deadline = Instant::now() + PATIENCE;
        while arrivals(&server.said()) == before {
            if let Some(status) = window.ended()? {
                bail!("it ended with {status}; it said:\n{}", window.said());
            }
            if Instant::now() > deadline {
                bail!("{user} did not arrive; the server said:\n{}", server.said());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.windows.push((window, display));
        Ok(())
    }

    /// Opens the window, after the others were closed, and does what the reader does there: joins.
    fn join(&mut self, fence: &Fence) -> Result<()> {
        const STEPS: &str = "wait-login\njoin\nwait-online\n";
        self.windows.clear();
        let steps = self.home.path().join("join.txt");
        fs::write(&steps, STEPS)?;
        let display = Display::hidden(1280, 800)?;
        let script = format!("{} --script {}", fence.text.trim_end(), steps.display());
        let mut shell = self.shell(&replaced(&script));
        display.place(&mut shell);
        Process::start("it", &mut shell, false)?.succeed(PATIENCE)
    }

    fn check_clean(&self) -> Result<()> {
        let changed = git(self.folder.path(), &["status", "--porcelain"])?;
        ensure!(changed.is_empty(), "git status says:\n{changed}");
        Ok(())
    }

    /// A shell in the reader's folder.
    fn shell(&self, script: &str) -> Command {
        let home = self.home.path();
        let script = script.replace("/var/", &format!("{}/var/", home.display()));
        let mut shell = Command::new("sh");
        shell
            .args(["-eu", "-c", &script])
            .current_dir(self.folder.path());
        shell.env("HOME", home);
        shell.env("STATE_DIRECTORY", home.join(SERVICE));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let own = std::iter::once(home.join("bin"));
        if let Ok(path) = std::env::join_paths(own.chain(std::env::split_paths(&path))) {
            shell.env("PATH", path);
        }
        for variable in ["XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"] {
            shell.env_remove(variable);
        }
        shell
    }
}

/// Puts the server into PATH, as a package does, with a `sudo` that needs no rights, and makes the service's folders.
#[cfg(unix)]
fn install(home: &Path, built: &Path) -> Result<()> {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let bin = home.join("bin");
    for made in [&bin, &home.join("var/backups"), &home.join(SERVICE_DATA)] {
        fs::create_dir_all(made)?;
    }
    symlink(home.join(SERVICE_DATA), home.join(SERVICE))?;
    symlink(
        built.join("mensageiro-server"),
        bin.join("mensageiro-server"),
    )?;
    let sudo = bin.join("sudo");
    fs::write(&sudo, "#!/bin/sh\nexec \"$@\"\n")?;
    Ok(fs::set_permissions(
        &sudo,
        fs::Permissions::from_mode(0o755),
    )?)
}

/// What git says in a folder.
fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(arguments);
    let output = git.output().context("cannot start git")?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "git {} failed",
        arguments.join(" ")
    );
    Ok(said)
}

/// The script with `exec`, so that stopping the shell stops the program.
fn replaced(script: &str) -> String {
    format!("exec {script}")
}

fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let mut words = text.split_whitespace();
    words.find(|&found| found == word)?;
    words.next()
}

fn first_line(fence: &Fence) -> &str {
    fence.text.lines().next().unwrap_or_default()
}

fn shows(printed: &str, expected: &str) -> Result<()> {
    let mut lines = printed.lines();
    for wanted in expected.lines() {
        if !lines.any(|line| line.trim_end() == wanted) {
            bail!("{wanted:?} is missing, or not in this order, in:\n{printed}");
        }
    }
    Ok(())
}

fn copy_files(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        if path.is_file() {
            fs::copy(
                &path,
                to.join(path.file_name().context("a file has a name")?),
            )?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_must_come_in_order() {
        assert!(shows("a\nb\nc\n", "a\nc\n").is_ok());
        assert!(shows("a\nb\nc\n", "c\na\n").is_err());
    }

    #[test]
    fn the_user_is_the_word_after_its_flag() {
        assert_eq!(after("x --user ana --server y", "--user"), Some("ana"));
        assert_eq!(after("x --user", "--user"), None);
    }
}
