//! The transcripts against the real server over TCP, in line and in bare framing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod support;

use std::{collections::HashMap, fs, path::Path};

use mensageiro_protocol::{
    Framing,
    transcript::{Happening, Step, Transcript, is_said},
};
use support::{Client, TestServer};

fn replay(name: &str, transcript: &Transcript, framing: Framing) {
    let users: Vec<_> = transcript.users.iter().map(String::as_str).collect();
    let mut server = TestServer::start(&users);
    let groups: String = transcript
        .groups
        .iter()
        .flat_map(|(name, members)| {
            members
                .iter()
                .map(move |member| format!("{name},{member}\n"))
        })
        .collect();
    if !groups.is_empty() {
        fs::write(server.file("groups.csv"), groups).unwrap();
        server.restart();
    }
    let mut clients: HashMap<&str, Client> = HashMap::new();
    for Step {
        number,
        connection,
        happening,
    } in &transcript.steps
    {
        let place = || format!("{name} line {number}, {framing:?} framing");
        if *happening == Happening::Restart {
            server.restart();
            clients.clear();
            continue;
        }
        if !clients.contains_key(connection.as_str()) {
            clients.insert(connection, server.connect(framing));
        }
        let Some(client) = clients.get_mut(connection.as_str()) else {
            unreachable!()
        };
        match happening {
            Happening::Client(line) => client.say(line),
            Happening::ServerInBare(_) if framing == Framing::Line => {}
            Happening::Server(line) | Happening::ServerInBare(line) => {
                let heard = client.try_hear();
                let heard = heard.unwrap_or_else(|error| panic!("{}: {error}", place()));
                let heard = heard.unwrap_or_else(|| b"<closed>".to_vec());
                assert!(
                    is_said(line, &heard),
                    "{}:\n expected {}\n heard    {}",
                    place(),
                    String::from_utf8_lossy(line),
                    String::from_utf8_lossy(&heard)
                );
            }
            Happening::ClientCloses => client.close_own_side(),
            Happening::ClientResets => {
                if let Some(client) = clients.remove(connection.as_str()) {
                    client.reset();
                }
            }
            Happening::ServerCloses => assert_eq!(client.hear(), None, "{}", place()),
            Happening::Restart => unreachable!(),
        }
    }
}

#[test]
fn every_transcript_holds_in_both_framings() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/transcripts");
    let mut replayed = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        let transcript = Transcript::parse(&fs::read_to_string(&path).unwrap()).unwrap();
        // Live sessions have but one framing (V1).
        let is_live = name.starts_with("live-");
        let framings = [Framing::Line, Framing::Bare].into_iter();
        for framing in framings.filter(|&framing| !is_live || framing == Framing::Line) {
            replay(&name, &transcript, framing);
            replayed += 1;
        }
    }
    assert!(replayed >= 20);
}
