//! The commands `user` and `group`, as a person at a terminal uses them.
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
    path::Path,
    process::{Output, Stdio},
    thread,
    time::Duration,
};

use mensageiro_protocol::Framing;
use program::command;
use support::{TestServer, eventually};

/// Runs a command on a data folder.
fn run(data: &Path, arguments: &[&str]) -> Output {
    let data = data.to_str().unwrap();
    command(arguments).args(["--data", data]).output().unwrap()
}

/// What it prints, when it succeeds.
fn said(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{error}");
    assert_eq!(error, "");
    String::from_utf8(output.stdout).unwrap()
}

/// That it fails, and says something with these words, in one line.
fn check_refused(data: &Path, arguments: &[&str], words: &str) {
    let output = run(data, arguments);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains(words) && error.lines().count() == 1,
        "{error}"
    );
    assert_eq!(output.stdout, b"");
}

#[test]
fn users_and_groups_are_edited_without_a_server_and_the_files_stay_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let file = |name: &str| fs::read_to_string(data.join(name)).unwrap();
    fs::write(
        data.join("users.csv"),
        "turma;Nome;Usuário\r\n3A;\"Lima; Ana\";ana\r\n\r\n",
    )
    .unwrap();
    let told = said(data, &["user", "add", "zoé", "Zoé Dias", "--admin"]);
    assert!(told.contains("users.csv: zoé is added"), "{told}");
    assert_eq!(
        file("users.csv"),
        "turma;Nome;Usuário;role\r\n3A;\"Lima; Ana\";ana\r\n;Zoé Dias;zoé;admin\r\n\r\n"
    );
    said(data, &["user", "rename", "ana", "Ana Lima"]);
    said(data, &["user", "role", "ana", "admin"]);
    said(data, &["user", "add", "bob"]);
    assert_eq!(
        said(data, &["user", "list"]),
        "ana  Ana Lima  (administrator)\nbob\nzoé  Zoé Dias  (administrator)\n"
    );
    said(
        data,
        &["group", "create", "turma-a", "ana", "zoé", "--admin", "bob"],
    );
    said(data, &["group", "remove-member", "turma-a", "zoé"]);
    said(data, &["group", "add-member", "turma-a", "zoé"]);
    said(data, &["group", "role", "turma-a", "bob", "member"]);
    said(data, &["group", "role", "turma-a", "ana", "admin"]);
    assert_eq!(
        said(data, &["group", "list"]),
        "turma-a: ana (administrator), bob, zoé\n"
    );
    let told = said(data, &["user", "remove", "zoé"]);
    assert!(told.contains("a running server notices"), "{told}");
    assert_eq!(
        said(data, &["group", "list"]),
        "turma-a: ana (administrator), bob\n"
    );
    let told = said(data, &["user", "role", "ana", "member"]);
    assert!(told.contains("no administrator any more"), "{told}");
    assert_eq!(
        file("users.csv"),
        "turma;Nome;Usuário;role\r\n3A;\"Ana Lima\";ana;\r\n;;bob;\r\n\r\n"
    );
    said(data, &["group", "remove", "turma-a"]);
    assert_eq!(said(data, &["group", "list"]), "");
    // Somebody prepared groups.csv by hand: whoever adds the user sees it.
    fs::write(data.join("groups.csv"), "b,zoe\n").unwrap();
    let told = said(data, &["user", "add", "zoe"]);
    assert!(
        told.contains("has lines for this login already: b"),
        "{told}"
    );
}

#[test]
fn what_cannot_be_done_is_explained_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    check_refused(
        data,
        &["user", "add", "ana"],
        "there is no such file; write one",
    );
    check_refused(data, &["group", "list"], "there is no such file; write one");
    assert_eq!(fs::read_dir(data).unwrap().count(), 0);
    let users = b"login,name\nana,Jo\xe3o\n";
    fs::write(data.join("users.csv"), users).unwrap();
    check_refused(data, &["user", "add", "ana"], "ana is a user already");
    check_refused(data, &["user", "add", "ANA"], "people would mix them up");
    check_refused(
        data,
        &["user", "add", "zoe", "Łucja"],
        "save it as CSV (UTF-8)",
    );
    check_refused(
        data,
        &["user", "rename", "zoe", "Zoe"],
        "there is no user zoe",
    );
    check_refused(data, &["user", "remove", "ana"], "the only user");
    check_refused(
        data,
        &["group", "add-member", "a", "ana"],
        "there is no group a",
    );
    assert_eq!(fs::read(data.join("users.csv")).unwrap(), users);
    assert!(!data.join("groups.csv").exists());
    for (arguments, words) in [
        (&["user", "add", "a b"][..], "' ' is not allowed in a login"),
        (
            &["user", "add", "zoe", "\u{200b}"],
            "nothing would be seen of this name",
        ),
        (
            &["user", "role", "ana", "king"],
            "possible values: admin, member",
        ),
        (&["group", "create", "a"], "MEMBERS"),
    ] {
        let output = run(data, arguments);
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(error.contains(words), "{error}");
    }
    for command in ["user", "group"] {
        let help = said(data, &[command, "--help"]);
        assert!(help.contains("remove") && help.contains("list"), "{help}");
    }
}

#[test]
fn a_running_server_follows_the_commands() {
    let server = TestServer::start(&["ana", "bruno"]);
    let data = server.folder.path();
    let is_user = |login: &str| {
        let mut client = server.connect(Framing::Line);
        client.say(login);
        client.hear().as_deref() == Some(b"f")
    };
    said(data, &["user", "add", "zoe", "Zoe"]);
    eventually(|| is_user("zoe"));
    said(data, &["group", "create", "class", "ana", "zoe"]);
    let mut zoe = server.log_in("zoe");
    let mut ana = server.log_in("ana");
    eventually(|| {
        ana.exchange("@class hello");
        zoe.exchange("").contains(&"@class ana: hello".to_owned())
    });
    said(data, &["user", "remove", "zoe"]);
    assert_eq!(zoe.hear(), None);
    assert!(!is_user("zoe"));
    assert!(
        ana.exchange("@ana still here")
            .contains(&"@ana still here".to_owned())
    );
}

#[test]
fn a_command_that_is_killed_leaves_the_file_before_or_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let name = data.to_str().unwrap();
    let users = data.join("users.csv");
    let mut before = String::from("login,name\nana,Ana\n");
    fs::write(&users, &before).unwrap();
    let mut made = 0;
    for number in 0..40 {
        let login = format!("u{number}");
        let mut child = command(&["user", "add", &login, "--data", name])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_micros(300 * number));
        child.kill().unwrap();
        child.wait().unwrap();
        let now = fs::read_to_string(&users).unwrap();
        let after = format!("{before}{login},\n");
        assert!(now == before || now == after, "{now}");
        made += usize::from(now == after);
        before = now;
    }
    println!("{made} of 40 were made before they were killed");
    // What they left behind is in nobody's way, and goes.
    said(data, &["user", "add", "zoe"]);
    assert_eq!(
        fs::read_to_string(&users).unwrap(),
        format!("{before}zoe,\n")
    );
    let mut names: Vec<_> = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["users.csv", "users.lock"]);
}
