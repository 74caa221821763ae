//! Servers of other makes, which are silent, slow, or end their messages in another way.

use super::*;

/// A machine that may ask for a live session.
fn unknown() -> Bench {
    Bench::new("ana", never_connected(), None)
}

#[test]
fn a_server_that_is_silent_on_a_line_gets_a_bare_login_within_five_seconds() {
    check(&[
        ("start", "connecting | connect"),
        ("connected", "write ana⏎"),
        ("pass 3999", ""),
        // In order, so that nobody sees a reset; what it says yet is heard.
        ("pass 1", "finish"),
        ("pass 1000", "leave | connect"),
        ("connected", "write ana"),
        ("bytes f", ""),
        ("pass 200", "remember Bare | online | store [] login"),
    ]);
    // Most close as soon as the client does.
    check(&[
        ("start", "connecting | connect"),
        ("connected", "write ana⏎"),
        ("pass 4000", "finish"),
        ("closed", "leave | connect"),
        ("connected", "write ana"),
    ]);
}

#[test]
fn a_server_that_is_silent_in_every_way_is_asked_again_with_time_for_an_answer() {
    check(&[
        ("start", "connecting | connect"),
        ("connected", "write ana⏎"),
        ("pass 5000", "finish | leave | connect"),
        ("connected", "write ana"),
        ("pass 5000", "finish | leave | connect"),
        ("connected", "write ana⏎"),
        ("pass 19999", ""),
        ("pass 1001", "finish | leave | waiting TimedOut"),
        ("pass 1200", "connecting | connect"),
        ("connected", "write ana"),
        ("pass 15000", ""),
        ("bytes f", ""),
        ("pass 200", "remember Bare | online | store [] login"),
    ]);
    // The live hello has its turn, too.
    check_with(
        unknown(),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
            ("pass 4000", "leave | connect"),
            ("connected", "write ana⏎"),
            ("pass 5000", "finish | leave | connect"),
            ("connected", "write ana"),
            ("pass 5000", "finish | leave | connect"),
            ("connected", "write ana⏎"),
            ("pass 21000", "finish | leave | waiting TimedOut"),
            ("fetch", "connecting | connect"),
            ("connected", "write ana"),
            ("pass 21000", "finish | leave | waiting TimedOut"),
            ("fetch", "connecting | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
            ("pass 7999", ""),
            ("pass 1", "leave | waiting TimedOut"),
            ("fetch", "connecting | connect"),
            ("connected", "write ana⏎"),
        ],
    );
}

#[test]
fn one_slow_answer_does_not_change_a_remembered_framing() {
    for (framing, login, answer) in [
        (Framing::Bare, "write ana", "bytes f"),
        (Framing::Line, "write ana⏎", "bytes f⏎"),
    ] {
        check_with(
            Bench::classic("ana", Some(framing), None),
            &[
                ("start", "connecting | connect"),
                ("connected", login),
                ("pass 19999", ""),
                ("pass 1001", "finish | leave | waiting TimedOut"),
                ("pass 1200", "connecting | connect"),
                ("connected", login),
                ("pass 19000", ""),
                (
                    answer,
                    if framing == Framing::Line {
                        "online | store [] login"
                    } else {
                        ""
                    },
                ),
                (
                    "pass 200",
                    if framing == Framing::Line {
                        ""
                    } else {
                        "online | store [] login"
                    },
                ),
            ],
        );
    }
}

#[test]
fn an_answer_that_comes_while_one_leaves_is_kept_and_shows_the_way() {
    check(&[
        ("start", "connecting | connect"),
        ("connected", "write ana⏎"),
        ("pass 4000", "finish"),
        ("pass 500", ""),
        (
            "bytes @bob late⏎f⏎",
            "remember Line | online | store [bob: late]",
        ),
        ("closed", "all read | leave | connect"),
        ("connected", "write ana⏎"),
        ("pass 19999", ""),
        ("bytes f⏎", "store [] login"),
    ]);
}

#[test]
fn a_server_that_was_replaced_by_one_of_the_other_framing_is_found_out() {
    check_with(
        Bench::classic("ana", Some(Framing::Bare), None),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana"),
            ("pass 21000", "finish | leave | waiting TimedOut"),
            ("fetch", "connecting | connect"),
            ("connected", "write ana"),
            ("pass 21000", "finish | leave | connect"),
            ("connected", "write ana⏎"),
            ("bytes f⏎", "remember Line | online | store [] login"),
        ],
    );
}

#[test]
fn a_silent_server_is_given_up_after_twenty_seconds() {
    check_logged_in(&[
        ("send 1 @bob one", "depart 1 | write @bob one⏎"),
        ("pass 19000", ""),
        ("bytes @bob slow⏎", ""),
        ("pass 19000", "store [bob: slow]"),
        ("pass 1000", "close | unconfirmed 1 | waiting TimedOut"),
    ]);
}

#[test]
fn what_a_server_that_never_ends_its_messages_sends_is_shown_and_said_to_be_uncertain() {
    check(&[
        ("start", "connecting | connect"),
        ("connected", "write ana⏎"),
        ("bytes @bob oi⏎@cy yo⏎", "remember Line | online"),
        ("pass 1000", "store [bob: oi, cy: yo]"),
        ("pass 3999", ""),
        ("pass 1", "no end | store [] login | online?"),
        ("bytes @bob more⏎", "store [bob: more]"),
        ("send 1 @bob hi", "depart 1 | write @bob hi⏎"),
        ("bytes @bob why?⏎", ""),
        ("pass 1000", "store [bob: why?]"),
        ("pass 1000", "unconfirmed 1"),
        ("send 2 @bob hi", "depart 2 | write @bob hi⏎"),
        ("pass 2000", "unconfirmed 2"),
        // From now on nothing is waited for.
        ("reset", "close | waiting Broken"),
        ("fetch", "connecting | connect"),
        ("connected", "write ana⏎"),
        ("pass 1999", ""),
        ("pass 1", "online? | store [] login"),
        // Unless it has learned.
        ("bytes f⏎", "ends | online"),
        ("send 3 @bob hi", "depart 3 | write @bob hi⏎"),
        ("bytes f⏎", "store [] sent 3"),
    ]);
}

#[test]
fn that_a_server_has_no_end_is_remembered() {
    let mut bench = Bench::classic("ana", Some(Framing::Line), None);
    bench.machine.ending = Ending::Silence;
    check_with(
        bench,
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana⏎"),
            ("pass 2000", "online? | store [] login"),
        ],
    );
}

#[test]
fn another_word_for_the_end_is_learned_from_the_login() {
    for (word, sent) in [("fim", "fim⏎"), ("END", "END\r⏎"), ("f.", "f.⏎")] {
        let login = format!("bytes @bob oi⏎{sent}");
        let online = format!("no end | store [] login | online until {word}");
        let answer = format!("bytes @bob yo⏎{sent}");
        check(&[
            ("start", "connecting | connect"),
            ("connected", "write ana⏎"),
            (&login, "remember Line | online"),
            ("pass 1000", "store [bob: oi]"),
            ("pass 4000", &online),
            ("send 1 @bob hi", "depart 1 | write @bob hi⏎"),
            (&answer, "store [bob: yo] sent 1"),
        ]);
    }
}

#[test]
fn a_login_that_is_only_not_refused_counts_where_strangers_are_refused() {
    // It hung up on a hello, whose user it does not know: so it waits for a message of ours.
    check_with(
        unknown(),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
            ("closed", "leave | not live | connect"),
            ("connected", "write ana⏎"),
            ("pass 5000", "finish | leave | connect"),
            ("connected", "write ana"),
            ("pass 5000", "finish | leave | connect"),
            ("connected", "write ana⏎"),
            (
                "pass 2000",
                "no end | remember Line | online? | store [] login",
            ),
        ],
    );
    // And if it hangs up then, it is over.
    check_with(
        unknown(),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
            ("closed", "leave | not live | connect"),
            ("connected", "write ana⏎"),
            ("pass 5000", "finish | leave | connect"),
            ("connected", "write ana"),
            ("closed", "leave | connect"),
            ("connected", "write ana⏎"),
            ("closed", "leave | refused"),
        ],
    );
}

#[test]
fn a_server_that_says_the_same_to_everybody_and_hangs_up_on_nobody_refuses() {
    check_with(
        unknown(),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
            ("bytes who?⏎", "leave | not live | connect"),
            ("connected", "write ana⏎"),
            ("bytes who?⏎", ""),
            ("pass 6000", "finish | leave | connect"),
            ("connected", "write ana"),
            ("bytes who?⏎", ""),
            (
                "pass 6000",
                "finish | leave | store [server: who?] | refused",
            ),
        ],
    );
    // One that says something else to the login has taken it.
    check_with(
        unknown(),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
            ("bytes who?⏎", "leave | not live | connect"),
            ("connected", "write ana⏎"),
            ("bytes hello ana⏎", ""),
            ("pass 6000", "finish | leave | connect"),
            ("connected", "write ana"),
            ("pass 5000", "finish | leave | connect"),
            ("connected", "write ana⏎"),
            ("bytes hello ana⏎", ""),
            (
                "pass 5000",
                "no end | remember Line | online? | store [server: hello ana] login",
            ),
        ],
    );
}

#[test]
fn the_end_mark_is_known_however_it_is_written() {
    for mark in ["f", "F", "f\0", "f \r", "\"f\"", "b'f'", "\0f"] {
        let bytes = format!("bytes @bob oi⏎{mark}⏎");
        check(&[
            ("start", "connecting | connect"),
            ("connected", "write ana⏎"),
            (&bytes, "remember Line | online | store [bob: oi] login"),
        ]);
    }
}

#[test]
fn an_end_that_comes_late_is_not_taken_for_the_answer_to_a_message() {
    let begun = [
        ("start", "connecting | connect"),
        ("connected", "write ana⏎"),
        ("bytes @bob oi⏎", "remember Line | online"),
        (
            "pass 5000",
            "store [bob: oi] | no end | store [] login | online?",
        ),
        ("send 1 @bob hi", "depart 1 | write @bob hi⏎"),
        ("bytes f⏎", "ends"),
    ];
    check(&[&begun[..], &[("bytes f⏎", "store [] sent 1 | online")]].concat());
    check(
        &[
            &begun[..],
            &[("broken", "close | unconfirmed 1 | waiting TimedOut")],
        ]
        .concat(),
    );
    // It was the only one.
    check(&[&begun[..], &[("pass 5000", "store [] sent 1 | online")]].concat());
}

#[test]
fn what_is_no_messenger_server_is_called_what_it_is() {
    for (said, stranger) in [
        ("SSH-2.0-OpenSSH_9.2⏎", "Ssh"),
        ("HTTP/1.1 400 Bad Request⏎Connection: close⏎⏎", "Web"),
        ("\u{15}\u{3}\u{1}\0\u{2}\u{2}F", "Tls"),
        ("220 mail.example.org ESMTP⏎", "Mail"),
    ] {
        let bytes = format!("bytes {said}");
        let waiting = format!("leave | waiting Stranger({stranger})");
        for mut bench in [unknown(), Bench::classic("ana", None, None)] {
            bench.step("start");
            bench.step("connected");
            bench.said();
            check_with(bench, &[(&bytes, &waiting), ("closed", "")]);
        }
    }
    // Who is known to be a messenger server may quote one.
    check_logged_in(&[
        ("bytes SSH-2.0-x⏎", "store [server: SSH-2.0-x]"),
        ("bytes @bob HTTP/1.1 200⏎", "store [bob: HTTP/1.1 200]"),
    ]);
}

#[test]
fn what_only_babbles_is_no_messenger_server_and_fills_no_disk() {
    let mut bench = Bench::classic("ana", None, None);
    for step in ["start", "connected"] {
        bench.step(step);
    }
    bench.said();
    let babble = format!("bytes {}", "!#$%&'()*+,-./0123456789⏎".repeat(600));
    bench.step(&babble);
    let said = bench.said();
    assert!(said.ends_with("close | waiting NotThisProtocol"), "{said}");
    assert!(!said.contains("online"));
}
