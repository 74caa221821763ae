//! Which servers lead live sessions, and how the app finds out.

use super::*;

#[test]
fn a_server_that_hangs_up_on_the_hello_is_classic() {
    check_with(
        bench(None, None),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
            ("closed", "leave | not live | connect"),
            ("connected", "write ana⏎"),
            ("bytes f⏎", "remember Line | online | store [] login"),
            ("fetch", "finish"),
            ("closed", "all read | close | connect"),
            ("connected", "write ana⏎"),
            ("bytes f⏎", "store [] login"),
        ],
    );
}

#[test]
fn a_server_that_answers_the_hello_with_something_else_is_classic() {
    for answer in ["bytes unknown user", "bytes wel come⏎", "bytes Login: "] {
        check_with(
            bench(None, None),
            &[
                ("start", "connecting | connect"),
                ("connected", "write ana live/1 device=d about=1⏎"),
                (answer, "leave | not live | connect"),
                ("connected", "write ana⏎"),
            ],
        );
    }
    // In parts, it is one.
    check_with(
        bench(None, None),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
            ("bytes wel", ""),
            (
                "bytes come {\"you\":\"ana\",\"last\":0}⏎f",
                "begin 0 | catching up",
            ),
            (
                "bytes ⏎",
                "store [] at 0 | write got {\"up_to\":0}⏎roster {\"changes\":true}⏎conversations {\"limit\":50}⏎ | remember Live | live",
            ),
        ],
    );
}

#[test]
fn what_a_server_sends_that_takes_the_first_word_of_the_hello_for_the_login_is_kept() {
    for (answer, stored) in [
        ("bytes @bob oi⏎f⏎", "store [bob: oi] login"),
        ("bytes f⏎", "store [] login"),
    ] {
        let online = format!("not live | remember Line | online | {stored} | finish");
        check_with(
            bench(None, None),
            &[
                ("start", "connecting | connect"),
                ("connected", "write ana live/1 device=d about=1⏎"),
                (answer, &online),
                // What it makes of the rest of the hello nobody knows: it gets the login alone.
                ("closed", "all read | close | connect"),
                ("connected", "write ana⏎"),
                ("bytes f⏎", "store [] login"),
            ],
        );
    }
}

#[test]
fn a_server_that_says_nothing_to_the_hello_gets_a_classic_login() {
    check_with(
        bench(None, None),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
            ("pass 4000", "leave | connect"),
            ("connected", "write ana⏎"),
        ],
    );
}

#[test]
fn a_classic_server_is_asked_again_after_a_day() {
    let line = Way::Classic(Framing::Line);
    let mut bench = bench(Some(line), None);
    for step in ["start", "connected", "bytes f⏎"] {
        bench.step(step);
    }
    assert!(bench.said().contains("write ana⏎"));
    bench.pass(Duration::from_secs(24 * 60 * 60));
    for step in ["fetch", "closed", "connected"] {
        bench.step(step);
    }
    assert!(bench.said().ends_with("write ana live/1 device=d about=1⏎"));
    bench.step("reset");
    assert_eq!(bench.said(), "leave | not live | connect");
    bench.step("connected");
    assert_eq!(bench.said(), "write ana⏎");
}

#[test]
fn a_live_server_that_hangs_up_is_doubted_before_it_is_taken_for_a_classic_one() {
    let mut bench = bench(Some(Way::Live), Some(3));
    bench.step("start");
    for _ in 0..3 {
        bench.said();
        bench.step("connected");
        bench.step("closed");
        assert_eq!(
            bench.said(),
            "write ana live/1 device=d after=3 about=1⏎ | leave | waiting Broken"
        );
        bench.step("fetch");
    }
    bench.step("connected");
    bench.said();
    bench.step("closed");
    assert_eq!(bench.said(), "leave | connect");
    bench.step("connected");
    assert_eq!(bench.said(), "write ana⏎");
}

#[test]
fn an_unknown_user_is_refused_at_once() {
    check_with(
        bench(None, None),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
            (
                r#"bytes bye {"code":"unknown-user","detail":"?"}⏎"#,
                "leave | refused",
            ),
            ("closed", ""),
            ("fetch", "connecting | connect"),
        ],
    );
    check_with(
        live(),
        &[
            (
                r#"bytes bye {"code":"removed"}⏎"#,
                "leave | waiting UnknownUser(\"ana\")",
            ),
            // Somebody has put the name into the list again.
            ("pass 1300", "connecting | connect"),
        ],
    );
}

#[test]
fn a_reason_of_a_newer_server_is_told_in_its_words() {
    check_with(
        bench(None, None),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
            (
                r#"bytes bye {"code":"needs-a-badge","detail":"show your\u202e badge"}⏎"#,
                "close | waiting Ended(\"show your\u{fffd} badge\")",
            ),
        ],
    );
    // One that says nothing has just hung up.
    check_with(
        live(),
        &[(
            r#"bytes bye {"code":"needs-a-badge"}⏎"#,
            "close | waiting Broken",
        )],
    );
}

#[test]
fn a_welcome_for_another_user_is_not_accepted() {
    check_with(
        live(),
        &[
            ("send 1 @bob oi", "write #t1 @bob oi⏎"),
            ("reset", "close | waiting Broken"),
            ("pass 1300", "connecting | connect"),
            ("connected", "write ana live/1 device=d after=20 about=1⏎"),
            (
                r#"bytes welcome {"you":"eva","last":20}⏎#21;at=1 @bob for eva⏎f⏎"#,
                "close | waiting OtherUser(\"eva\")",
            ),
            ("fetch", "connecting | connect"),
            ("connected", "write ana live/1 device=d after=20 about=1⏎"),
            (WELCOME, "begin 20 | catching up"),
        ],
    );
}

#[test]
fn a_stranger_that_speaks_classic_does_not_make_a_live_server_a_classic_one() {
    let mut bench = live();
    for step in ["reset", "fetch", "connected"] {
        bench.step(step);
    }
    bench.said();
    bench.step("bytes f⏎");
    assert!(
        bench
            .said()
            .starts_with("remember Line | online | store [] login")
    );
    for step in ["closed", "connected"] {
        bench.step(step);
    }
    // It is asked for a live session each time, also on the next day.
    assert!(
        bench
            .said()
            .ends_with("write ana live/1 device=d after=20 about=1⏎")
    );
    for step in ["closed", "connected", "bytes f⏎", "pass 90000000", "reset"] {
        bench.step(step);
    }
    bench.said();
    for step in ["fetch", "connected"] {
        bench.step(step);
    }
    assert!(
        bench
            .said()
            .ends_with("write ana live/1 device=d after=20 about=1⏎")
    );
    bench.step(WELCOME);
    bench.step("bytes f⏎");
    assert!(bench.said().ends_with("remember Live | live"));
}

#[test]
fn whatever_a_known_server_does_at_the_beginning_it_is_asked_for_a_live_session_again_and_again() {
    for answer in [
        "closed",
        "reset",
        "broken",
        "pass 30000",
        "bytes HTTP/1.1 400 Bad Request⏎",
        "bytes what?⏎",
        "bytes welcome {}⏎",
        r#"bytes welcome {"you":"ana","last":99999999999999}⏎"#,
        r#"bytes bye {"code":"unknown-user"}⏎"#,
        r#"bytes bye {"code":"bad-hello"}⏎"#,
    ] {
        let mut bench = live();
        bench.step("reset");
        let mut hellos = 0;
        for _ in 0..2_000 {
            match bench.machine.phase {
                Phase::Waiting { retry_at } => {
                    let pause = retry_at - bench.now;
                    assert!(pause <= Duration::from_secs(60), "{answer}");
                    bench.pass(pause);
                }
                Phase::Connecting => bench.step("connected"),
                _ => {
                    bench.step(answer);
                    bench.step("pass 1000");
                }
            }
            let said = bench.said();
            hellos += usize::from(said.contains("write ana live/1"));
        }
        assert!(hellos >= 5, "{answer}: {hellos}");
    }
}
