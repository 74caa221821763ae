//! Sessions end: the server stops, the link is dead, the app leaves.

use super::*;

#[test]
fn a_server_that_wants_us_later_is_joined_later_but_not_after_hours() {
    for (seconds, waits) in [(20, 20), (4_000_000_000_u32, 300)] {
        let mut bench = live();
        bench.step(&format!(
            "bytes bye {{\"code\":\"slow-down\",\"retry_after\":{seconds}}}⏎"
        ));
        bench.said();
        bench.step(&format!("pass {}", waits * 1_000 - 100));
        assert_eq!(bench.said(), "");
        bench.step("pass 200");
        assert_eq!(bench.said(), "connecting | connect");
    }
}

#[test]
fn a_server_that_stops_or_finds_us_slow_is_joined_again() {
    for code in ["shutdown", "slow", "internal", "full-moon"] {
        let mut bench = live();
        bench.step(&format!(
            "bytes #21;at=1 @bob oi⏎bye {{\"code\":\"{code}\"}}⏎"
        ));
        let said = bench.said();
        assert!(
            said.starts_with("store [#21 bob: oi] at 21 | close | waiting Broken"),
            "{said}"
        );
        bench.step("pass 1300");
        bench.step("connected");
        assert!(bench.said().ends_with("after=21 about=1⏎"));
    }
}

#[test]
fn a_dead_link_is_noticed_when_an_answer_is_due_and_not_before() {
    check_with(
        live(),
        &[
            ("pass 600000", ""),
            ("send 1 @bob oi", "write #t1 @bob oi⏎"),
            ("pass 7900", ""),
            ("pass 200", "write ping {}⏎"),
            ("bytes pong {}⏎", ""),
            ("pass 8000", "write ping {}⏎"),
            ("pass 12000", "close | waiting TimedOut"),
        ],
    );
    check_with(
        live(),
        &[
            ("fetch", "write ping {}⏎"),
            ("bytes pong {}⏎", ""),
            ("pass 60000", ""),
        ],
    );
}

#[test]
fn leaving_says_goodbye_and_does_not_wait_for_long() {
    check_with(
        live(),
        &[
            ("send 1 @bob oi", "write #t1 @bob oi⏎"),
            ("stop", "write bye {}⏎"),
            ("bytes ok {\"tag\":\"t1\",\"id\":9,\"at\":1}⏎", ""),
            ("closed", "close | offline"),
        ],
    );
    check_with(
        live(),
        &[("stop", "write bye {}⏎"), ("pass 1500", "close | offline")],
    );
}
