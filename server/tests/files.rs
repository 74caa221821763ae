//! Files over HTTP (rules V25, V26 and H1 to H9).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "support/program.rs"]
mod program;
mod support;
#[path = "support/tls.rs"]
mod tls;

use std::{fs, net::UdpSocket};

use mensageiro_protocol::{
    Framing,
    live::{Event, FileToken, Preview, RefusalCode},
};
use program::Program;
use support::{
    Client, TestServer, eventually,
    http::{Http, announce, content, hash, part_headers, slot, upload},
    live::LiveClient,
};
use tls::TlsClient;

fn server() -> TestServer {
    TestServer::start(&["ana", "bob"])
}

fn ana(server: &TestServer) -> LiveClient {
    LiveClient::log_in(server.address(), "ana", None).0
}

/// The names in a folder below `files`.
fn names(server: &TestServer, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(server.file("files").join(folder)).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn a_file_goes_from_one_user_to_another_and_to_a_browser() {
    let server = server();
    let (mut ana, mut bob) = (
        ana(&server),
        LiveClient::log_in(server.address(), "bob", None).0,
    );
    let photo = content(300_000);
    let slot = upload(server.address(), &mut ana, "photo.png", "image/png", &photo);
    assert!(slot.url.starts_with("http://127.0.0.1:"), "{}", slot.url);
    assert!(slot.url.ends_with(&slot.path) && slot.path.ends_with("/photo.png"));
    let (token, url) = (slot.file, &slot.url);
    ana.say(&format!(
        "#c7;file={token};preview=_9g_ @bob look\\nphoto.png (300 KB) {url}"
    ));
    ana.hear_until_accepted();
    let message = bob.hear_message();
    let file = message.file.expect("the message has a file");
    assert_eq!(
        (file.token, file.size, file.hash),
        (token, 300_000, hash(&photo))
    );
    assert_eq!(
        (file.name.as_str(), file.kind.as_str()),
        ("photo.png", "image/png")
    );
    assert_eq!(file.preview, Preview::new(b"\xff\xd8?"));
    let got = Http::connect(server.address()).get(&file.path());
    assert_eq!((got.status, got.content == photo), (200, true));
    assert_eq!(got.header("Content-Type"), Some("image/png"));
    // History has the same, and a classic reader gets a link.
    bob.say(r#"history {"with":"ana"}"#);
    assert_eq!(bob.hear_message().file.as_deref(), Some(&*file));
    let mut classic = server.connect(Framing::Line);
    classic.say("bob");
    assert_eq!(
        classic.hear_all(),
        [format!("@ana look photo.png (300 KB) {url}")]
    );
}

#[test]
fn an_upload_that_breaks_goes_on_where_it_ended_also_after_a_restart() {
    let mut server = server();
    let file = content(2_000_000);
    let slot = slot(&mut ana(&server), "a.bin", "", &file);
    assert_eq!(slot.offset, 0);
    let mut broken = Http::connect(server.address());
    let head = format!(
        "PUT {} HTTP/1.1\r\nContent-Length: 2000000\r\n\r\n",
        slot.path
    );
    broken.send(&[head.as_bytes(), &file[..700_000]].concat());
    let here = || Http::connect(server.address()).head(&slot.path).offset();
    eventually(|| here() == Some(700_000));
    drop(broken);
    server.restart();
    // The same file of the same user gets the same slot, and says how much is there.
    let again = support::http::slot(&mut ana(&server), "a.bin", "", &file);
    assert_eq!((again.file, again.offset), (slot.file, 700_000));
    let mut http = Http::connect(server.address());
    let wrong = http.put_part(&slot.path, 900_000, &file[900_000..], file.len());
    assert_eq!((wrong.status, wrong.offset()), (409, Some(700_000)));
    let mut http = Http::connect(server.address());
    let part = http.put_part(&slot.path, 600_000, &file[600_000..1_000_000], file.len());
    assert_eq!((part.status, part.offset()), (202, Some(1_000_000)));
    let rest = http.put_part(&slot.path, 1_000_000, &file[1_000_000..], file.len());
    assert_eq!(rest.status, 201, "{}", rest.head);
    // Who has not heard that it is there asks again.
    assert_eq!(http.put(&slot.path, &file).status, 200);
    let got = Http::connect(server.address()).get(&slot.path);
    assert!(got.content == file);
}

#[test]
fn a_newer_upload_of_a_file_takes_the_place_of_an_older_one() {
    let server = server();
    let file = content(1_000_000);
    let slot = slot(&mut ana(&server), "a", "", &file);
    let mut stuck = Http::connect(server.address());
    let head = format!(
        "PUT {} HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n",
        slot.path
    );
    stuck.send(&[head.as_bytes(), &file[..500_000]].concat());
    let here = || Http::connect(server.address()).head(&slot.path).offset();
    eventually(|| here() == Some(500_000));
    let mut http = Http::connect(server.address());
    let rest = http.put_part(&slot.path, 500_000, &file[500_000..], file.len());
    assert_eq!(rest.status, 201, "{}", rest.head);
    assert!(stuck.try_hear(false).is_none());
}

#[test]
fn a_download_gives_the_part_that_is_asked_for() {
    let server = server();
    let file = content(10_000);
    let slot = upload(server.address(), &mut ana(&server), "a", "", &file);
    let mut http = Http::connect(server.address());
    let etag = http.head(&slot.path).header("ETag").unwrap().to_owned();
    for (range, bytes) in [
        ("bytes=0-99", 0..100),
        ("bytes=9000-", 9_000..10_000),
        ("bytes=-10", 9_990..10_000),
    ] {
        let headers = format!("Range: {range}\r\nIf-Range: {etag}\r\n");
        let got = http.ask("GET", &slot.path, &headers, b"");
        assert_eq!(
            (got.status, &got.content[..]),
            (206, &file[bytes]),
            "{range}"
        );
    }
    let other = http.ask(
        "GET",
        &slot.path,
        "Range: bytes=5-\r\nIf-Range: \"x\"\r\n",
        b"",
    );
    assert_eq!((other.status, other.content.len()), (200, 10_000));
    let none = http.ask("GET", &slot.path, "Range: bytes=10000-\r\n", b"");
    assert_eq!(
        (none.status, none.header("Content-Range")),
        (416, Some("bytes */10000"))
    );
    assert_eq!(http.get("/").status, 404);
    assert_eq!(
        http.ask(
            "GET",
            "/f/aaaaaaaaaaaaaaaaaaaaaaaaaa",
            "Connection: close\r\n",
            b""
        )
        .status,
        404
    );
    assert!(http.try_hear(false).is_none());
}

#[test]
fn what_is_not_what_was_announced_is_dropped() {
    let server = server();
    let file = content(5_000);
    let slot = slot(&mut ana(&server), "a", "", &file);
    let mut lie = file.clone();
    lie[4_999] ^= 1;
    let put = |bytes: &[u8]| {
        Http::connect(server.address())
            .put(&slot.path, bytes)
            .status
    };
    assert_eq!(put(&lie), 422);
    assert_eq!(
        Http::connect(server.address()).head(&slot.path).offset(),
        Some(0)
    );
    assert_eq!(put(&file[..4_000]), 409);
    let ask = |headers: &str| Http::connect(server.address()).ask("PUT", &slot.path, headers, b"");
    assert_eq!(ask("").status, 411);
    assert_eq!(ask("Transfer-Encoding: chunked\r\n").status, 400);
    assert_eq!(
        ask("Content-Length: 5\r\nContent-Range: bytes 0-9/5000\r\n").status,
        400
    );
    let mut http = Http::connect(server.address());
    assert_eq!(http.get("/").status, 404);
    assert_eq!(http.ask("DELETE", &slot.path, "", b"").status, 405);
    assert_eq!(put(&file), 201);
}

#[test]
fn a_program_without_blake3_sends_files_too() {
    let mut server = server();
    let mut ana = ana(&server);
    ana.say(r#"slot {"name":"a.txt","size":5}"#);
    let Event::Slot(slot) = ana.hear() else {
        panic!()
    };
    ana.say(r#"slot {"name":"a.txt","size":5}"#);
    let Event::Slot(other) = ana.hear() else {
        panic!()
    };
    assert_ne!(slot.file, other.file, "it may be another file");
    let done = Http::connect(server.address()).put(&slot.path, b"hello");
    let etag = format!("\"{}\"", hash(b"hello"));
    assert_eq!((done.status, done.header("ETag")), (201, Some(&*etag)));
    ana.say(&format!("#t;file={} @bob x", slot.file));
    ana.hear_until_accepted();
    server.restart();
    assert_eq!(
        Http::connect(server.address()).get(&slot.path).content,
        b"hello"
    );
}

#[test]
fn a_message_names_only_a_whole_file_of_its_author() {
    let server = server();
    let (mut ana, mut bob) = (
        ana(&server),
        LiveClient::log_in(server.address(), "bob", None).0,
    );
    let file = content(100);
    let half = slot(&mut ana, "a", "", &file);
    let refused = |client: &mut LiveClient, token: &str| {
        client.say(&format!("#t;file={token} @bob x"));
        loop {
            match client.hear() {
                Event::Refused(refused) => return refused.code,
                Event::Accepted(accepted) => panic!("{accepted:?}"),
                _ => {}
            }
        }
    };
    let token = half.file.to_string();
    assert_eq!(refused(&mut ana, &token), RefusalCode::UnknownFile);
    assert_eq!(
        Http::connect(server.address())
            .put(&half.path, &file)
            .status,
        201
    );
    assert_eq!(refused(&mut bob, &token), RefusalCode::UnknownFile);
    assert_eq!(
        refused(&mut ana, "aaaaaaaaaaaaaaaaaaaaaaaaaa"),
        RefusalCode::UnknownFile
    );
    assert_eq!(refused(&mut ana, "../x"), RefusalCode::BadLine);
    ana.say(&format!("#t;file={token} @bob x"));
    let id = ana.hear_until_accepted().id;
    // Sent again, it is the same message.
    ana.say(&format!("#t;file={token} @bob x"));
    assert_eq!(ana.hear_until_accepted().id, id);
}

#[test]
fn equal_files_are_stored_once_and_their_bytes_count_for_each_user() {
    let server = TestServer::with_arguments(
        &["ana", "bob"],
        &[
            "--max-file-bytes",
            "5000",
            "--files-quota",
            "8000",
            "--total-files-quota",
            "10500",
        ],
    );
    let (mut ana, mut bob) = (
        ana(&server),
        LiveClient::log_in(server.address(), "bob", None).0,
    );
    let file = content(5_000);
    upload(server.address(), &mut ana, "a", "", &file);
    upload(server.address(), &mut bob, "b", "", &file);
    assert_eq!(names(&server, "contents"), [hash(&file).to_string()]);
    assert!(names(&server, "uploads").is_empty());
    let refused =
        |client: &mut LiveClient, size| announce(client, "c", "", size, hash(b"c")).unwrap_err();
    assert_eq!(refused(&mut ana, 5_001), RefusalCode::TooLarge);
    assert_eq!(refused(&mut ana, 3_001), RefusalCode::Quota);
    assert!(announce(&mut ana, "c", "", 3_000, hash(b"c")).is_ok());
    // Ana's files have 8000 bytes, and all together as many, as one content counts once.
    assert_eq!(refused(&mut bob, 2_501), RefusalCode::Quota);
    let none = TestServer::with_arguments(&["ana"], &["--max-file-bytes", "0"]);
    let mut client = LiveClient::connect(none.address());
    client.say("ana live/1");
    let Event::Welcome(welcome) = client.hear() else {
        panic!()
    };
    assert_eq!(welcome.limits.file_bytes, None);
    assert_eq!(
        announce(&mut client, "c", "", 1, hash(b"c")),
        Err(RefusalCode::TooLarge)
    );
}

#[test]
fn a_disk_without_room_takes_no_file() {
    let server = TestServer::with_arguments(&["ana"], &["--min-free-bytes", "9000000000000000000"]);
    let mut client = LiveClient::connect(server.address());
    client.say("ana live/1");
    client.hear();
    assert_eq!(
        announce(&mut client, "c", "", 1, hash(b"c")),
        Err(RefusalCode::DiskFull)
    );
}

#[test]
fn a_damaged_file_is_never_sent() {
    let mut server = server();
    let file = content(200_000);
    let slot = upload(server.address(), &mut ana(&server), "a", "", &file);
    let stored = server.file("files/contents").join(hash(&file).to_string());
    server.stop();
    let mut damaged = file.clone();
    damaged[150_000] ^= 1;
    fs::write(&stored, &damaged).unwrap();
    server.restart();
    for headers in ["", "Range: bytes=0-9\r\n"] {
        let got = Http::connect(server.address()).ask("GET", &slot.path, headers, b"");
        assert_eq!(got.status, 500, "{}", got.head);
    }
    // The same file, uploaded again, heals it.
    let again = upload(server.address(), &mut ana(&server), "again", "", &file);
    assert!(Http::connect(server.address()).get(&again.path).content == file);
    assert!(Http::connect(server.address()).get(&slot.path).content == file);
}

/// What a crash may leave: each of these is as if the last step had just not been done.
#[test]
fn a_crash_between_any_two_steps_leaves_a_whole_file_or_one_that_goes_on() {
    let mut server = server();
    let file = content(50_000);
    let slot = slot(&mut ana(&server), "a", "", &file);
    let (upload, stored) = (
        server.file("files/uploads").join(slot.file.to_string()),
        server.file("files/contents").join(hash(&file).to_string()),
    );
    // The content had its name already, but its slot did not know.
    server.stop();
    fs::write(&stored, &file).unwrap();
    fs::write(server.file("files/slots/x.json.new"), "half").unwrap();
    fs::write(server.file("files/uploads/garbage"), "x").unwrap();
    fs::write(server.file("files/contents/garbage"), "x").unwrap();
    server.restart();
    assert!(upload.exists() && !stored.exists());
    assert_eq!(names(&server, "uploads"), [slot.file.to_string()]);
    assert!(names(&server, "contents").is_empty());
    assert_eq!(names(&server, "slots").len(), 1);
    let mut http = Http::connect(server.address());
    assert_eq!(http.head(&slot.path).offset(), Some(50_000));
    let done = http.put_part(&slot.path, 49_999, &file[49_999..], file.len());
    assert_eq!(done.status, 201, "{}", done.head);
    server.restart();
    assert!(Http::connect(server.address()).get(&slot.path).content == file);
}

#[test]
fn no_login_is_taken_for_a_request_and_no_request_for_a_login() {
    let server = TestServer::start(&["GET", "PUT", "HEAD", "bob"]);
    for login in ["GET", "PUT", "HEAD"] {
        for framing in [Framing::Line, Framing::Bare] {
            let mut client = server.connect(framing);
            client.say(login);
            assert!(client.hear_all().is_empty(), "{login} {framing:?}");
            assert!(client.exchange("@bob /f/x HTTP/1.1").is_empty());
        }
        // In two segments.
        let mut client = Client::connect(server.address(), Framing::Bare);
        client.say(&login[..1]);
        client.say(&login[1..]);
        assert!(client.hear_all().is_empty());
        let mut live = LiveClient::connect(server.address());
        live.say(&format!("{login} live/1 device=pc"));
        assert!(matches!(live.hear(), Event::Welcome(_)));
        let answer = Http::connect(server.address()).ask(login, "/", "Content-Length: 0\r\n", b"");
        assert_eq!(answer.status, 404, "{}", answer.head);
    }
    // Without a line end it is bare framing, and no login.
    let mut bare = server.connect(Framing::Bare);
    bare.say("GET / HTTP/1.1");
    assert_eq!(bare.hear().as_deref(), Some("Usuário inválido".as_bytes()));
    // A request whose bytes come one by one is one.
    let mut slow = Http::connect(server.address());
    slow.stream.set_nodelay(true).unwrap();
    for byte in b"GET / HTTP/1.1\r\n\r\n" {
        slow.send(&[*byte]);
    }
    assert_eq!(slow.hear(false).status, 404);
}

#[test]
fn a_browser_runs_nothing_that_somebody_has_sent() {
    let server = server();
    let mut client = ana(&server);
    for (name, kind) in [
        ("a.html", "text/html"),
        ("..\\..\\x", "image/svg+xml"),
        ("photo.png\u{202e}gpj.exe", "application/x-msdownload"),
    ] {
        let page = upload(server.address(), &mut client, name, kind, name.as_bytes());
        let got = Http::connect(server.address()).get(&page.path);
        assert_eq!(got.header("Content-Type"), Some("application/octet-stream"));
        assert!(
            got.header("Content-Disposition")
                .unwrap()
                .starts_with("attachment;")
        );
        assert_eq!(got.header("X-Content-Type-Options"), Some("nosniff"));
        assert!(
            got.header("Content-Security-Policy")
                .unwrap()
                .ends_with("sandbox")
        );
        assert!(!got.head.contains(".."), "{}", got.head);
    }
}

#[test]
fn hostile_requests_end_their_connection_and_nothing_else() {
    let server = server();
    let mut client = ana(&server);
    let slot = slot(&mut client, "a", "", &content(1_000));
    let path = &slot.path;
    let head = part_headers(0, 1_000, 1_000);
    for request in [
        format!("GET {path}"),
        format!("GET {path} HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(20_000)),
        format!("GET {path} HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(500)),
        format!("GET {path} HTTP/9.9\r\n\r\n"),
        format!("PUT {path} HTTP/1.1\r\n{head}\r\nshort"),
        format!("PUT {path} HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n"),
        format!("PUT {path} HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
        "GET /\0 HTTP/1.1\r\n\r\n".to_owned(),
        "PUT /f/ HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET / HTT".to_owned(),
    ] {
        let mut http = Http::connect(server.address());
        http.send(request.as_bytes());
        http.stream.shutdown(std::net::Shutdown::Write).unwrap();
        while let Some(answer) = http.try_hear(false) {
            assert!(
                (400..500).contains(&answer.status),
                "{request:.80}: {}",
                answer.head
            );
        }
    }
    assert!(client.hear_all().is_empty());
}

/// Changes since when a slot has its state.
fn age(server: &TestServer, file: FileToken, hours: i64) {
    let path = server.file("files/slots").join(format!("{file}.json"));
    let mut slot: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    slot["since"] = (slot["since"].as_i64().unwrap() - hours * 3_600_000).into();
    fs::write(&path, slot.to_string()).unwrap();
}

#[test]
fn what_nobody_names_goes_after_a_day_and_what_is_named_with_keep_files() {
    let mut server = TestServer::with_arguments(&["ana", "bob"], &["--keep-files", "90d"]);
    let mut ana = ana(&server);
    let at = server.address();
    let day = 24;
    // Name, whether it is uploaded, whether a message names it, hours, and whether it stays.
    let files = [
        ("announced", false, false, day - 1, true),
        ("never-came", false, false, day + 1, false),
        ("whole", true, false, day - 1, true),
        ("never-named", true, false, day + 1, false),
        ("named", true, true, 89 * day, true),
        ("old", true, true, 91 * day, false),
    ];
    let slots = files.map(|(name, is_whole, is_named, ..)| {
        let slot = match is_whole {
            true => upload(at, &mut ana, name, "", name.as_bytes()),
            false => slot(&mut ana, name, "", name.as_bytes()),
        };
        if is_named {
            ana.say(&format!("#{name};file={} @bob x", slot.file));
            ana.hear_until_accepted();
        }
        slot
    });
    server.stop();
    for (slot, (_, _, _, hours, _)) in slots.iter().zip(files) {
        age(&server, slot.file, hours);
    }
    server.restart();
    let stays: Vec<_> = slots.iter().zip(files).filter(|(_, file)| file.4).collect();
    eventually(|| names(&server, "slots").len() == stays.len());
    for (slot, _) in stays {
        let status = Http::connect(server.address()).head(&slot.path).status;
        assert!(matches!(status, 200 | 204), "{}", slot.path);
    }
    let contents = ["whole", "named"].map(|name| hash(name.as_bytes()).to_string());
    let mut found = names(&server, "contents");
    found.sort();
    let mut expected = contents.to_vec();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn a_backup_has_the_files_and_check_finds_a_damaged_one() {
    let server = server();
    let mut ana = ana(&server);
    let file = content(100_000);
    let whole = upload(server.address(), &mut ana, "a", "", &file);
    let half = slot(&mut ana, "b", "", b"never comes");
    ana.say(&format!("#t;file={} @bob x", whole.file));
    ana.hear_until_accepted();
    let (data, away) = (server.folder.path(), tempfile::tempdir().unwrap());
    let copy = away.path().join("copy");
    let run = |arguments: &[&std::ffi::OsStr]| {
        let mut command = program::command(&[]);
        let done = command.args(arguments).output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8(said).unwrap())
    };
    let data_option = "--data".as_ref();
    let (is_made, said) = run(&["backup".as_ref(), copy.as_ref(), data_option, data.as_ref()]);
    assert!(is_made, "{said}");
    let (is_whole, said) = run(&["check".as_ref(), copy.as_ref()]);
    assert!(is_whole && said.contains("1 files"), "{said}");
    // A server on the copy has the file, and an upload that was not whole begins anew.
    let restored = Program::start(&copy);
    assert!(Http::connect(restored.address).get(&whole.path).content == file);
    assert_eq!(
        Http::connect(restored.address).head(&half.path).offset(),
        Some(0)
    );
    drop(restored);
    let stored = copy.join("files/contents").join(hash(&file).to_string());
    // Of a hard link both would change.
    fs::remove_file(&stored).unwrap();
    fs::write(&stored, &file[1..]).unwrap();
    let (is_whole, said) = run(&["check".as_ref(), copy.as_ref()]);
    assert!(
        !is_whole && said.contains("it is not what was uploaded"),
        "{said}"
    );
}

#[test]
fn files_go_inside_tls_too() {
    let server = server();
    let file = content(500_000);
    let slot = slot(&mut ana(&server), "a", "", &file);
    let encrypted = || Http::new(TlsClient::connect(server.address()).stream);
    assert_eq!(encrypted().put(&slot.path, &file).status, 201);
    let mut http = encrypted();
    for _ in 0..2 {
        assert!(http.get(&slot.path).content == file);
    }
}

#[test]
fn a_closed_server_answers_plain_requests_of_its_own_computer_only() {
    // The address that the system would use for others; nothing is sent.
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    let connected = socket.connect("192.0.2.1:9");
    let elsewhere = connected.and_then(|()| socket.local_addr());
    let elsewhere = elsewhere.map_or([127, 0, 0, 1].into(), |address| address.ip());
    for (listen, expected) in [
        ("127.0.0.1:0".to_owned(), 404),
        (
            format!("{elsewhere}:0"),
            if elsewhere.is_loopback() { 404 } else { 403 },
        ),
    ] {
        let server = TestServer::with_arguments(&["ana"], &["--closed", "--listen", &listen]);
        assert_eq!(Http::connect(server.address()).get("/").status, expected);
        let encrypted = TlsClient::connect(server.address()).stream;
        assert_eq!(Http::new(encrypted).get("/").status, 404);
    }
}
