//! What the server sends: backlogs and news, and what is stored of them.

use proptest::prelude::*;

use super::*;

#[test]
fn a_live_session_stores_the_backlog_and_says_what_it_has() {
    check_with(
        bench(None, None),
        &[
            ("start", "connecting | connect"),
            ("connected", "write ana live/1 device=d about=1⏎"),
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
            ("connected", "write ana live/1 device=d after=21 about=1⏎"),
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
            ("connected", "write ana live/1 device=d after=20 about=1⏎"),
        ],
    );
    // A classic server may count as read what it sends.
    let mut bench = Bench::classic("ana", Some(Framing::Line), None);
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
