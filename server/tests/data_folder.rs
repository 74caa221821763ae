//! A start without `--data`: where the files are, what is in them, and whose they are.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
mod support;

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use mensageiro_protocol::Framing;
use support::Client;
use tempfile::TempDir;

/// The account without rights that every system has.
const NOBODY: u32 = 65534;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A person's computer: a home folder, an account, and a copy of the program that the account can start.
struct Computer {
    folder: TempDir,
}

impl Computer {
    fn new() -> Self {
        let computer = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        // By another process: a file that is open here for writing could be inherited by what another test starts, and the
        // system starts no program that somebody may be writing.
        let mut copy = Command::new("cp");
        copy.arg(env!("CARGO_BIN_EXE_mensageiro-server"));
        assert!(copy.arg(computer.program()).status().unwrap().success());
        fs::create_dir(computer.home()).unwrap();
        if is_root() {
            let open = fs::Permissions::from_mode(0o755);
            fs::set_permissions(computer.folder.path(), open).unwrap();
            chown(computer.home(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        computer
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("mensageiro-server")
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn standard(&self) -> PathBuf {
        let of_account = match cfg!(target_os = "macos") {
            true => "Library/Application Support",
            false => ".local/share",
        };
        self.home().join(of_account).join("mensageiro-server")
    }

    /// The program as Julia starts it in her home folder.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program());
        command
            .args(arguments)
            .current_dir(self.home())
            .stdin(Stdio::null())
            .env_clear()
            .env("HOME", self.home())
            .env("USER", "julia");
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn start(&self) -> Started {
        Started::new(self.command(&["--listen", "127.0.0.1:0"]))
    }

    /// What it says, and whether it has succeeded.
    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.command(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }
}

struct Started {
    child: Child,
    greeting: String,
}

impl Started {
    fn new(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut greeting = String::new();
        while !greeting.contains("Ctrl-C") {
            assert!(said.read_line(&mut greeting).unwrap() > 0, "{greeting}");
        }
        Self { child, greeting }
    }

    fn address(&self) -> std::net::SocketAddr {
        let line = self
            .greeting
            .lines()
            .find_map(|line| line.strip_prefix("listening on "));
        line.unwrap().parse().unwrap()
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_first_start_of_a_person_makes_a_server_that_knows_them() {
    let computer = Computer::new();
    let server = computer.start();
    let standard = computer.standard();
    for part in [
        "This is the first start: the files are in ",
        standard.to_str().unwrap(),
        "you may log in as julia",
        "mensageiro-server user add LOGIN \"Full Name\" adds others",
    ] {
        assert!(
            server.greeting.contains(part),
            "{part:?} is not in {}",
            server.greeting
        );
    }
    let users = fs::read_to_string(standard.join("users.csv")).unwrap();
    assert_eq!(users, "login,name,role\njulia,,admin\n");
    assert_eq!(
        standard.metadata().unwrap().permissions().mode() & 0o777,
        0o700
    );
    Client::connect(server.address(), Framing::Line).exchange("julia");
    // The commands find it without --data.
    let (added, said) = computer.run(&["user", "add", "zoe", "Zoe Dias"]);
    assert!(added, "{said}");
    let (_, said) = computer.run(&["status"]);
    assert!(said.contains("open: a name is enough to log in"), "{said}");
    drop(server);
    let again = computer.start();
    assert!(
        !again.greeting.contains("first start"),
        "{}",
        again.greeting
    );
    assert!(
        again.greeting.contains("2 users registered"),
        "{}",
        again.greeting
    );
}

#[test]
fn a_service_begins_without_users() {
    let computer = Computer::new();
    let state = computer.home().join("state");
    let with_state = |arguments: &[&str]| {
        let mut command = computer.command(arguments);
        command.env("STATE_DIRECTORY", format!("{}:/elsewhere", state.display()));
        command
    };
    let server = Started::new(with_state(&["--listen", "127.0.0.1:0"]));
    assert!(
        server.greeting.contains("nobody may log in yet"),
        "{}",
        server.greeting
    );
    let users = || fs::read_to_string(state.join("users.csv")).unwrap();
    assert_eq!(users(), "login,name\n");
    let added = with_state(&["user", "add", "ana", "Ana Souza"])
        .output()
        .unwrap();
    assert!(added.status.success());
    assert_eq!(users(), "login,name\nana,Ana Souza\n");
    assert!(!computer.standard().exists());
}

#[test]
fn users_may_be_added_before_the_first_start() {
    let computer = Computer::new();
    let (added, said) = computer.run(&["user", "add", "ana", "Ana Souza", "--admin"]);
    assert!(added, "{said}");
    let users = fs::read_to_string(computer.standard().join("users.csv")).unwrap();
    assert_eq!(users, "login,name,role\nana,Ana Souza,admin\n");
    let server = computer.start();
    assert!(
        server.greeting.contains("1 user registered"),
        "{}",
        server.greeting
    );
    // In a folder that is named, only with --init.
    let (added, said) = computer.run(&["--data", "d", "user", "add", "ana"]);
    assert!(!added && said.contains("--init"), "{said}");
    let (added, said) = computer.run(&["--data", "d", "--init", "user", "add", "ana"]);
    assert!(added, "{said}");
    let users = fs::read_to_string(computer.home().join("d").join("users.csv")).unwrap();
    assert_eq!(users, "login,name\nana,\n");
}

#[test]
fn a_folder_of_an_earlier_version_is_told_of_and_not_passed_over() {
    let computer = Computer::new();
    let earlier = computer.home().join("data");
    fs::create_dir_all(earlier.join("store")).unwrap();
    for arguments in [&[][..], &["status"], &["user", "add", "zoe"]] {
        let (done, said) = computer.run(arguments);
        assert!(!done, "{arguments:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        for part in [
            earlier.to_str().unwrap(),
            "--data data",
            "--init user add LOGIN",
        ] {
            assert!(said.contains(part), "{part:?} is not in {said}");
        }
    }
    assert!(!computer.standard().exists());
    let (done, said) = computer.run(&["check", "data"]);
    assert!(!done && !said.contains("earlier version"), "{said}");
    // Then it is settled which one is meant.
    let (done, said) = computer.run(&["--init", "user", "add", "zoe"]);
    assert!(done, "{said}");
    let server = computer.start();
    assert!(
        server.greeting.contains("1 user registered"),
        "{}",
        server.greeting
    );
}

#[test]
fn what_root_makes_with_a_command_belongs_to_the_owner_of_the_folder() {
    if !is_root() {
        return;
    }
    let computer = Computer::new();
    let data = computer.home().join("service");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("users.csv"), "login,name\nana,Ana\n").unwrap();
    for path in [&data, &data.join("users.csv")] {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    for arguments in [
        &["user", "add", "zoe"][..],
        &["group", "create", "lab", "ana", "zoe"],
        &["invite", "ana"],
        &["key", "zoe"],
    ] {
        let command = program::command(arguments)
            .arg("--data")
            .arg(&data)
            .output();
        let output = command.unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
    let files = files_below(&data);
    for name in [
        "access.json",
        "access.lock",
        "users.lock",
        "groups.csv",
        "tls/key.pem",
    ] {
        assert!(
            files.contains(&data.join(name)),
            "{name} is not in {files:?}"
        );
    }
    for file in files {
        assert_eq!(file.metadata().unwrap().uid(), NOBODY, "{}", file.display());
    }
    // The account can use it.
    let command = computer.command(&["--listen", "127.0.0.1:0", "--data", "service"]);
    assert!(
        Started::new(command)
            .greeting
            .contains("2 users registered")
    );
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        }
        files.push(path);
    }
    files
}
