//! The machine by itself, with a clock that only the tests move.

mod access;
mod classic;
mod foreign;
mod live;
mod transcripts;

use jiff::Timestamp;
use mensageiro_protocol::{classic::Request, live::HistoryRequest, trust::Fingerprint};

use super::{super::io::LiveUpdate, *};
use crate::engine::{self, Distrust, Doubt, Encryption, Verified};

/// A machine and its clock.
struct Bench {
    machine: Machine,
    now: Instant,
    effects: Vec<Effect>,
}

impl Bench {
    /// A server that leads no live sessions, and to which the app has perhaps connected before.
    fn classic(login: &str, remembered: Option<Framing>, fetch_every: Option<Duration>) -> Self {
        let memory = Memory {
            way: remembered.map(Way::Classic),
            is_live_due: false,
            ..never_connected()
        };
        Self::new(login, memory, fetch_every)
    }

    fn new(login: &str, memory: Memory, fetch_every: Option<Duration>) -> Self {
        let login = Login::parse(login).unwrap();
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
            "connected" => self.give(Input::Connected(Channel::default())),
            "connected-tls" => self.give(Input::Connected(encrypted(rest))),
            "distrusted" => self.give(Input::Distrusted(Distrust::Plain {
                since: Timestamp::UNIX_EPOCH,
            })),
            "devices" => self.give(Input::Administer(engine::Request::Devices(
                Login::parse(rest).unwrap(),
            ))),
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

/// What is remembered of a server before the first connection to it.
fn never_connected() -> Memory {
    Memory {
        way: None,
        has_no_end: false,
        is_live_due: true,
        was_live: false,
        cursor: None,
        store: None,
        highest: 0,
        is_listed: true,
        device: Tag::parse("d").unwrap(),
        join: None,
    }
}

/// A connection inside TLS: `verified` or `unverified`, and perhaps `here`.
fn encrypted(how: &str) -> Channel {
    Channel {
        encryption: Some(Encryption {
            cipher: "TLS 1.3".into(),
            fingerprint: Fingerprint::from_bytes([7; 32]),
            verified: match how.starts_with("verified") {
                true => Verified::Invite,
                false => Verified::FirstContact,
            },
            since: Timestamp::UNIX_EPOCH,
        }),
        is_here: how.ends_with("here"),
    }
}

fn outgoing(id: &str, tag: &str, line: &str) -> Outgoing {
    let Request::Send(Addressed { login: to, text }) = Request::parse(line.as_bytes()) else {
        panic!("{line:?} is no message")
    };
    let id = MessageId(id.parse().unwrap());
    let tag = Tag::parse(tag).unwrap();
    Outgoing {
        id,
        to,
        text,
        about: None,
        tag,
    }
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
        Effect::TryTls => "try tls".into(),
        Effect::Rights(rights) => {
            let all = [
                ("closed", rights.is_closed),
                ("registered", rights.is_registered),
                ("administrator", rights.is_administrator),
                ("groups", rights.may_create_groups),
            ];
            let all = all.iter().filter(|(_, is_so)| *is_so);
            let all: Vec<_> = all.map(|(name, _)| *name).collect();
            format!("rights {}", all.join(" "))
        }
        Effect::ForgetInvite => "forget invite".into(),
        Effect::Administered { request, answer } => match answer {
            Ok(_) => format!("answer to {request:?}"),
            Err(problem) => format!("{problem:?} to {request:?}"),
        },
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
        Effect::StoreSettings { changed, last, .. } => {
            format!("{} settings up to {last:?}", changed.len())
        }
        Effect::SetRefused { with, values } => format!("set {values} of {with} refused"),
        Effect::ReadsTold(reads) => format!("{} reads told", reads.len()),
        Effect::News(_) => "news".into(),
        Effect::Link(LinkState::Live { catching_up }) => {
            if *catching_up { "catching up" } else { "live" }.into()
        }
        Effect::Link(LinkState::Offline) => "offline".into(),
        Effect::Link(LinkState::Connecting) => "connecting".into(),
        Effect::Link(LinkState::Refused) => "refused".into(),
        Effect::Link(LinkState::Untrusted(distrust)) => {
            let distrust = format!("{distrust:?}");
            let kind = distrust.split(' ').next().unwrap_or_default();
            format!("untrusted {kind}")
        }
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
    check_with(Bench::classic("ana", None, None), steps);
}

const LOGGED_IN: [(&str, &str); 3] = [
    ("start", "connecting | connect"),
    ("connected", "write ana⏎"),
    ("bytes f⏎", "remember Line | online | store [] login"),
];

fn check_logged_in(steps: &[(&str, &str)]) {
    check(&[&LOGGED_IN, steps].concat());
}
