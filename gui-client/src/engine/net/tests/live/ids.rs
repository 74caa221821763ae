//! Servers whose ids begin anew or contradict what they said before.

use super::*;

#[test]
fn a_contradiction_ends_the_session_and_what_waits_goes_out_in_the_next_one() {
    check_with(
        live(),
        &[
            ("send 1 @bob one", "write #t1 @bob one⏎"),
            ("send 2 @bob two", "write #t2 @bob two⏎"),
            (r#"bytes ok {"tag":"t1","id":7,"at":5}⏎"#, "store [1 is #7]"),
            (
                "contradicted 1 @bob one, 2 @bob two",
                "keep none | close | waiting Contradicts",
            ),
            ("pass 1300", "connecting | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
            (WELCOME, "begin 20 | catching up"),
            (
                "bytes f⏎",
                "store [] at 20 | write got {\"up_to\":20}⏎roster {\"changes\":true}⏎conversations {\"limit\":200}⏎ | live | write #t1 @bob one⏎#t2 @bob two⏎",
            ),
        ],
    );
}

#[test]
fn a_server_that_contradicts_itself_again_and_again_is_asked_less_and_less() {
    let mut bench = live();
    let mut delays = Vec::new();
    for _ in 0..7 {
        bench.step("send 1 @bob one");
        bench.step(r#"bytes ok {"tag":"t1","id":7,"at":5}⏎"#);
        bench.step("contradicted");
        let delay = bench.machine.deadline().unwrap() - bench.now;
        delays.push(delay.as_secs());
        bench.pass(delay);
        for step in ["connected", WELCOME, "bytes f⏎"] {
            bench.step(step);
        }
    }
    assert!(delays[0] <= 1 && delays[6] >= 20, "{delays:?}");
}

#[test]
fn a_server_that_begins_its_numbers_anew_is_another_one() {
    check_with(
        bench(Some(Way::Live), Some(100)),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d after=100 about=1⏎"),
            (WELCOME, "keep none, Restored | close | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
            (WELCOME, "begin 20 | catching up"),
        ],
    );
}

#[test]
fn a_session_names_the_store_of_its_position_and_keeps_what_the_server_tells_of_its_own() {
    let welcome = |epoch: u64, after: &str| {
        format!(
            r#"bytes welcome {{"you":"ana","last":20,"store":"0000000000000000000000000000000a","epoch":{epoch}{after}}}⏎"#
        )
    };
    let hello = |after: u64, epoch: u64| {
        format!(
            "write ana live/1 device=d after={after} store=0000000000000000000000000000000a epoch={epoch} about=1⏎"
        )
    };
    check_with(
        bench(Some(Way::Live), None),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
            (&welcome(1, ""), "store 10 epoch 1 | begin 20 | catching up"),
            (
                "bytes f⏎",
                "store [] at 20 | write got {\"up_to\":20}⏎roster {\"changes\":true}⏎conversations {\"limit\":50}⏎ | live",
            ),
            ("reset", "close | waiting Broken"),
            ("fetch", "connecting | connect"),
            ("connected", &hello(20, 1)),
            // A backup was restored; what was sent since is told.
            (
                &welcome(2, r#","after":15"#),
                "keep 15, Restored | begin 20 | catching up",
            ),
            (
                "bytes #16;at=1 @bob new⏎f⏎",
                "store [#16 bob: new] at 20 | write got {\"up_to\":20}⏎roster {\"changes\":true}⏎conversations {\"limit\":50}⏎ | live",
            ),
            ("reset", "close | waiting Broken"),
            ("fetch", "connecting | connect"),
            ("connected", &hello(20, 2)),
            // It goes on from nothing that is here.
            (
                &welcome(2, ""),
                "keep none, Restored | begin 20 | catching up",
            ),
        ],
    );
}

#[test]
fn what_the_server_has_lost_without_knowing_is_noticed_by_what_it_has_accepted() {
    let mut bench = bench(Some(Way::Live), Some(10));
    for step in ["start", "connected", WELCOME, "bytes f⏎", "send 1 @bob oi"] {
        bench.step(step);
    }
    bench.step(r#"bytes ok {"tag":"t1","id":21,"at":5}⏎"#);
    for step in ["reset", "fetch", "connected"] {
        bench.step(step);
    }
    assert!(
        bench
            .said()
            .ends_with("write ana live/1 device=d after=20 about=1⏎")
    );
    bench.step(WELCOME);
    assert_eq!(bench.said(), "keep none, Restored | close | connect");
    bench.step("connected");
    bench.step(WELCOME);
    assert_eq!(
        bench.said(),
        "write ana live/1 device=d about=1⏎ | begin 20 | catching up"
    );
}
