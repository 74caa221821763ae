//! Servers that are not trusted, that want TLS, or that do not let a device in; and joining.

use mensageiro_protocol::trust::Secret;

use super::*;

const CODE: &str = "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AA";

/// A machine that has an invite.
fn invited() -> Bench {
    let memory = Memory {
        join: Some(Join {
            login: Login::parse("ana").unwrap(),
            code: Secret::new([0; 16]),
            name: "laptop".into(),
        }),
        ..never_connected()
    };
    Bench::new("ana", memory, None)
}

/// One that has led live sessions.
fn live() -> Bench {
    let memory = Memory {
        way: Some(Way::Live),
        was_live: true,
        ..never_connected()
    };
    Bench::new("ana", memory, None)
}

fn join() -> String {
    format!(r#"write join {{"login":"ana","code":"{CODE}","name":"laptop"}}⏎"#)
}

const HELLO: &str = "write ana live/1 device=d about=1⏎";
const WELCOME: &str = r#"bytes welcome {"you":"ana","last":20}⏎"#;
const CLOSED: &str =
    r#"bytes welcome {"you":"ana","last":20,"closed":true,"device":"XJ4BNP4PAHH6UQKB"}⏎"#;

#[test]
fn the_hello_follows_the_answer_to_the_code_on_the_same_connection() {
    check_with(
        invited(),
        &[
            ("start", "connecting | connect"),
            ("connected-tls verified", &join()),
            ("pass 29999", ""),
            (
                r#"bytes joined {"login":"ana","id":"XJ4BNP4PAHH6UQKB"}⏎"#,
                &format!("forget invite | remember Live | {HELLO}"),
            ),
            (CLOSED, "rights closed registered | begin 20 | catching up"),
            ("reset", "close | waiting Broken"),
            ("pass 1300", "connecting | connect"),
            ("connected-tls verified", HELLO),
        ],
    );
}

#[test]
fn a_code_is_never_sent_without_tls() {
    check_with(
        invited(),
        &[
            ("start", "connecting | connect"),
            ("connected", "leave | untrusted NeedsTls"),
            ("pass 1300", "connect"),
            ("connected", "leave"),
        ],
    );
}

#[test]
fn a_code_that_is_good_for_nothing_is_forgotten() {
    check_with(
        invited(),
        &[
            ("start", "connecting | connect"),
            ("connected-tls verified", &join()),
            (
                r#"bytes bye {"code":"needs-key"}⏎"#,
                "forget invite | close | untrusted BadCode",
            ),
            ("pass 9999999", ""),
            ("fetch", "connecting | connect"),
            ("connected-tls verified", HELLO),
        ],
    );
}

#[test]
fn who_has_tried_too_often_waits_as_long_as_the_server_says() {
    check_with(
        invited(),
        &[
            ("start", "connecting | connect"),
            ("connected-tls verified", &join()),
            (
                r#"bytes bye {"code":"busy","retry_after":100}⏎"#,
                "close | untrusted TooManyTries",
            ),
            ("pass 99000", ""),
            ("pass 1001", "connect"),
            ("connected-tls verified", &join()),
        ],
    );
}

#[test]
fn a_code_is_sent_again_after_a_connection_that_broke_or_said_nothing() {
    check_with(
        invited(),
        &[
            ("start", "connecting | connect"),
            ("connected-tls verified", &join()),
            ("closed", "close | waiting Broken"),
            ("pass 1300", "connecting | connect"),
            ("connected-tls verified", &join()),
            ("pass 30000", "close | waiting TimedOut"),
            ("pass 2500", "connecting | connect"),
            ("connected-tls verified", &join()),
            (
                "bytes HTTP/1.1 400 Bad Request⏎",
                "leave | waiting Stranger(Web)",
            ),
        ],
    );
}

#[test]
fn an_unverified_key_of_a_closed_server_elsewhere_is_asked_about_before_anything_is_said() {
    let asked = [
        ("start", "connecting | connect"),
        ("connected-tls unverified", HELLO),
        (CLOSED, "close | untrusted Unknown"),
        ("pass 9999999", ""),
    ];
    check_with(live(), &asked);
    for channel in ["connected-tls unverified here", "connected-tls verified"] {
        let not_asked = [
            ("start", "connecting | connect"),
            (channel, HELLO),
            (CLOSED, "rights closed registered | begin 20 | catching up"),
        ];
        check_with(live(), &not_asked);
    }
    let open = [
        ("start", "connecting | connect"),
        ("connected-tls unverified", HELLO),
        (WELCOME, "begin 20 | catching up"),
    ];
    check_with(live(), &open);
}

#[test]
fn a_server_that_is_not_trusted_is_tried_again_and_only_a_change_is_shown() {
    check_with(
        live(),
        &[
            ("start", "connecting | connect"),
            ("distrusted", "untrusted Plain"),
            ("pass 1300", "connect"),
            ("distrusted", ""),
            ("pass 2500", "connect"),
            ("unreachable", "waiting NobodyListens"),
            ("pass 5000", "connecting | connect"),
            ("distrusted", "untrusted Plain"),
            ("fetch", "connecting | connect"),
            ("connected-tls verified", HELLO),
            (WELCOME, "begin 20 | catching up"),
        ],
    );
}

#[test]
fn a_server_that_wants_tls_is_tried_with_it_once() {
    check_with(
        live(),
        &[
            ("start", "connecting | connect"),
            ("connected", HELLO),
            (
                r#"bytes bye {"code":"needs-tls"}⏎"#,
                "close | try tls | connect",
            ),
            ("connected", HELLO),
            (
                r#"bytes bye {"code":"needs-tls"}⏎"#,
                "close | untrusted NeedsTls",
            ),
        ],
    );
}

#[test]
fn a_device_that_is_not_let_in_asks_again_after_minutes() {
    for (code, said) in [
        ("needs-key", "close | untrusted NeedsKey"),
        ("revoked", "close | untrusted Revoked"),
    ] {
        let bye = format!(r#"bytes bye {{"code":"{code}"}}⏎"#);
        check_with(
            live(),
            &[
                ("start", "connecting | connect"),
                ("connected-tls verified", HELLO),
                (&bye, said),
                ("pass 299999", ""),
                ("pass 1", "connect"),
            ],
        );
    }
}

/// A live session whose server knows the device.
fn registered() -> Bench {
    let mut bench = live();
    for step in ["start", "connected-tls verified", CLOSED, "bytes f⏎"] {
        bench.step(step);
    }
    bench.said();
    bench
}

#[test]
fn answers_go_to_the_requests_whose_tags_they_have() {
    check_with(
        registered(),
        &[
            (
                "devices ana",
                r#"write devices {"tag":"q1","login":"ana"}⏎"#,
            ),
            (
                "devices bob",
                r#"write devices {"tag":"q2","login":"bob"}⏎"#,
            ),
            (
                r#"bytes no {"tag":"q2","code":"not-allowed"}⏎"#,
                "NotAllowed to Devices(\"bob\")",
            ),
            (
                r#"bytes devices {"tag":"q9","login":"bob","devices":[]}⏎"#,
                "",
            ),
            (
                r#"bytes devices {"tag":"q1","login":"ana","devices":[]}⏎"#,
                "answer to Devices(\"ana\")",
            ),
            (
                r#"bytes devices {"tag":"q1","login":"ana","devices":[]}⏎"#,
                "",
            ),
        ],
    );
}

#[test]
fn what_is_not_answered_is_given_up() {
    let mut bench = registered();
    bench.step("devices ana");
    bench.said();
    for _ in 0..11 {
        bench.pass(Duration::from_secs(5));
        bench.step("bytes pong {}⏎");
        assert!(!bench.said().contains("NoConnection"));
    }
    bench.pass(Duration::from_secs(5));
    assert_eq!(bench.said(), "NoConnection to Devices(\"ana\")");
    bench.step("devices ana");
    bench.said();
    bench.step("reset");
    let said = bench.said();
    assert!(
        said.starts_with("NoConnection to Devices(\"ana\") | close"),
        "{said}"
    );
    bench.step("devices ana");
    assert_eq!(bench.said(), "NoConnection to Devices(\"ana\")");
    let mut bench = registered();
    for _ in 0..8 {
        bench.step("devices ana");
    }
    bench.said();
    bench.step("devices ana");
    assert_eq!(bench.said(), "Busy to Devices(\"ana\")");
}
