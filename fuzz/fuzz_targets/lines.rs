//! Whatever a peer sends, cut and delayed however: no panic, no growth, and what comes out is safe.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mensageiro_protocol::{
    Addressed, Decoder,
    classic::{LoginLine, Reply, Request},
};

const LONGEST: usize = 256;

/// The first byte of each piece says how long it is and whether silence follows.
fn pieces(mut data: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    std::iter::from_fn(move || {
        let (&control, rest) = data.split_first()?;
        let (piece, rest) = rest.split_at(rest.len().min(usize::from(control >> 1)));
        data = rest;
        Some((piece, control & 1 == 1))
    })
}

fn look(line: &[u8]) {
    assert!(line.len() <= LONGEST);
    // What a server takes in and passes on ...
    if let Request::Send(Addressed { login, text }) = Request::parse(line) {
        let safe = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
        assert!(text.as_str().chars().all(safe));
        let mut out = Vec::new();
        Addressed::encode(&login, &text, &mut out);
        assert!(!out.contains(&b'\n'));
        // ... is what the other side reads.
        let Reply::Message(again) = Reply::parse(&out) else {
            panic!("not a message")
        };
        assert_eq!(again.login, login);
        assert_eq!(again.text.as_str(), text.one_line());
    }
    let _ = Reply::parse(line);
    let _ = LoginLine::parse(&String::from_utf8_lossy(line));
}

fuzz_target!(|data: &[u8]| {
    take(Decoder::new(LONGEST), data);
    take(Decoder::for_clients(LONGEST), data);
});

fn take(mut decoder: Decoder, data: &[u8]) {
    for (piece, is_quiet) in pieces(data) {
        // Some reads fill their room.
        match piece.len() % 4 {
            0 => decoder.push_full(piece),
            _ => decoder.push(piece),
        }
        if is_quiet {
            decoder.quiet();
        }
        while let Some(line) = decoder.next_line() {
            let Ok(line) = line else { return };
            look(line);
        }
        assert!(decoder.pending().len() <= LONGEST + 1);
    }
    decoder.finish();
    while let Some(Ok(line)) = decoder.next_line() {
        look(line);
    }
}
