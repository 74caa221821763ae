//! Who else on the computer may open what the server writes: nobody, whatever the mask of the process that starts it.
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
    fs::{self, Permissions},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use mensageiro_protocol::Framing;
use program::Program;
use support::{Client, eventually};

/// The program, started by a shell with this mask.
fn with_mask(mask: &str) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("umask {mask}; exec \"$@\""), "sh"]);
    shell.arg(env!("CARGO_BIN_EXE_mensageiro-server"));
    shell
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A folder and everything in it.
fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all(&path));
        } else {
            found.push(path);
        }
    }
    found
}

fn check_closed(folder: &Path, to: u32) {
    for path in all(folder) {
        let mode = mode(&path);
        assert_eq!(mode & to, 0, "{mode:o} {}", path.display());
    }
}

/// Sends a message and has it read, so that all files are there.
fn use_it(server: &Program, data: &Path) {
    let file = data.join("messages.csv");
    let before = support::archive_rows(&file).len();
    let mut ana = Client::connect(server.address, Framing::Line);
    ana.exchange("ana");
    ana.exchange("@bruno hello");
    let mut bruno = Client::connect(server.address, Framing::Line);
    assert_eq!(bruno.exchange("bruno"), ["@ana hello"]);
    bruno.close();
    eventually(|| support::archive_rows(&file).len() > before);
}

fn backup(data: &Path, to: &Path, mask: &str) -> bool {
    let mut command = with_mask(mask);
    command.arg("backup").arg(to).arg("--data").arg(data);
    command.output().unwrap().status.success()
}

#[test]
fn nobody_else_may_open_anything_whatever_the_mask() {
    for mask in ["000", "022", "077"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("above").join("data");
        let mut server = Program::through(with_mask(mask), &data, &["--init"]);
        use_it(&server, &data);
        check_closed(&folder.path().join("above"), 0o077);
        let copy = folder.path().join("copy");
        assert!(backup(&data, &copy, mask));
        check_closed(&copy, 0o077);
        server.kill();
        let again = Program::through(with_mask(mask), &data, &[]);
        use_it(&Program::through(with_mask(mask), &copy, &[]), &copy);
        check_closed(&data, 0o077);
        check_closed(&copy, 0o077);
        drop(again);
    }
}

#[test]
fn data_folder_that_others_could_read_is_closed_and_that_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = Program::through(with_mask("022"), &data, &["--init"]);
    use_it(&server, &data);
    server.kill();
    let other = data.join("photo.png");
    fs::write(&other, "").unwrap();
    for path in all(&data) {
        set_mode(&path, if path.is_dir() { 0o755 } else { 0o644 });
    }
    let linked = folder.path().join("linked");
    fs::write(&linked, "").unwrap();
    set_mode(&linked, 0o644);
    symlink(&linked, data.join("store").join("link")).unwrap();
    let log = folder.path().join("log");
    let start = || {
        let mut command = with_mask("022");
        command.stderr(fs::File::create(&log).unwrap());
        Program::with_log(command, &data, &[], "info")
    };
    let told = || {
        fs::read_to_string(&log)
            .unwrap()
            .matches("were limited")
            .count()
    };
    let mut server = start();
    eventually(|| told() == 1);
    // Nothing of it is the server's.
    for path in [&other, &linked] {
        assert_eq!(mode(path), 0o644);
    }
    fs::remove_file(&other).unwrap();
    fs::remove_file(data.join("store").join("link")).unwrap();
    check_closed(&data, 0o077);
    server.kill();
    let _again = start();
    assert_eq!(told(), 0);
}

#[test]
fn group_that_shares_the_folder_may_read_and_keeps_its_rights() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("users.csv"), "ana\nbruno\n").unwrap();
    set_mode(&data, 0o2775);
    set_mode(&data.join("users.csv"), 0o664);
    let shared = Program::through(with_mask("022"), &data, &["--group-may-read"]);
    use_it(&shared, &data);
    assert_eq!(
        (mode(&data), mode(&data.join("users.csv"))),
        (0o2770, 0o660)
    );
    assert_eq!(mode(&data.join("messages.csv")), 0o640);
    check_closed(&data, 0o007);
}

/// In a folder that everybody may write to, as /tmp is, somebody else may have been there before.
#[test]
fn backup_uses_nothing_that_others_have_put_where_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let (data, shared) = (folder.path().join("data"), folder.path().join("shared"));
    let server = Program::through(with_mask("022"), &data, &["--init"]);
    use_it(&server, &data);
    fs::create_dir(&shared).unwrap();
    let before = all(&data).len();
    for name in ["backup.partial", "backup.new", "backup.tmp"] {
        symlink(&data, shared.join(name)).unwrap();
    }
    assert!(backup(&data, &shared.join("backup"), "022"));
    assert_eq!(
        all(&data).len(),
        before,
        "it has removed or added something"
    );
    check_closed(&shared.join("backup"), 0o077);
    symlink(&shared, folder.path().join("link")).unwrap();
    assert!(!backup(&data, &folder.path().join("link"), "022"));
}
