//! What the app asks and tells beside messages, and answers that it did not ask for.

use super::*;

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
fn a_new_device_asks_for_the_list_page_by_page_and_leaves_what_is_on_its_way_to_the_messages() {
    let mut bench = live();
    bench.machine.is_listed = false;
    check_with(
        bench,
        &[
            ("reset", "close | waiting Broken"),
            ("pass 1300", "connecting | connect"),
            ("connected", "write ana live/1 device=d after=20 about=1⏎"),
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
