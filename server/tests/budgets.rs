//! What one login, one address and all together may cost, and what they are told beyond that.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{IpAddr, SocketAddr, TcpStream},
    thread,
    time::Duration,
};

use mensageiro_protocol::{
    Framing,
    live::{Bye, ByeCode, Event, RefusalCode, Refused},
};
use mensageiro_server::metrics::{Status, ask};
use socket2::{Domain, Socket, Type};
use support::{Client, PATIENCE, TestServer, eventually, live::LiveClient};

const USERS: [&str; 3] = ["ana", "bruno", "carla"];

fn status(server: &TestServer) -> Status {
    ask(server.folder.path()).unwrap()
}

/// What was refused, without budgets of which nothing was.
fn refused(server: &TestServer) -> BTreeMap<String, u64> {
    let mut refused = status(server).refused;
    refused.retain(|_, count| *count > 0);
    refused
}

/// The last line of a session that is refused.
fn farewell(address: SocketAddr, hello: &str) -> Bye {
    let mut client = LiveClient::connect(address);
    client.say(hello);
    let Event::Bye(bye) = client.hear() else {
        panic!("it is let in");
    };
    assert_eq!(client.try_hear(), None);
    bye
}

/// A server with a group `all` of so many members, of whom the first are `ana` and `bruno`.
fn with_group(members: usize, arguments: &[&str]) -> TestServer {
    let others = (0..members - 2).map(|number| format!("user{number}"));
    let users: Vec<_> = ["ana".into(), "bruno".into()]
        .into_iter()
        .chain(others)
        .collect();
    let names: Vec<_> = users.iter().map(String::as_str).collect();
    let mut server = TestServer::with_arguments(&names, arguments);
    let rows: String = names.iter().map(|name| format!("all,{name}\n")).collect();
    fs::write(server.file("groups.csv"), rows).unwrap();
    server.restart();
    server
}

#[test]
fn a_classic_program_that_sends_more_than_its_budget_waits_and_loses_nothing() {
    let server = TestServer::with_arguments(&USERS, &["--max-requests-per-minute", "1200"]);
    let mut ana = server.log_in("ana");
    let lines: Vec<_> = (0..1_240)
        .map(|number| format!("@bruno {number}"))
        .collect();
    ana.say(lines.join("\n"));
    for _ in &lines {
        assert!(ana.hear_all().is_empty());
    }
    let mut bruno = server.connect(Framing::Line);
    let got = bruno.exchange("bruno");
    let texts = got.iter().map(|line| line.replace("@ana", "@bruno"));
    assert!(texts.eq(lines), "all of them, once and in order");
    assert!(refused(&server).is_empty());
    // What comes next waits until everything is paid for.
    ana.exchange("");
    assert!(status(&server).pauses > 0);
}

#[test]
fn lines_without_an_answer_use_the_budget_too_and_nobody_else_waits() {
    let server = TestServer::with_arguments(&USERS, &["--max-requests-per-minute", "6000"]);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let lines = [
        r#"read {"with":"bruno","up_to":99999999}"#,
        r#"typing {"to":"bruno"}"#,
        r#"got {"up_to":7}"#,
        "nonsense",
        "#",
    ];
    let flood = lines.map(|line| format!("{line}\n")).concat();
    ana.say(flood.repeat(1_260).trim_end());
    // She owes something; he does not.
    let (mut bruno, _) = LiveClient::log_in(server.address(), "bruno", None);
    bruno.send("b1", "carla", "hi");
    ana.hear_all();
    assert!(status(&server).pauses > 0);
}

#[test]
fn a_program_that_honours_retry_after_gets_everything_through_once_and_in_order() {
    let server = with_group(802, &["--max-requests-per-minute", "6000"]);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let mut left: Vec<_> = (0..66).collect();
    let mut refusals = 0;
    while !left.is_empty() {
        let lines: Vec<_> = left
            .iter()
            .map(|n| format!("#t{n} @all text {n}"))
            .collect();
        ana.say(&lines.join("\n"));
        let (mut again, mut pause) = (Vec::new(), 0);
        for _ in 0..left.len() {
            match ana.hear() {
                Event::Accepted(_) => {}
                Event::Refused(Refused {
                    tag: Some(tag),
                    code: RefusalCode::SlowDown,
                    retry_after: Some(seconds),
                    ..
                }) => {
                    again.push(tag.as_str()[1..].parse().unwrap());
                    pause = pause.max(seconds);
                }
                other => panic!("{other:?}"),
            }
        }
        assert!((1..=10).contains(&pause) || again.is_empty(), "{pause} s");
        refusals += again.len() as u64;
        left = again;
        thread::sleep(Duration::from_secs(pause.into()));
    }
    assert!(refusals > 0);
    assert_eq!(refused(&server), [("requests".into(), refusals)].into());
    let mut bruno = server.connect(Framing::Line);
    let expected: Vec<_> = (0..66).map(|n| format!("@all ana: text {n}")).collect();
    assert_eq!(bruno.exchange("bruno"), expected);
}

#[test]
fn who_owes_too_much_is_not_let_in_and_hears_when_to_come() {
    let server = with_group(802, &["--max-requests-per-minute", "1200"]);
    let mut ana = server.log_in("ana");
    ana.say("@all hi\n".repeat(20).trim_end());
    // What a classic program has sent is accepted.
    (0..20).for_each(|_| assert!(ana.hear_all().is_empty()));
    let bye = farewell(server.address(), "ana live/1");
    assert_eq!(bye.code, ByeCode::SlowDown);
    assert!(bye.retry_after.is_some_and(|seconds| seconds > 10));
    assert_eq!(server.connect(Framing::Line).hear_after("ana"), None);
    assert_eq!(refused(&server), [("requests".into(), 2)].into());
    let mut bruno = server.connect(Framing::Line);
    assert_eq!(bruno.exchange("bruno").len(), 20);
}

#[test]
fn bytes_are_limited_too() {
    let server = TestServer::with_arguments(&USERS, &["--max-bytes-per-minute", "600000"]);
    let mut ana = server.log_in("ana");
    let line = format!("@bruno {}", "x".repeat(10_000));
    (0..61).for_each(|_| ana.say(&line));
    (0..61).for_each(|_| assert!(ana.hear_all().is_empty()));
    ana.exchange("");
    assert!(status(&server).pauses > 0);
}

#[test]
fn a_login_has_so_many_sessions_and_other_logins_behind_the_same_address_have_theirs() {
    let limits = ["--max-sessions-per-login", "2", "--metrics", "127.0.0.1:0"];
    let server = TestServer::with_arguments(&USERS, &limits);
    let first = server.log_in("ana");
    let (_second, _) = LiveClient::log_in(server.address(), "ana", None);
    let bye = farewell(server.address(), "ana live/1");
    assert_eq!((bye.code, bye.retry_after), (ByeCode::Busy, Some(10)));
    assert_eq!(server.connect(Framing::Line).hear_after("ana"), None);
    let _neighbours = [server.log_in("bruno"), server.log_in("carla")];
    assert_eq!(refused(&server), [("sessions".into(), 2)].into());
    let mut metrics = TcpStream::connect(server.metrics().unwrap()).unwrap();
    metrics.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut told = String::new();
    metrics.read_to_string(&mut told).unwrap();
    let line = r#"mensageiro_budget_refusals_total{budget="sessions"} 2"#;
    assert!(told.contains(line), "{told}");
    first.close();
    eventually(|| {
        let mut again = server.connect(Framing::Line);
        again.say("ana");
        again.hear().is_some()
    });
}

#[test]
fn connections_over_the_total_are_refused_when_they_say_who_they_are() {
    let server = TestServer::with_arguments(&USERS, &["--max-connections", "1"]);
    let ana = server.log_in("ana");
    let bye = farewell(server.address(), "bruno live/1");
    assert_eq!(bye.code, ByeCode::Busy);
    assert_eq!(refused(&server), [("connections".into(), 1)].into());
    ana.close();
    eventually(|| {
        let mut bruno = server.connect(Framing::Line);
        bruno.say("bruno");
        bruno.hear().is_some()
    });
}

/// A connection that claims no login, from an address of this machine.
fn stranger(server: &TestServer, from: IpAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
    socket.connect(&server.address().into()).unwrap();
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Waits until the server has hung up.
fn has_ended(mut stream: TcpStream) {
    assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
}

#[test]
fn strangers_who_hold_every_place_before_the_login_keep_nobody_out() {
    let limits = [
        "--max-connections-before-login",
        "8",
        "--max-connections",
        "3",
    ];
    let server = TestServer::with_arguments(&USERS, &limits);
    let mut ana = server.log_in("ana");
    let from = IpAddr::from([127, 0, 0, 1]);
    let mut strangers: Vec<_> = (0..40).map(|_| stranger(&server, from)).collect();
    // Their neighbour gets in, and stays in.
    let mut bruno = server.log_in("bruno");
    strangers.drain(..32).for_each(has_ended);
    for _ in 0..20 {
        strangers.push(stranger(&server, from));
    }
    ana.exchange("@bruno hi");
    assert_eq!(bruno.exchange(""), ["@ana hi"]);
    // The status is asked for on a connection without a login.
    eventually(|| status(&server).before_login <= 9);
    let refused = refused(&server);
    assert!(refused.keys().eq(["before-login"]), "{refused:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_address_with_most_connections_without_a_login_loses_its_oldest() {
    let limits = ["--max-connections-before-login", "4"];
    let server = TestServer::with_arguments(&USERS, &limits);
    let [greedy, modest] = [2, 3].map(|host| IpAddr::from([127, 0, 0, host]));
    let mut patient = stranger(&server, modest);
    let mut greedy: Vec<_> = (0..3).map(|_| stranger(&server, greedy)).collect();
    eventually(|| status(&server).before_login >= 4);
    let _another = stranger(&server, IpAddr::from([127, 0, 0, 4]));
    has_ended(greedy.remove(0));
    // Who waited longest is still there.
    patient.write_all(b"ana\n").unwrap();
    let mut answer = [0; 2];
    patient.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"f\n");
}

#[test]
fn an_address_may_be_limited() {
    let limits = ["--max-connections-per-address", "1"];
    let server = TestServer::with_arguments(&USERS, &limits);
    let _ana = server.log_in("ana");
    assert_eq!(server.connect(Framing::Line).hear(), None);
    #[cfg(target_os = "linux")]
    {
        let mut other = stranger(&server, [127, 0, 0, 2].into());
        other.write_all(b"bruno\n").unwrap();
        other.read_exact(&mut [0; 2]).unwrap();
    }
}

#[test]
fn what_waits_for_all_together_is_limited_and_those_who_read_nothing_leave() {
    let server = TestServer::with_arguments(&USERS, &["--max-waiting-bytes", "300000"]);
    let stalled: Vec<_> = (0..3)
        .map(|_| LiveClient::log_in(server.address(), "bruno", None).0)
        .collect();
    let (mut carla, _) = LiveClient::log_in(server.address(), "carla", None);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    let text = "x".repeat(16_000);
    let mut sent = 0;
    eventually(|| {
        sent += 1;
        ana.send(&format!("b{sent}"), "bruno", &text);
        ana.send(&format!("c{sent}"), "carla", "hi");
        assert_eq!(carla.hear_message().text.as_str(), "hi");
        refused(&server).contains_key("waiting")
    });
    // Nothing is lost: it is in the mailbox.
    drop(stalled);
    let mut bruno = server.connect(Framing::Line);
    assert_eq!(bruno.exchange("bruno").len(), sent);
}

/// Sends messages of 1,000 bytes until one is refused; how many were accepted.
fn fill(ana: &mut Client) -> usize {
    let line = format!("@bruno {}", "x".repeat(1_000));
    (0..100)
        .position(|_| ana.hear_after(&line).is_none())
        .expect("nothing is refused")
}

#[test]
fn a_quota_holds_for_each_login_and_after_a_restart() {
    let mut server = TestServer::with_arguments(&USERS, &["--quota", "10000"]);
    let accepted = fill(&mut server.log_in("ana"));
    assert!((8..10).contains(&accepted), "{accepted}");
    let quota = |server: &TestServer| {
        let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
        ana.say(&format!("#t1 @bruno {}", "y".repeat(1_000)));
        let Event::Refused(refused) = ana.hear() else {
            panic!("it is accepted");
        };
        assert_eq!(refused.code, RefusalCode::Quota);
        assert!(refused.retry_after.is_some());
        let most = status(server).most_stored.unwrap();
        assert_eq!(most.login, "ana");
        assert!((8_000..10_000).contains(&most.bytes), "{}", most.bytes);
        assert!(status(server).stored_bytes >= 8_000);
    };
    quota(&server);
    server.restart();
    quota(&server);
    // Also when the log has to be applied once more.
    server.stop();
    fs::remove_file(server.file("store/index.sqlite")).unwrap();
    server.restart();
    quota(&server);
    // Others have theirs, and reading is no problem.
    let mut bruno = server.connect(Framing::Line);
    assert_eq!(bruno.exchange("bruno").len(), accepted);
    assert!(bruno.exchange("@ana thanks").is_empty());
    assert_eq!(server.archive(accepted).len(), accepted);
}

#[test]
fn the_store_as_a_whole_has_a_quota_and_the_disk_a_reserve() {
    let server = TestServer::with_arguments(&USERS, &["--total-quota", "8000"]);
    let mut ana = server.log_in("ana");
    ana.exchange(&format!("@bruno {}", "x".repeat(9_000)));
    eventually(|| {
        let mut carla = server.log_in("carla");
        carla.hear_after("@bruno hi").is_none()
    });
    assert!(refused(&server).contains_key("total-stored"));
    let everything = u64::MAX.to_string();
    let server = TestServer::with_arguments(&USERS, &["--min-free-bytes", &everything]);
    let (mut ana, _) = LiveClient::log_in(server.address(), "ana", None);
    ana.say("#t1 @bruno hi");
    let Event::Refused(no) = ana.hear() else {
        panic!("it is accepted");
    };
    assert_eq!((no.code, no.retry_after), (RefusalCode::Quota, Some(60)));
    assert_eq!(refused(&server), [("disk".into(), 1)].into());
}
