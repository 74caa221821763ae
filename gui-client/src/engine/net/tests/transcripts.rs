//! The machine against the protocol's own transcripts, and against every way of cutting bytes.

use std::{fs, path::Path};

use mensageiro_protocol::live::Hello;
use mensageiro_protocol::transcript::{Happening, Transcript};
use proptest::prelude::*;

use super::*;

/// The conversations of the protocol, from the client's side: as far as this client would say
/// the same, it says the same, and stores what the server says.
#[test]
fn the_transcripts_are_followed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/transcripts");
    let mut lines = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let transcript = Transcript::parse(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut connections: Vec<&str> = transcript
            .steps
            .iter()
            .map(|step| &*step.connection)
            .collect();
        connections.sort_unstable();
        connections.dedup();
        for connection in connections.into_iter().filter(|name| !name.is_empty()) {
            let steps = transcript
                .steps
                .iter()
                .filter(|step| step.connection == connection);
            let happenings: Vec<_> = steps.map(|step| &step.happening).collect();
            for framing in [Framing::Line, Framing::Bare] {
                lines += follow(&happenings, framing);
            }
        }
    }
    assert!(lines > 100, "only {lines} lines were compared");
}

/// Returns how many lines were compared.
fn follow(happenings: &[&Happening], framing: Framing) -> usize {
    let Happening::Client(login) = happenings[0] else {
        panic!("a connection begins with a login")
    };
    let login = str::from_utf8(login).unwrap();
    // What other programs put around it, the app never does.
    if Hello::parse(login).is_some() || Login::parse(login).is_err() {
        return 0;
    }
    let mut bench = Bench::classic(login, Some(framing), None);
    bench.step("start");
    bench.step("connected");
    let mut compared = 0;
    let mut expected: Vec<Reply> = Vec::new();
    for happening in happenings {
        match happening {
            Happening::Client(line) => {
                if compared > 0 {
                    let Request::Send(Addressed { login: to, text }) = Request::parse(line) else {
                        break;
                    };
                    let mut same = Vec::new();
                    Addressed::encode(&to, &text, &mut same);
                    if same != *line {
                        break;
                    }
                    bench.give(Input::Send(Outgoing {
                        id: MessageId(1),
                        to,
                        text,
                        about: None,
                        tag: Tag::parse("t").unwrap(),
                    }));
                }
                let mut written = line.clone();
                written.extend_from_slice(framing.terminator().as_bytes());
                assert_eq!(bench.effects.last(), Some(&Effect::Write(written)));
            }
            Happening::ServerInBare(_) if framing == Framing::Line => continue,
            Happening::Server(line) | Happening::ServerInBare(line) => {
                let mut bytes = line.clone();
                bytes.extend_from_slice(framing.terminator().as_bytes());
                bench.give(Input::Bytes(&bytes));
                bench.pass(Duration::from_millis(300));
                expected.push(Reply::parse(line));
            }
            Happening::ClientCloses => {
                bench.step("stop");
                assert_eq!(bench.effects.last(), Some(&Effect::FinishWriting));
            }
            Happening::ClientResets => bench.step("reset"),
            Happening::ServerCloses => bench.step("closed"),
            Happening::Restart => {}
        }
        compared += 1;
    }
    let stored: Vec<_> = bench
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Store(batch) => Some(batch.received.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    let messages = expected.into_iter().filter_map(|reply| match reply {
        Reply::Message(Addressed { login, text }) => Some(Received {
            from: Peer::Person(login),
            text,
        }),
        _ => None,
    });
    assert_eq!(stored, messages.collect::<Vec<_>>());
    compared
}

proptest! {
    /// However TCP cuts what a server says in lines, the same is done in the end.
    #[test]
    fn every_cut_of_the_bytes_leads_to_the_same(
        texts in prop::collection::vec("[a-zã🎉 ]{0,6}[af]", 0..60),
        cuts in prop::collection::vec(1_usize..40, 1..60),
    ) {
        let said: String = texts.iter().map(|text| format!("@bob {text}\n")).collect();
        let said = said + "f\n@cy answer\nf\n";
        let run = |cuts: &[usize]| {
            let mut bench = Bench::classic("ana", Some(Framing::Line), None);
            for step in ["start", "connected", "send 1 @cy hi"] {
                bench.step(step);
            }
            let mut rest = said.as_bytes();
            for &cut in cuts.iter().cycle() {
                let (chunk, after) = rest.split_at(cut.min(rest.len()));
                bench.give(Input::Bytes(chunk));
                bench.pass(Duration::from_millis(1));
                rest = after;
                if rest.is_empty() {
                    break;
                }
            }
            bench.effects.retain(|effect| !matches!(effect, Effect::Link(_)));
            bench.effects
        };
        prop_assert_eq!(run(&cuts), run(&[usize::MAX]));
    }
}
