//! The machine by itself, with a clock that only the tests move.

use mensageiro_protocol::{classic::Request, live::HistoryRequest};

use super::{super::io::LiveUpdate, *};
use crate::engine::Doubt;

#[path = "follow_tests.rs"]
mod follow;
#[path = "foreign_tests.rs"]
mod foreign;
#[path = "live_tests.rs"]
mod live;

/// A machine and its clock.
struct Bench {
    machine: Machine,
    now: Instant,
    effects: Vec<Effect>,
}

impl Bench {
    fn new(login: &str, remembered: Option<Framing>, fetch_every: Option<Duration>) -> Self {
        let login = Login::parse(login).unwrap();
        // Known not to know live sessions; those are tested in `live_tests.rs`.
        let memory = Memory {
            way: remembered.map(Way::Classic),
            has_no_end: false,
            is_live_due: false,
            was_live: false,
            cursor: None,
            store: None,
            highest: 0,
            is_listed: false,
            device: Tag::parse("d").unwrap(),
        };
        Self {
            machine: Machine::new(login, [], memory, fetch_every, 7),
            now: Instant::now(),
            effects: Vec::new(),
        }
    }

    fn give(&mut self, input: Input<'_>) {
        let effects = self.machine.handle(self.now, input);
        self.effects.extend(effects);
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.machine.deadline().filter(|&at| at <= until) {
            self.now = self.now.max(deadline);
            self.give(Input::Timer);
        }
        self.now = until;
    }

    /// One step of a test, as it is written there.
    fn step(&mut self, step: &str) {
        let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
        match verb {
            "start" => self.give(Input::Start),
            "connected" => self.give(Input::Connected),
            "unreachable" => self.give(Input::ConnectFailed(LinkProblem::NobodyListens)),
            "bytes" => self.give(Input::Bytes(rest.replace('⏎', "\n").as_bytes())),
            "closed" => self.give(Input::Closed),
            "reset" => self.give(Input::Reset),
            "broken" => self.give(Input::Broken(LinkProblem::TimedOut)),
            "unwritten" => self.give(Input::WriteFailed {
                written: rest.parse().unwrap(),
            }),
            "send" => {
                let (id, line) = rest.split_once(' ').unwrap();
                self.give(Input::Send(outgoing(id, &format!("t{id}"), line)));
            }
            "send-as" | "renumbered" => {
                let mut words = rest.splitn(3, ' ');
                let [id, tag, line] = [(); 3].map(|()| words.next().unwrap());
                let message = outgoing(id, tag, line);
                self.give(match verb {
                    "send-as" => Input::Send(message),
                    _ => Input::Renumbered(message),
                });
            }
            "full" | "roomy" => self.give(Input::Full(verb == "full")),
            "contradicted" => {
                let outbox = rest.split(", ").filter(|line| !line.is_empty());
                let outgoing = |line: &str| {
                    let (id, line) = line.split_once(' ').unwrap();
                    outgoing(id, &format!("t{id}"), line)
                };
                self.give(Input::Contradicted(outbox.map(outgoing).collect()));
            }
            "discard" => self.give(Input::Discard(MessageId(rest.parse().unwrap()))),
            "read" => {
                let (with, up_to) = rest.split_once(' ').unwrap();
                self.give(Input::Read(mensageiro_protocol::live::Read {
                    with: Login::parse(with).unwrap(),
                    up_to: up_to.parse().unwrap(),
                }));
            }
            "typing" => self.give(Input::Typing(Login::parse(rest).unwrap())),
            "away" => self.give(Input::Status {
                is_away: true,
                note: Text::from(rest),
            }),
            "history" => self.give(Input::History(HistoryRequest {
                with: Login::parse(rest).unwrap(),
                before: Some(50),
                limit: 9,
            })),
            "fetch" => self.give(Input::FetchNow),
            "stop" => self.give(Input::Stop),
            "pass" => self.pass(Duration::from_millis(rest.parse().unwrap())),
            _ => panic!("what is {step:?}?"),
        }
    }

    fn said(&mut self) -> String {
        let now = self.now;
        let said: Vec<_> = self
            .effects
            .drain(..)
            .map(|effect| say(&effect, now))
            .collect();
        said.join(" | ")
    }
}

fn outgoing(id: &str, tag: &str, line: &str) -> Outgoing {
    let Request::Send(Addressed { login: to, text }) = Request::parse(line.as_bytes()) else {
        panic!("{line:?} is no message")
    };
    let id = MessageId(id.parse().unwrap());
    let tag = Tag::parse(tag).unwrap();
    Outgoing { id, to, text, tag }
}

fn say(effect: &Effect, now: Instant) -> String {
    match effect {
        Effect::Connect => "connect".into(),
        Effect::Write(bytes) => {
            format!(
                "write {}",
                String::from_utf8_lossy(bytes).replace('\n', "⏎")
            )
        }
        Effect::FinishWriting => "finish".into(),
        Effect::Close => "close".into(),
        Effect::Leave => "leave".into(),
        Effect::Store(Batch { received, ends }) => {
            let name = |peer: &Peer| match peer {
                Peer::Person(login) => login.to_string(),
                Peer::Server => "server".into(),
            };
            let texts: Vec<_> = received
                .iter()
                .map(|one| format!("{}: {}", name(&one.from), one.text))
                .collect();
            let ends = match ends {
                None => String::new(),
                Some(Round::Login) => " login".into(),
                Some(Round::Sent(id)) => format!(" sent {}", id.0),
            };
            format!("store [{}]{ends}", texts.join(", "))
        }
        Effect::Depart(id) => format!("depart {}", id.0),
        Effect::Return(id) => format!("return {}", id.0),
        Effect::Unconfirmed(id) => format!("unconfirmed {}", id.0),
        Effect::AllRead => "all read".into(),
        Effect::Remember(Way::Live) => "remember Live".into(),
        Effect::Remember(Way::Classic(framing)) => format!("remember {framing:?}"),
        Effect::RememberEnd(has_end) => if *has_end { "ends" } else { "no end" }.into(),
        Effect::LiveRefused => "not live".into(),
        Effect::BeginLive(last) => format!("begin {last}"),
        Effect::BeginIds { kept, change, .. } => {
            let kept = kept.map_or("none".into(), |id| id.to_string());
            let told = change.map_or(String::new(), |change| format!(", {change:?}"));
            format!("keep {kept}{told}")
        }
        Effect::KeepStore(of) => format!("store {} epoch {}", of.store.0, of.epoch),
        Effect::NumberAbove(number) => format!("number above {number}"),
        Effect::Renumber(id) => format!("renumber {}", id.0),
        Effect::StoreLive { updates, cursor } => {
            let updates: Vec<_> = updates.iter().map(say_update).collect();
            let cursor = cursor.map_or(String::new(), |at| format!(" at {at}"));
            format!("store [{}]{cursor}", updates.join(", "))
        }
        Effect::StoreOlder { messages, end } => {
            let ids: Vec<_> = messages.iter().map(|one| one.id.to_string()).collect();
            format!("older {} [{}]", end.with, ids.join(", "))
        }
        Effect::StoreList {
            conversations,
            is_last,
        } => {
            let names: Vec<_> = conversations.iter().map(|one| one.with.as_str()).collect();
            let end = if *is_last { ", all" } else { "" };
            format!("list [{}]{end}", names.join(", "))
        }
        Effect::NoOlder(with) => format!("no older {with}"),
        Effect::ReadsTold(reads) => format!("{} reads told", reads.len()),
        Effect::News(_) => "news".into(),
        Effect::Link(LinkState::Live { catching_up }) => {
            if *catching_up { "catching up" } else { "live" }.into()
        }
        Effect::Link(LinkState::Offline) => "offline".into(),
        Effect::Link(LinkState::Connecting) => "connecting".into(),
        Effect::Link(LinkState::Refused) => "refused".into(),
        Effect::Link(LinkState::Waiting { problem, .. }) => format!("waiting {problem:?}"),
        Effect::Link(LinkState::Online {
            next_fetch, doubt, ..
        }) => {
            let online = match doubt {
                None => "online".to_owned(),
                Some(Doubt::NoEnd) => "online?".to_owned(),
                Some(Doubt::OtherEnd(word)) => format!("online until {word}"),
            };
            match next_fetch {
                Some(at) => format!("{online}, next in {} s", (*at - now).as_secs()),
                None => online,
            }
        }
    }
}

fn say_update(update: &LiveUpdate) -> String {
    match update {
        LiveUpdate::Message(message) => {
            format!("#{} {}: {}", message.id, message.from, message.text)
        }
        LiveUpdate::Accepted { id, server_id, .. } => format!("{} is #{server_id}", id.0),
        LiveUpdate::Refused { id, why } => format!("{} {why:?}", id.0),
        LiveUpdate::Receipt(receipt) => {
            format!("{} {:?} #{}", receipt.by, receipt.state, receipt.id)
        }
        LiveUpdate::Read(read) => format!("read {} #{}", read.with, read.up_to),
    }
}

/// Each step is followed by what the machine does then.
fn check_with(mut bench: Bench, steps: &[(&str, &str)]) {
    for (number, (step, expected)) in steps.iter().enumerate() {
        bench.step(step);
        assert_eq!(bench.said(), *expected, "after step {number}, {step:?}");
    }
}

fn check(steps: &[(&str, &str)]) {
    check_with(Bench::new("ana", None, None), steps);
}

const LOGGED_IN: [(&str, &str); 3] = [
    ("start", "connecting | connect"),
    ("connected", "write ana⏎"),
    ("bytes f⏎", "remember Line | online | store [] login"),
];

fn check_logged_in(steps: &[(&str, &str)]) {
    check(&[&LOGGED_IN, steps].concat());
}

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
        Bench::new("ana", Some(Framing::Bare), None),
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
    let mut bench = Bench::new("ana", Some(Framing::Line), None);
    bench.step("start");
    for _ in 0..3 {
        // In the other framing, and perhaps the server knows live sessions by now.
        for step in ["connected", "closed", "connected", "closed", "connected"] {
            bench.step(step);
        }
        assert!(bench.said().ends_with("write ana live/1 device=d⏎"));
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
        Bench::new("ana", Some(Framing::Line), every),
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
    let mut bench = Bench::new("ana", None, None);
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
    let mut bench = Bench::new("ana", Some(Framing::Line), None);
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
    let mut bench = Bench::new("ana", Some(Framing::Line), None);
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
