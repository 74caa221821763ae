//! Live sessions, as the machine leads them.

use mensageiro_protocol::limits::LINE_BYTES;
use proptest::prelude::*;

use super::*;

/// A machine that may ask for a live session.
fn bench(way: Option<Way>, cursor: Option<u64>) -> Bench {
    let memory = Memory {
        way,
        has_no_end: false,
        is_live_due: way.is_none_or(|way| way == Way::Live),
        was_live: way == Some(Way::Live),
        cursor,
        store: None,
        highest: 0,
        is_listed: true,
        device: Tag::parse("d").unwrap(),
    };
    Bench {
        machine: Machine::new(Login::parse("ana").unwrap(), [], memory, None, 7),
        now: Instant::now(),
        effects: Vec::new(),
    }
}

const WELCOME: &str = r#"bytes welcome {"you":"ana","last":20}⏎"#;

/// Connected, caught up, with nothing on the way.
fn live() -> Bench {
    let mut bench = bench(Some(Way::Live), Some(10));
    for step in ["start", "connected", WELCOME, "bytes f⏎"] {
        bench.step(step);
    }
    bench.said();
    bench
}

#[test]
fn a_live_session_stores_the_backlog_and_says_what_it_has() {
    check_with(
        bench(None, None),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d⏎"),
            (WELCOME, "begin 20 | catching up"),
            ("bytes #7;at=1 @bob oi⏎#9;at=2;from=bob @turma olá⏎", ""),
            (
                "bytes f⏎",
                "store [#7 bob: oi, #9 bob: olá] at 20 | write got {\"up_to\":20}⏎roster {\"changes\":true}⏎conversations {\"limit\":50}⏎ | remember Live | live",
            ),
            (
                "bytes #21;at=3 @bob tudo?⏎",
                "store [#21 bob: tudo?] at 21 | write got {\"up_to\":21}⏎",
            ),
            ("reset", "close | waiting Broken"),
            ("pass 1300", "connecting | connect"),
            ("connected", "write ana live/1 device=d after=21⏎"),
        ],
    );
}

#[test]
fn a_long_backlog_is_stored_by_fifty_or_more() {
    let mut bench = bench(Some(Way::Live), Some(1));
    for step in ["start", "connected", WELCOME] {
        bench.step(step);
    }
    bench.said();
    let line = |id: usize| format!("#{id};at=1 @bob m{id}⏎");
    bench.step(&format!("bytes {}", (2..40).map(line).collect::<String>()));
    assert_eq!(bench.said(), "", "too few to be worth a sync");
    bench.step(&format!(
        "bytes {}",
        (40..2040).map(line).collect::<String>()
    ));
    let stored: Vec<_> = bench
        .effects
        .drain(..)
        .filter_map(|effect| match effect {
            Effect::StoreLive { updates, cursor } => Some((updates.len(), cursor)),
            _ => None,
        })
        .collect();
    assert!(stored.iter().all(|(count, _)| *count >= 50), "{stored:?}");
    let count: usize = stored.iter().map(|(count, _)| count).sum();
    assert_eq!((count, stored.last().unwrap().1), (2000, Some(2001)));
    assert_eq!(bench.machine.cursor, Some(2001));
    bench.step("reset");
    assert!(
        bench.said().starts_with("store [#2002 bob: m2002, "),
        "the rest"
    );
    assert_eq!(bench.machine.cursor, Some(2039));
}

#[test]
fn what_was_not_answered_goes_out_again_with_its_tag_first_and_in_order() {
    check_with(
        live(),
        &[
            ("send 1 @bob one", "write #t1 @bob one⏎"),
            ("send 2 @bob two", "write #t2 @bob two⏎"),
            (
                r#"bytes ok {"tag":"t1","id":30,"at":5}⏎"#,
                "store [1 is #30]",
            ),
            ("broken", "close | waiting TimedOut"),
            ("send 3 @bob three", ""),
            ("fetch", "connecting | connect"),
            ("connected", "write ana live/1 device=d after=20⏎"),
            (
                r#"bytes welcome {"you":"ana","last":31}⏎"#,
                "begin 31 | catching up",
            ),
            (
                "bytes f⏎",
                "store [] at 31 | write got {\"up_to\":31}⏎roster {\"changes\":true}⏎conversations {\"limit\":50}⏎ | live | write #t2 @bob two⏎#t3 @bob three⏎",
            ),
            (
                r#"bytes ok {"tag":"t2","id":31,"at":5}⏎ok {"tag":"t3","id":32,"at":6}⏎"#,
                "store [2 is #31, 3 is #32]",
            ),
        ],
    );
}

#[test]
fn what_the_server_tells_as_ones_own_does_not_go_out_again() {
    check_with(
        live(),
        &[
            ("send 1 @bob one", "write #t1 @bob one⏎"),
            ("reset", "close | waiting Broken"),
            ("fetch", "connecting | connect"),
            ("connected", "write ana live/1 device=d after=20⏎"),
            (
                r#"bytes welcome {"you":"ana","last":30}⏎#30;at=1;from=ana;tag=t1 @bob one⏎f⏎"#,
                "begin 30 | catching up | store [#30 ana: one] at 30 | write got {\"up_to\":30}⏎roster {\"changes\":true}⏎conversations {\"limit\":50}⏎ | live",
            ),
        ],
    );
}

#[test]
fn no_more_than_a_window_is_on_the_way() {
    let mut bench = live();
    for id in 1..=70 {
        bench.step(&format!("send {id} @bob m"));
    }
    assert_eq!(bench.said().matches("write").count(), 64);
    bench.step(r#"bytes ok {"tag":"t1","id":30,"at":5}⏎ok {"tag":"t2","id":31,"at":5}⏎"#);
    assert_eq!(
        bench.said(),
        "store [1 is #30, 2 is #31] | write #t65 @bob m⏎#t66 @bob m⏎"
    );
    assert!(bench.machine.is_out(MessageId(66)) && !bench.machine.is_out(MessageId(67)));
}

#[test]
fn a_refused_message_says_why_and_the_next_one_goes_on() {
    check_with(
        live(),
        &[
            ("send 1 @zoe oi", "write #t1 @zoe oi⏎"),
            (
                r#"bytes no {"tag":"t1","code":"unknown-recipient"}⏎"#,
                "store [1 UnknownRecipient]",
            ),
            ("send 2 @bob oi", "write #t2 @bob oi⏎"),
            (r#"bytes no {"tag":"t2","code":"internal"}⏎"#, ""),
            ("send 3 @bob later", ""),
            ("pass 5000", "write #t2 @bob oi⏎#t3 @bob later⏎"),
            (
                r#"bytes no {"tag":"t2","code":"quota","retry_after":9}⏎"#,
                "store [2 Quota]",
            ),
        ],
    );
}

#[test]
fn a_message_that_comes_too_early_goes_out_again_when_the_server_says() {
    check_with(
        live(),
        &[
            ("send 1 @bob one", "write #t1 @bob one⏎"),
            ("send 2 @bob two", "write #t2 @bob two⏎"),
            (
                r#"bytes no {"tag":"t1","code":"slow-down","retry_after":7}⏎no {"tag":"t2","code":"busy","retry_after":3}⏎"#,
                "",
            ),
            ("send 3 @bob three", ""),
            ("pass 6900", ""),
            (
                "pass 200",
                "write #t1 @bob one⏎#t2 @bob two⏎#t3 @bob three⏎",
            ),
        ],
    );
}

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
fn a_message_longer_than_the_server_takes_is_refused_here() {
    let mut bench = live();
    bench.step(&format!("send 1 @bob {}", "\\".repeat(16_000)));
    assert_eq!(bench.said(), "store [1 TooLong]");
    let longest = "x".repeat(LINE_BYTES - "#t2 @bob ".len());
    bench.step(&format!("send 2 @bob {longest}"));
    assert_eq!(bench.said(), format!("write #t2 @bob {longest}⏎"));
    bench.step(&format!("send 3 @bob {longest}x"));
    assert_eq!(bench.said(), "store [3 TooLong]");
}

#[test]
fn a_server_that_hangs_up_on_the_hello_is_classic() {
    check_with(
        bench(None, None),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d⏎"),
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
                ("connected", "write ana live/1 device=d⏎"),
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
            ("connected", "write ana live/1 device=d⏎"),
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
                ("connected", "write ana live/1 device=d⏎"),
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
            ("connected", "write ana live/1 device=d⏎"),
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
    assert!(bench.said().ends_with("write ana live/1 device=d⏎"));
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
            "write ana live/1 device=d after=3⏎ | leave | waiting Broken"
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
            ("connected", "write ana live/1 device=d⏎"),
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
fn a_welcome_for_another_user_is_not_accepted() {
    check_with(
        live(),
        &[
            ("send 1 @bob oi", "write #t1 @bob oi⏎"),
            ("reset", "close | waiting Broken"),
            ("pass 1300", "connecting | connect"),
            ("connected", "write ana live/1 device=d after=20⏎"),
            (
                r#"bytes welcome {"you":"eva","last":20}⏎#21;at=1 @bob for eva⏎f⏎"#,
                "close | waiting OtherUser(\"eva\")",
            ),
            ("fetch", "connecting | connect"),
            ("connected", "write ana live/1 device=d after=20⏎"),
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
            .ends_with("write ana live/1 device=d after=20⏎")
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
            .ends_with("write ana live/1 device=d after=20⏎")
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
            ("connected", "write ana live/1 device=d⏎"),
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
fn without_room_what_others_write_stays_at_the_server_and_ones_own_goes_out() {
    check_with(
        live(),
        &[
            ("full", ""),
            ("bytes #21;at=1 @bob big⏎", ""),
            ("send 1 @bob one", "write #t1 @bob one⏎"),
            (
                r#"bytes ok {"tag":"t1","id":22,"at":5}⏎"#,
                "store [1 is #22]",
            ),
            (
                "history bob",
                "write history {\"with\":\"bob\",\"before\":50,\"limit\":9}⏎",
            ),
            (
                "bytes #3;at=1;old=1 @bob a⏎history {\"with\":\"bob\",\"before\":50,\"count\":1,\"more\":false}⏎",
                "no older bob",
            ),
            ("roomy", "close | connecting | connect"),
            ("connected", "write ana live/1 device=d after=20⏎"),
        ],
    );
    // A classic server may count as read what it sends.
    let mut bench = Bench::new("ana", Some(Framing::Line), None);
    check_with(
        {
            for step in ["start", "connected", "bytes f⏎"] {
                bench.step(step);
            }
            bench.said();
            bench
        },
        &[
            ("full", "close | waiting NoRoom"),
            ("pass 1300", "connecting | connect"),
            ("connected", "leave | waiting NoRoom"),
            ("roomy", "connecting | connect"),
            ("connected", "write ana⏎"),
        ],
    );
}

#[test]
fn an_answer_that_nobody_asked_for_is_no_answer() {
    check_with(
        live(),
        &[
            (
                r#"bytes #3;at=1;old=1 @bob a⏎history {"with":"bob","count":1,"more":false}⏎"#,
                "",
            ),
            // The first one is asked for.
            (
                r#"bytes conversations {"conversations":[]}⏎"#,
                "list [], all",
            ),
            (
                r#"bytes conversations {"conversations":[{"with":"bob","last":{"id":9,"from":"bob","text":"x"}}]}⏎"#,
                "",
            ),
            (
                r#"bytes ok {"tag":"t9","id":21,"at":5}⏎no {"tag":"t9","code":"internal"}⏎pong {}⏎f⏎"#,
                "",
            ),
            (
                "history bob",
                "write history {\"with\":\"bob\",\"before\":50,\"limit\":9}⏎",
            ),
            // Of another conversation, or not older.
            ("bytes #3;at=1;old=1 @eva a⏎#50;at=1;old=1 @bob a⏎", ""),
            (
                r#"bytes history {"with":"eva","before":50,"count":1,"more":false}⏎"#,
                "no older bob",
            ),
        ],
    );
}

#[test]
fn what_a_server_that_is_there_never_answers_goes_out_again() {
    let mut bench = live();
    bench.step("send 1 @bob one");
    for _ in 0..119 {
        bench.step(r#"bytes ok {"tag":"t1","id":18446744073709551615,"at":5}⏎pong {}⏎"#);
        bench.step("pass 1000");
    }
    assert!(!bench.said().contains("waiting"));
    bench.step("pass 1100");
    assert!(bench.said().ends_with("close | waiting TimedOut"));
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
        assert!(bench.said().ends_with("after=21⏎"));
    }
}

#[test]
fn a_server_that_begins_its_numbers_anew_is_another_one() {
    check_with(
        bench(Some(Way::Live), Some(100)),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d after=100⏎"),
            (WELCOME, "keep none, Restored | close | connect"),
            ("connected", "write ana live/1 device=d⏎"),
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
            "write ana live/1 device=d after={after} store=0000000000000000000000000000000a epoch={epoch}⏎"
        )
    };
    check_with(
        bench(Some(Way::Live), Some(20)),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d after=20⏎"),
            (
                &welcome(1, r#","after":20"#),
                "store 10 epoch 1 | begin 20 | catching up",
            ),
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
            .ends_with("write ana live/1 device=d after=20⏎")
    );
    bench.step(WELCOME);
    assert_eq!(bench.said(), "keep none, Restored | close | connect");
    bench.step("connected");
    bench.step(WELCOME);
    assert_eq!(
        bench.said(),
        "write ana live/1 device=d⏎ | begin 20 | catching up"
    );
}

#[test]
fn a_message_that_is_refused_for_its_number_goes_out_in_a_session_of_another_name() {
    for code in ["tag-used", "tag-old"] {
        check_with(
            live(),
            &[
                ("send-as 1 d:7 @bob one", "write #d:7 @bob one⏎"),
                ("send-as 2 d:8 @bob two", "write #d:8 @bob two⏎"),
                (
                    &format!(r#"bytes no {{"tag":"d:7","code":"{code}"}}⏎"#),
                    "renumber 1",
                ),
                ("renumbered 1 e:1 @bob one", ""),
                ("send-as 3 e:2 @bob three", ""),
                (
                    r#"bytes ok {"tag":"d:8","id":30,"at":5}⏎"#,
                    "store [2 is #30] | close | connecting | connect",
                ),
                ("connected", "write ana live/1 device=e after=20⏎"),
                (
                    r#"bytes welcome {"you":"ana","last":30,"number":9}⏎"#,
                    "begin 30 | number above 9 | catching up",
                ),
                (
                    "bytes f⏎",
                    "store [] at 30 | write got {\"up_to\":30}⏎roster {\"changes\":true}⏎conversations {\"limit\":50}⏎ | live | write #e:1 @bob one⏎#e:2 @bob three⏎",
                ),
            ],
        );
    }
}

#[test]
fn a_server_that_takes_no_number_at_all_ends_in_a_refusal() {
    let mut bench = live();
    bench.step("send-as 1 d:1 @bob one");
    bench.said();
    for number in 1..=4 {
        let no = format!(r#"bytes no {{"tag":"d:{number}","code":"tag-used"}}⏎"#);
        bench.step(&no);
        if number < 4 {
            assert_eq!(bench.said(), "renumber 1");
            bench.step(&format!("renumbered 1 d:{} @bob one", number + 1));
            bench.said();
        }
    }
    assert_eq!(bench.said(), "store [1 Other]");
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
fn what_was_read_is_known_to_the_server_when_it_answers_after_it() {
    check_with(
        live(),
        &[
            ("read bob 7", "write read {\"with\":\"bob\",\"up_to\":7}⏎"),
            ("read bob 9", "write read {\"with\":\"bob\",\"up_to\":9}⏎"),
            ("pass 8000", "write ping {}⏎"),
            ("read bob 12", "write read {\"with\":\"bob\",\"up_to\":12}⏎"),
            ("bytes pong {}⏎", "1 reads told"),
            ("pass 8000", "write ping {}⏎"),
            ("bytes pong {}⏎", "1 reads told"),
            ("pass 60000", ""),
        ],
    );
}

#[test]
fn older_messages_are_asked_for_one_answer_after_another() {
    let asked =
        |with: &str| format!("write history {{\"with\":\"{with}\",\"before\":50,\"limit\":9}}⏎");
    check_with(
        live(),
        &[
            ("history bob", &asked("bob")),
            ("history bob", ""),
            ("history cy", ""),
            (
                "bytes #3;at=1;old=1 @bob a⏎#21;at=9 @bob new⏎#4;at=2;old=1 @bob b⏎",
                "store [#21 bob: new] at 21 | write got {\"up_to\":21}⏎",
            ),
            (
                r#"bytes history {"with":"bob","before":50,"count":2,"more":true}⏎"#,
                &format!("older bob [3, 4] | {}", asked("cy")),
            ),
            (
                r#"bytes no {"code":"not-a-member","detail":"?"}⏎"#,
                "no older cy",
            ),
            ("history cy", &asked("cy")),
            ("reset", "no older cy | close | waiting Broken"),
            ("history bob", "no older bob"),
        ],
    );
}

#[test]
fn typing_is_told_every_three_seconds_and_away_when_it_begins() {
    check_with(
        live(),
        &[
            ("typing bob", "write typing {\"to\":\"bob\"}⏎"),
            ("pass 2900", ""),
            ("typing bob", ""),
            ("pass 200", ""),
            ("typing bob", "write typing {\"to\":\"bob\"}⏎"),
            ("away", "write status {\"state\":\"away\"}⏎"),
            (
                "away lunch",
                "write status {\"state\":\"away\",\"note\":\"lunch\"}⏎",
            ),
            (
                "bytes presence {\"login\":\"bob\",\"state\":\"away\"}⏎",
                "news",
            ),
            (
                "bytes receipt {\"id\":7,\"with\":\"bob\",\"by\":\"bob\",\"state\":\"read\",\"at\":1}⏎read {\"with\":\"bob\",\"up_to\":9}⏎",
                "store [bob Read #7, read bob #9]",
            ),
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

#[test]
fn a_message_that_may_have_left_is_unconfirmed_on_a_server_that_is_classic_now() {
    let mut bench = live();
    bench.step("send 1 @bob oi");
    for _ in 0..4 {
        bench.step("reset");
        bench.step("fetch");
        bench.step("connected");
    }
    bench.said();
    bench.step("reset");
    bench.step("connected");
    assert_eq!(bench.said(), "leave | connect | write ana⏎");
    bench.step("bytes f⏎");
    assert_eq!(
        bench.said(),
        "remember Line | unconfirmed 1 | online | store [] login"
    );
}

/// A session from its first byte on, with everything a server tells.
const TOLD: &str = concat!(
    "welcome {\"you\":\"ana\",\"last\":40}\n",
    "#31;at=1 @bob one\\ntwo\n#33;at=2;from=ana;tag=t1 @bob ação\n#40;at=3;from=cy @turma three\n",
    "receipt {\"id\":33,\"with\":\"bob\",\"by\":\"bob\",\"state\":\"read\",\"at\":9}\nf\n",
    "weather {}\n#41;at=4 @bob f\nread {\"with\":\"bob\",\"up_to\":41}\n",
    "typing {\"from\":\"bob\",\"with\":\"bob\"}\n#42;at=5 @cy last\n",
);

proptest! {
    /// However the network cuts what a server tells, the same is stored, in the same order.
    #[test]
    fn cut_anywhere_a_session_tells_the_same(mut cuts in prop::collection::vec(0..TOLD.len(), 0..12)) {
        cuts.extend([0, TOLD.len()]);
        cuts.sort_unstable();
        let mut bench = bench(Some(Way::Live), Some(30));
        bench.step("start");
        bench.step("connected");
        for part in cuts.windows(2) {
            bench.give(Input::Bytes(&TOLD.as_bytes()[part[0]..part[1]]));
        }
        let stored: Vec<String> = bench
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::StoreLive { updates, .. } => Some(updates.iter().map(say_update)),
                _ => None,
            })
            .flatten()
            .collect();
        prop_assert_eq!(
            stored,
            [
                "#31 bob: one\ntwo",
                "#33 ana: ação",
                "#40 cy: three",
                "bob Read #33",
                "#41 bob: f",
                "read bob #41",
                "#42 cy: last",
            ]
        );
        prop_assert_eq!(bench.machine.cursor, Some(42));
    }
}

#[test]
fn a_new_device_asks_for_the_list_page_by_page_and_leaves_what_is_on_its_way_to_the_messages() {
    let mut bench = live();
    bench.machine.is_listed = false;
    check_with(
        bench,
        &[
            ("reset", "close | waiting Broken"),
            ("pass 1300", "connecting | connect"),
            ("connected", "write ana live/1 device=d after=20⏎"),
            (
                r#"bytes welcome {"you":"ana","last":20}⏎f⏎"#,
                "begin 20 | catching up | store [] at 20 | write got {\"up_to\":20}⏎roster {\"changes\":true}⏎conversations {\"limit\":200}⏎ | live",
            ),
            (
                "bytes #21;at=3 @eva oi⏎",
                "store [#21 eva: oi] at 21 | write got {\"up_to\":21}⏎",
            ),
            (
                r#"bytes conversations {"conversations":[{"with":"zoe","last":{"id":22,"from":"zoe","text":"x"}},{"with":"bob","last":{"id":9,"from":"bob","text":"x"}}],"more":true}⏎"#,
                "list [bob] | write conversations {\"before\":9,\"limit\":200}⏎",
            ),
            (
                r#"bytes conversations {"before":9,"conversations":[{"with":"eva","last":{"id":9,"from":"ana","text":"x"}}],"more":true}⏎"#,
                "list [eva], all",
            ),
            (
                r#"bytes conversations {"conversations":[],"more":true}⏎"#,
                "",
            ),
            ("pass 60000", ""),
        ],
    );
}
