//! users.csv edited while the server runs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{fs, io::Write, time::Instant};

use mensageiro_protocol::Framing;
use mensageiro_server::directory::Users;
use support::{TestServer, eventually};

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
fn what_waits_for_a_removed_user_is_there_when_the_user_is_back() {
    let server = TestServer::start(&["ana", "bruno"]);
    server.log_in("ana").exchange("@bruno hello");
    fs::write(server.file("users.csv"), "ana\n").unwrap();
    eventually(|| !is_user(&server, "bruno"));
    fs::write(server.file("users.csv"), "ana\nbruno\n").unwrap();
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
