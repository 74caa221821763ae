//! The transcripts against the codec: whole, cut at every byte, and with every byte changed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::{fs, path::Path};

use mensageiro_protocol::{
    Decoder, Framing,
    classic::{Reply, Request},
    limits::LINE_BYTES,
    live,
    transcript::{Happening, Transcript},
};

fn transcripts() -> Vec<(String, Transcript)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts");
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let source = fs::read_to_string(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let transcript = Transcript::parse(&source).unwrap_or_else(|e| panic!("{name}: {e}"));
            (name, transcript)
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(!found.is_empty());
    found
}

/// What one side of one connection says, line by line.
fn sides(transcript: &Transcript) -> Vec<Vec<Vec<u8>>> {
    let mut names: Vec<_> = transcript
        .steps
        .iter()
        .map(|step| &step.connection)
        .collect();
    names.sort_unstable();
    names.dedup();
    let side = |name: &str, pick: fn(&Happening) -> Option<&Vec<u8>>| {
        let steps = transcript
            .steps
            .iter()
            .filter(|step| step.connection == name);
        steps
            .filter_map(|step| pick(&step.happening))
            .cloned()
            .collect::<Vec<_>>()
    };
    names
        .into_iter()
        .flat_map(|name| {
            [
                side(name, |h| {
                    if let Happening::Client(line) = h {
                        Some(line)
                    } else {
                        None
                    }
                }),
                side(name, |h| {
                    if let Happening::Server(line) = h {
                        Some(line)
                    } else {
                        None
                    }
                }),
            ]
        })
        .filter(|lines| !lines.is_empty())
        .collect()
}

fn take(decoder: &mut Decoder, lines: &mut Vec<Vec<u8>>) {
    while let Some(Ok(line)) = decoder.next_line() {
        lines.push(line.to_vec());
        // Whatever comes can be looked at from both sides.
        let _ = (Request::parse(line), Reply::parse(line));
        let _ = (live::Request::parse(line), live::Event::parse(line));
        let _ = live::Hello::parse(&String::from_utf8_lossy(line));
    }
}

fn decode(chunks: &[&[u8]]) -> (Vec<Vec<u8>>, Option<Framing>) {
    let mut decoder = Decoder::new(LINE_BYTES);
    let mut lines = Vec::new();
    for chunk in chunks {
        decoder.push(chunk);
        take(&mut decoder, &mut lines);
        if decoder.framing() != Some(Framing::Line) {
            decoder.quiet();
            take(&mut decoder, &mut lines);
        }
    }
    decoder.finish();
    take(&mut decoder, &mut lines);
    (lines, decoder.framing())
}

/// What is left of a line without what programs put around it (F6).
fn trimmed(line: &[u8]) -> Vec<u8> {
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
    let end = line.iter().rposition(|&byte| byte != 0);
    line[..end.map_or(0, |end| end + 1)].to_vec()
}

#[test]
fn every_side_of_every_transcript_decodes_in_both_framings() {
    for (name, transcript) in transcripts() {
        for lines in sides(&transcript) {
            let joined = [lines.join(&b'\n'), b"\n".to_vec()].concat();
            let expected: Vec<_> = lines.iter().map(|line| trimmed(line)).collect();
            assert_eq!(
                decode(&[&joined]),
                (expected.clone(), Some(Framing::Line)),
                "{name}"
            );
            // An empty send does not exist in bare framing: a line end alone stands for it.
            let chunks: Vec<_> = lines
                .iter()
                .map(|line| if line.is_empty() { b"\n" } else { &line[..] })
                .collect();
            if chunks[0] != b"\n" {
                assert_eq!(decode(&chunks), (expected, Some(Framing::Bare)), "{name}");
            }
        }
    }
}

#[test]
fn what_a_server_says_is_a_message_or_the_end_mark_or_a_live_event() {
    for (name, transcript) in transcripts() {
        for step in transcript.steps {
            if let Happening::Server(line) = step.happening {
                let reply = Reply::parse(&line);
                let line = String::from_utf8_lossy(&line)
                    .replace("<time>", "1")
                    .replace("<token>", &"a".repeat(26))
                    .replace("<store>", &"0".repeat(32));
                let event = live::Event::parse(line.as_bytes());
                assert!(
                    !matches!(reply, Reply::Other(_))
                        || !matches!(event, Err(_) | Ok(live::Event::Unknown)),
                    "{name} line {}: {event:?}",
                    step.number
                );
            }
        }
    }
}

#[test]
fn no_prefix_and_no_changed_byte_of_a_transcript_breaks_the_decoder() {
    for (_, transcript) in transcripts() {
        for lines in sides(&transcript) {
            let joined = [lines.join(&b'\n'), b"\n".to_vec()].concat();
            for end in 0..=joined.len() {
                let (whole, _) = decode(&[&joined[..end]]);
                let lfs = joined[..end].iter().filter(|&&byte| byte == b'\n').count();
                assert!((lfs..=lfs + 1).contains(&whole.len()));
            }
            let short = joined.len() < 120;
            let bytes: Vec<_> = (0..=u8::MAX)
                .filter(|byte| short || b"\0\n\"\xff".contains(byte))
                .collect();
            for at in 0..joined.len() {
                for &byte in &bytes {
                    let mut changed = joined.clone();
                    changed[at] = byte;
                    let (whole, framing) = decode(&[&changed]);
                    assert!(framing.is_some() && !whole.is_empty());
                }
            }
        }
    }
}
