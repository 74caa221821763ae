//! users.csv edited while the server runs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[cfg(target_os = "linux")]
#[path = "support/program.rs"]
mod program;
mod support;

use std::{
    fs,
    io::{ErrorKind, Write},
    time::{Duration, Instant},
};

#[cfg(unix)]
use std::path::Path;

use mensageiro_protocol::Framing;
use mensageiro_server::directory::Users;
use support::{Client, TestServer, eventually};

fn is_user(server: &TestServer, login: &str) -> bool {
    let mut client = server.connect(Framing::Line);
    client.say(login);
    client.hear().as_deref() == Some(b"f")
}

#[test]
fn an_edit_is_picked_up_and_a_removed_user_is_disconnected() {
    let server = TestServer::start(&["ana", "bruno"]);
    let mut ana = server.log_in("ana");
    let mut bruno = server.log_in("bruno");
    fs::write(
        server.file("users.csv"),
        "\u{feff}usuario;nome\r\nana;Ana\r\ncarla;Carla\r\n",
    )
    .unwrap();
    assert_eq!(bruno.hear(), None);
    assert!(is_user(&server, "carla"));
    assert!(!is_user(&server, "bruno"));
    assert!(ana.exchange("@carla hi").is_empty());
}

#[test]
fn a_file_that_is_replaced_is_picked_up_as_editors_do_it() {
    let server = TestServer::start(&["ana"]);
    let new = server.file("users.csv.new");
    fs::write(&new, "ana\ndiego\n").unwrap();
    fs::rename(&new, server.file("users.csv")).unwrap();
    eventually(|| is_user(&server, "diego"));
}

#[test]
fn a_broken_edit_keeps_the_old_list() {
    let server = TestServer::start(&["ana", "bruno"]);
    let mut bruno = server.log_in("bruno");
    fs::write(server.file("users.csv"), "ana\nbad line here\n").unwrap();
    // A good edit later shows that the broken one has been seen by then.
    let mut file = fs::File::create(server.file("users.csv")).unwrap();
    file.write_all(b"ana\nbruno\ncarla\n").unwrap();
    drop(file);
    eventually(|| is_user(&server, "carla"));
    assert!(bruno.exchange("@ana still here").is_empty());
}

#[test]
fn what_waits_for_a_removed_user_is_there_when_the_user_is_back_and_keeps_it() {
    let server = TestServer::start(&["ana", "bruno"]);
    server.log_in("ana").exchange("@bruno hello");
    fs::write(server.file("users.csv"), "ana\n").unwrap();
    eventually(|| !is_user(&server, "bruno"));
    let back = "login,history\nana,\nbruno,keep\n";
    fs::write(server.file("users.csv"), back).unwrap();
    let mut heard = None;
    eventually(|| {
        let mut bruno = server.connect(Framing::Line);
        bruno.say("bruno");
        heard = bruno.hear();
        heard.is_some()
    });
    assert_eq!(heard.unwrap(), b"@ana hello");
}

#[test]
fn groups_are_picked_up_when_their_file_is_edited() {
    let server = TestServer::start(&["ana", "bruno", "carla"]);
    let mut ana = server.log_in("ana");
    ana.exchange("@class lost, there is no such group yet");
    fs::write(
        server.file("groups.csv"),
        "grupo;membro\nclass;ana\nclass;bruno\nclass;zoe\n",
    )
    .unwrap();
    let mut bruno = server.log_in("bruno");
    eventually(|| {
        ana.exchange("@class hello");
        bruno.exchange("") == ["@class ana: hello"]
    });
    bruno.close();
    assert_eq!(
        server.archive(1),
        [("ana".into(), "class/bruno".into(), "hello".into())]
    );
}

/// Whether nothing at all is said to this client for a second.
fn is_left_alone(client: &mut Client) -> bool {
    let patience = Some(Duration::from_secs(1));
    client.stream.set_read_timeout(patience).unwrap();
    let heard = client.try_hear();
    client
        .stream
        .set_read_timeout(Some(support::PATIENCE))
        .unwrap();
    matches!(heard, Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

#[test]
fn a_file_that_is_not_complete_yet_throws_nobody_out() {
    let whole = "login,name\nana,Ana\nbruno,Bruno\ncarla,Carla\nzoe,Zoe\n";
    for part in [0, 11, 19, 21, 35] {
        let server = TestServer::start(&["ana", "bruno", "carla"]);
        let mut carla = server.log_in("carla");
        let mut file = fs::File::create(server.file("users.csv")).unwrap();
        file.write_all(&whole.as_bytes()[..part]).unwrap();
        assert!(is_left_alone(&mut carla), "with {part} bytes");
        assert!(!is_user(&server, "carl"), "with {part} bytes");
        file.write_all(&whole.as_bytes()[part..]).unwrap();
        eventually(|| is_user(&server, "zoe"));
        assert!(carla.exchange("@ana still here").is_empty());
    }
}

#[test]
fn users_who_are_gone_for_good_are_removed_and_others_added_together() {
    let server = TestServer::start(&["ana", "bruno", "carla"]);
    let mut ana = server.log_in("ana");
    let mut bruno = server.log_in("bruno");
    fs::write(server.file("users.csv"), "ana\nzoe\n").unwrap();
    assert_eq!(bruno.hear(), None);
    assert!(is_user(&server, "zoe"));
    assert!(!is_user(&server, "carla"));
    assert!(ana.exchange("@zoe hi").is_empty());
}

#[test]
fn members_stay_while_groups_csv_is_not_complete() {
    let server = TestServer::start(&["ana", "bruno"]);
    let whole = "class,ana\nclass,bruno\n";
    fs::write(server.file("groups.csv"), whole).unwrap();
    let mut ana = server.log_in("ana");
    let mut bruno = server.log_in("bruno");
    eventually(|| {
        ana.exchange("@class one");
        bruno.exchange("") == ["@class ana: one"]
    });
    fs::write(server.file("groups.csv"), &whole[..10]).unwrap();
    assert!(is_left_alone(&mut bruno));
    ana.exchange("@class two");
    assert_eq!(bruno.exchange(""), ["@class ana: two"]);
    fs::write(server.file("groups.csv"), whole).unwrap();
}

#[test]
fn a_broken_quote_throws_nobody_out() {
    let server = TestServer::start(&["ana", "bruno"]);
    let mut bruno = server.log_in("bruno");
    for broken in [
        "ana,\"Ana\nbruno,Bruno\nzoe,Zoe\n",
        "ana,\"Ana\nbruno,Bruno\"\nzoe\n",
    ] {
        fs::write(server.file("users.csv"), broken).unwrap();
        assert!(is_left_alone(&mut bruno));
        assert!(!is_user(&server, "zoe"));
    }
}

/// What an edit does that the system does not tell of, as it is not in the data folder.
#[cfg(unix)]
fn check_noticed(prepare: impl Fn(&Path, &Path), edit: impl Fn(&Path, &Path)) {
    let mut server = TestServer::start(&["ana"]);
    server.stop();
    let elsewhere = tempfile::tempdir().unwrap();
    let here = server.folder.path().to_owned();
    fs::remove_file(here.join("users.csv")).unwrap();
    prepare(&here, elsewhere.path());
    server.restart();
    edit(&here, elsewhere.path());
    eventually(|| is_user(&server, "zoe"));
}

#[cfg(unix)]
fn append(file: &Path) {
    let mut file = fs::OpenOptions::new().append(true).open(file).unwrap();
    file.write_all(b"zoe\n").unwrap();
}

#[cfg(unix)]
#[test]
fn an_edit_behind_a_link_is_noticed() {
    use std::os::unix::fs::symlink;
    let there = |elsewhere: &Path| fs::write(elsewhere.join("users.csv"), "ana\n").unwrap();
    check_noticed(
        |here, elsewhere| {
            there(elsewhere);
            symlink(elsewhere.join("users.csv"), here.join("users.csv")).unwrap();
        },
        |_, elsewhere| append(&elsewhere.join("users.csv")),
    );
    check_noticed(
        |here, elsewhere| {
            there(elsewhere);
            fs::hard_link(elsewhere.join("users.csv"), here.join("users.csv")).unwrap();
        },
        |_, elsewhere| append(&elsewhere.join("users.csv")),
    );
    // As long as before, and of the same time.
    check_noticed(
        |here, elsewhere| {
            fs::write(elsewhere.join("users.csv"), "ana\nbob\n").unwrap();
            symlink(elsewhere.join("users.csv"), here.join("users.csv")).unwrap();
        },
        |_, elsewhere| {
            let file = fs::File::options()
                .write(true)
                .open(elsewhere.join("users.csv"));
            let mut file = file.unwrap();
            let modified = file.metadata().unwrap().modified().unwrap();
            file.write_all(b"ana\nzoe\n").unwrap();
            file.set_modified(modified).unwrap();
        },
    );
    // As a Kubernetes ConfigMap is mounted: the file links to a folder that is a link itself.
    check_noticed(
        |here, elsewhere| {
            fs::create_dir(elsewhere.join("1")).unwrap();
            fs::write(elsewhere.join("1/users.csv"), "ana\n").unwrap();
            symlink("1", elsewhere.join("data")).unwrap();
            symlink(elsewhere.join("data/users.csv"), here.join("users.csv")).unwrap();
        },
        |_, elsewhere| {
            fs::create_dir(elsewhere.join("2")).unwrap();
            fs::write(elsewhere.join("2/users.csv"), "ana\nzoe\n").unwrap();
            symlink("2", elsewhere.join("new")).unwrap();
            fs::rename(elsewhere.join("new"), elsewhere.join("data")).unwrap();
        },
    );
}

/// As a single file is given to a container.
#[cfg(target_os = "linux")]
#[test]
fn an_edit_of_a_file_that_is_mounted_by_itself_is_noticed() {
    use std::process::Command;
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [here, elsewhere] = folders.each_ref().map(|folder| folder.path());
    for folder in [here, elsewhere] {
        fs::write(folder.join("users.csv"), "ana\n").unwrap();
    }
    let mounted = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        command.arg(r#"mount --bind "$1" "$2" && shift 2 && exec "$@""#);
        let file = "users.csv";
        command
            .arg("sh")
            .args([elsewhere.join(file), here.join(file)]);
        command
    };
    let output = mounted().arg("true").output();
    if !output.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: this system lets nobody mount a file in a namespace of its own");
        return;
    }
    let mut command = mounted();
    command.arg(env!("CARGO_BIN_EXE_mensageiro-server"));
    let server = program::Program::through(command, here, &[]);
    let is_user = |login: &str| {
        let mut client = Client::connect(server.address, Framing::Line);
        client.say(login);
        client.hear().as_deref() == Some(b"f")
    };
    assert!(is_user("ana"));
    append(&elsewhere.join("users.csv"));
    eventually(|| is_user("zoe"));
}

#[cfg(unix)]
#[test]
fn what_is_no_file_for_a_while_keeps_the_old_list() {
    use std::os::unix::fs::symlink;
    let server = TestServer::start(&["ana", "bruno"]);
    let mut bruno = server.log_in("bruno");
    let users = server.file("users.csv");
    fs::remove_file(&users).unwrap();
    assert!(is_left_alone(&mut bruno));
    symlink(server.file("nowhere.csv"), &users).unwrap();
    assert!(is_left_alone(&mut bruno));
    fs::remove_file(&users).unwrap();
    fs::create_dir(&users).unwrap();
    assert!(is_left_alone(&mut bruno));
    fs::remove_dir(&users).unwrap();
    fs::write(&users, "bruno\nana\nzoe\n").unwrap();
    eventually(|| is_user(&server, "zoe"));
    assert!(bruno.exchange("@ana still here").is_empty());
}

#[test]
fn a_million_users_are_read() {
    let mut content = String::from("login,name\n");
    for number in 0..1_000_000 {
        content.push_str(&format!("aluno{number},Aluno {number}\n"));
    }
    let since = Instant::now();
    assert_eq!(Users::parse(content.as_bytes()).unwrap().len(), 1_000_000);
    println!("1,000,000 users read in {:?}", since.elapsed());
}
