//! What the user writes: on its way, answered, refused, sent again.

use mensageiro_protocol::limits::LINE_BYTES;

use super::*;

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
            ("connected", "write ana live/1 device=d after=20 about=1⏎"),
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
            ("connected", "write ana live/1 device=d after=20 about=1⏎"),
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
                ("connected", "write ana live/1 device=e after=20 about=1⏎"),
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
