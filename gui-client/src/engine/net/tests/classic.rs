//! Classic sessions: one message a round, in line or bare framing.

use super::*;

#[test]
fn one_message_a_round_and_stored_before_the_next_line() {
    check(&[
        ("send 1 @bob one", ""),
        ("start", "connecting | connect"),
        ("send 2 @bob two", ""),
        ("connected", "write ana⏎"),
        ("bytes @bob oi⏎@cy x⏎", "remember Line | online"),
        (
            "bytes f⏎",
            "store [bob: oi, cy: x] login | depart 1 | write @bob one⏎",
        ),
        ("bytes @cy y⏎f", ""),
        (
            "bytes ⏎",
            "store [cy: y] sent 1 | depart 2 | write @bob two⏎",
        ),
        ("bytes f⏎", "store [] sent 2"),
        ("send 3 @bob three", "depart 3 | write @bob three⏎"),
    ]);
}

#[test]
fn a_server_that_hangs_up_on_a_line_is_asked_in_bare_framing() {
    check(&[
        ("start", "connecting | connect"),
        ("connected", "write ana⏎"),
        ("closed", "leave | connect"),
        ("connected", "write ana"),
        ("bytes f", ""),
        ("pass 200", "remember Bare | online | store [] login"),
        ("send 1 @bob hi", "depart 1 | write @bob hi"),
    ]);
}

#[test]
fn what_a_server_without_line_ends_would_cut_is_refused_here() {
    let longest = format!("send 1 @bob {}", "x".repeat(1024 - "@bob ".len()));
    let too_long = format!("send 2 @bob {}", "é".repeat(510));
    check(&[
        ("start", "connecting | connect"),
        ("connected", "write ana⏎"),
        ("closed", "leave | connect"),
        ("connected", "write ana"),
        ("bytes f", ""),
        ("pass 200", "remember Bare | online | store [] login"),
        (&too_long, "store [2 TooLong]"),
        (&longest, &longest.replace("send 1 ", "depart 1 | write ")),
    ]);
}

#[test]
fn a_remembered_framing_comes_first_and_the_other_is_tried_after_it() {
    check_with(
        Bench::classic("ana", Some(Framing::Bare), None),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana"),
            ("reset", "leave | connect"),
            ("connected", "write ana⏎"),
            ("bytes f⏎", "remember Line | online | store [] login"),
        ],
    );
}

#[test]
fn a_login_refused_in_both_framings_is_refused_until_the_person_asks() {
    check(&[
        ("start", "connecting | connect"),
        ("connected", "write ana⏎"),
        ("bytes unknown user⏎", ""),
        ("closed", "leave | connect"),
        ("connected", "write ana"),
        ("bytes unknown user", ""),
        ("closed", "leave | store [server: unknown user] | refused"),
        ("pass 3600000", ""),
        ("fetch", "connecting | connect"),
        ("connected", "write ana⏎"),
        ("reset", "leave | connect"),
        ("connected", "write ana"),
        ("pass 3999", ""),
        ("pass 1", "finish"),
        ("pass 1000", "leave | refused"),
        ("stop", "offline"),
    ]);
}

#[test]
fn a_login_that_was_good_before_is_not_refused_at_once() {
    let mut bench = Bench::classic("ana", Some(Framing::Line), None);
    bench.step("start");
    for _ in 0..3 {
        // In the other framing, and perhaps the server knows live sessions by now.
        for step in ["connected", "closed", "connected", "closed", "connected"] {
            bench.step(step);
        }
        assert!(bench.said().ends_with("write ana live/1 device=d about=1⏎"));
        bench.step("closed");
        assert_eq!(bench.said(), "leave | not live | waiting Broken");
        bench.step("pass 60000");
        assert_eq!(bench.said(), "connecting | connect");
    }
    // It may be a stranger at its address: however often it hangs up, it is asked again.
    for _ in 0..100 {
        for _ in 0..3 {
            bench.step("connected");
            bench.step("closed");
        }
        let said = bench.said();
        assert!(said.contains("waiting HangsUp"), "{said}");
        bench.step("pass 60000");
        assert_eq!(bench.said(), "connecting | connect");
    }
    bench.step("connected");
    bench.step("bytes f⏎");
    assert!(bench.said().ends_with("online | store [] login"));
}

#[test]
fn a_message_whose_answer_never_came_is_unconfirmed_and_not_sent_again() {
    for (end, problem) in [
        ("closed", "Broken"),
        ("reset", "Broken"),
        ("broken", "TimedOut"),
    ] {
        check_logged_in(&[
            ("send 1 @bob one", "depart 1 | write @bob one⏎"),
            ("send 2 @bob two", ""),
            ("bytes @bob hi⏎", ""),
            (
                end,
                &format!("store [bob: hi] | close | unconfirmed 1 | waiting {problem}"),
            ),
            ("pass 1200", "connecting | connect"),
            ("connected", "write ana⏎"),
            (
                "bytes f⏎",
                "online | store [] login | depart 2 | write @bob two⏎",
            ),
        ]);
    }
}

#[test]
fn a_message_of_which_nothing_was_written_waits_and_goes_first() {
    check_logged_in(&[
        ("send 1 @bob one", "depart 1 | write @bob one⏎"),
        ("send 2 @bob two", ""),
        ("unwritten 0", "return 1 | close | waiting Broken"),
        ("pass 1200", "connecting | connect"),
        ("connected", "write ana⏎"),
        (
            "bytes f⏎",
            "online | store [] login | depart 1 | write @bob one⏎",
        ),
        ("unwritten 3", "close | unconfirmed 1 | waiting Broken"),
    ]);
}

#[test]
fn a_discarded_message_is_not_sent() {
    check_logged_in(&[
        ("send 1 @bob one", "depart 1 | write @bob one⏎"),
        ("send 2 @bob two", ""),
        ("send 3 @bob three", ""),
        ("discard 2", ""),
        ("bytes f⏎", "store [] sent 1 | depart 3 | write @bob three⏎"),
    ]);
}

#[test]
fn fetching_closes_in_order_and_reconnects_without_a_word() {
    let every = Some(Duration::from_secs(60));
    check_with(
        Bench::classic("ana", Some(Framing::Line), every),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana⏎"),
            ("bytes f⏎", "online | store [] login | online, next in 60 s"),
            ("pass 30000", ""),
            ("send 1 @bob hi", "depart 1 | write @bob hi⏎"),
            ("bytes f⏎", "store [] sent 1 | online, next in 60 s"),
            ("pass 60000", "finish"),
            ("send 2 @bob later", ""),
            ("closed", "all read | close | connect"),
            ("connected", "write ana⏎"),
            (
                "bytes @bob oi⏎f⏎",
                "online | store [bob: oi] login | depart 2 | write @bob later⏎",
            ),
        ],
    );
}

#[test]
fn fetching_during_a_round_comes_after_it_and_after_the_outbox() {
    check_logged_in(&[
        ("send 1 @bob one", "depart 1 | write @bob one⏎"),
        ("fetch", ""),
        ("send 2 @bob two", ""),
        ("bytes f⏎", "store [] sent 1 | depart 2 | write @bob two⏎"),
        ("bytes f⏎", "store [] sent 2 | finish"),
        ("closed", "all read | close | connect"),
        ("connected", "write ana⏎"),
        ("bytes f⏎", "store [] login"),
    ]);
}

#[test]
fn a_server_that_does_not_end_its_side_is_left_all_the_same() {
    check_logged_in(&[
        ("fetch", "finish"),
        ("bytes @bob last⏎", "store [bob: last]"),
        ("pass 2000", "close | connect"),
    ]);
    check_logged_in(&[("fetch", "finish"), ("reset", "close | connect")]);
}

#[test]
fn tries_are_further_and_further_apart_until_a_session_was_good() {
    let mut bench = Bench::classic("ana", None, None);
    bench.step("start");
    let mut delays = Vec::new();
    for _ in 0..8 {
        bench.step("unreachable");
        let delay = bench.machine.deadline().unwrap() - bench.now;
        delays.push(delay.as_secs_f64());
        bench.pass(delay);
    }
    for (delay, expected) in delays
        .iter()
        .zip([1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0])
    {
        assert!(
            (expected * 0.79..expected * 1.21).contains(delay),
            "{delays:?}"
        );
    }
    for step in ["connected", "bytes f⏎", "pass 10000", "reset"] {
        bench.step(step);
    }
    assert!(bench.machine.deadline().unwrap() - bench.now <= Duration::from_millis(1200));
}

#[test]
fn the_person_need_not_wait_for_the_next_try() {
    check(&[
        ("start", "connecting | connect"),
        ("unreachable", "waiting NobodyListens"),
        ("fetch", "connecting | connect"),
        ("fetch", ""),
    ]);
}

#[test]
fn stopping_is_in_order_between_rounds_only() {
    check_logged_in(&[("stop", "finish"), ("closed", "all read | close | offline")]);
    check_logged_in(&[("stop", "finish"), ("pass 1500", "close | offline")]);
    check(&[
        ("start", "connecting | connect"),
        ("connected", "write ana⏎"),
        ("bytes @bob one⏎", "remember Line | online"),
        ("stop", "store [bob: one] | close | offline"),
    ]);
    check(&[("start", "connecting | connect"), ("stop", "offline")]);
}

#[test]
fn stopping_waits_a_moment_for_the_answer_that_is_due() {
    let sending = ("send 1 @bob one", "depart 1 | write @bob one⏎");
    check_logged_in(&[
        sending,
        ("stop", ""),
        ("bytes f⏎", "store [] sent 1 | finish"),
        ("closed", "all read | close | offline"),
    ]);
    check_logged_in(&[
        sending,
        ("stop", ""),
        ("pass 1500", "close | unconfirmed 1 | offline"),
    ]);
    check_logged_in(&[
        sending,
        ("stop", ""),
        ("reset", "close | unconfirmed 1 | offline"),
    ]);
}

#[test]
fn what_a_server_says_outside_a_round_is_stored_as_it_comes() {
    check_logged_in(&[
        ("bytes @bob pushed⏎", "store [bob: pushed]"),
        (
            "bytes f⏎maintenance at noon⏎",
            "store [server: maintenance at noon]",
        ),
        ("closed", "finish | close | waiting Broken"),
    ]);
}

#[test]
fn a_long_backlog_is_stored_in_pieces() {
    let mut bench = Bench::classic("ana", Some(Framing::Line), None);
    bench.step("start");
    bench.step("connected");
    bench.give(Input::Bytes("@bob x\n".repeat(120).as_bytes()));
    let sizes = |bench: &Bench| -> Vec<usize> {
        let size = |effect: &Effect| match effect {
            Effect::Store(batch) => Some(batch.received.len()),
            _ => None,
        };
        bench.effects.iter().filter_map(size).collect()
    };
    assert_eq!(sizes(&bench), [50, 50]);
    bench.step("bytes f⏎");
    assert_eq!(sizes(&bench), [50, 50, 20]);
}

#[test]
fn a_line_without_end_breaks_the_connection() {
    let mut bench = Bench::classic("ana", Some(Framing::Line), None);
    for step in ["start", "connected", "bytes @bob hi⏎"] {
        bench.step(step);
    }
    bench.said();
    bench.give(Input::Bytes(&[b'x'; 70_000]));
    assert!(
        bench
            .said()
            .starts_with("store [bob: hi] | close | waiting NotThisProtocol")
    );
}
