//! However TCP cuts the bytes, the same lines come out; and what is a login stays one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use mensageiro_protocol::{Decoder, Framing, Login, Pacing, limits::BARE_GAP};
use proptest::prelude::*;

fn lines(decoder: &mut Decoder) -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    while let Some(line) = decoder.next_line() {
        lines.push(line.unwrap().to_vec());
    }
    lines
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_line_framed_stream_may_be_cut_anywhere(
        expected in prop::collection::vec("[a-z@ é\t]{0,30}", 1..20),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        crlf: bool,
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let stream: Vec<u8> = expected.iter().flat_map(|line| [line, end].concat().into_bytes()).collect();
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let mut decoder = Decoder::new(64);
        let mut found = Vec::new();
        for pair in cuts.windows(2) {
            if pair[0] < pair[1] {
                decoder.push(&stream[pair[0]..pair[1]]);
                found.extend(lines(&mut decoder));
            }
        }
        let expected: Vec<_> = expected.into_iter().map(String::into_bytes).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(decoder.pending().len(), 0);
    }

    #[test]
    fn a_bare_chunk_that_tcp_cut_into_segments_is_one_message(
        length in 1usize..6_000, segment in 1_024usize..3_000,
    ) {
        let mut decoder = Decoder::new(8_192);
        decoder.push(b"ana");
        decoder.quiet();
        prop_assert_eq!(lines(&mut decoder), [b"ana"]);
        let message = vec![b'x'; length];
        for part in message.chunks(segment) {
            decoder.push(part);
        }
        if decoder.wait().is_some() {
            decoder.quiet();
        }
        prop_assert_eq!(lines(&mut decoder), [message]);
        prop_assert_eq!(decoder.framing(), Some(Framing::Bare));
    }

    #[test]
    fn no_bytes_make_the_decoder_panic_or_grow_beyond_its_limit(
        chunks in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..200), any::<bool>()), 0..40),
    ) {
        for mut decoder in [Decoder::new(64), Decoder::for_clients(64)] {
            for (chunk, quiet) in &chunks {
                decoder.push(chunk);
                if *quiet {
                    decoder.quiet();
                }
                while let Some(Ok(line)) = decoder.next_line() {
                    prop_assert!(line.len() <= 64);
                }
                if decoder.next_line().is_some() {
                    break;
                }
                prop_assert!(decoder.pending().len() <= 65);
            }
        }
    }

    #[test]
    fn what_is_kept_of_a_login_is_a_login_again(name in "[a\u{654}\u{748}\u{301}\u{327}ñ가-힣._0]{1,6}") {
        if let Ok(login) = Login::parse(&name) {
            prop_assert_eq!(Login::parse(login.as_str()), Ok(login));
        }
    }

    #[test]
    fn who_calls_recv_once_a_round_cuts_no_character(
        rounds in prop::collection::vec(prop::collection::vec(text(), 0..12), 1..8),
        types_early in prop::collection::vec(any::<bool>(), 1..50),
    ) {
        let mut program = OneRecv::default();
        let mut types_early = types_early.into_iter().cycle();
        let mut sent = String::new();
        for texts in &rounds {
            program.types();
            for text in texts {
                sent.push_str(text);
                program.is_sent(text, || types_early.next() == Some(true));
            }
            sent.push('f');
            program.is_sent("f", || false);
        }
        while !program.waiting.is_empty() {
            program.types();
        }
        let taken = program.taken.concat();
        prop_assert_eq!(taken.replace(' ', ""), sent.replace(' ', ""));
        if sent.is_ascii() {
            prop_assert_eq!(&taken, &sent);
        }
        // A line that comes while a piece waits moves where its `recv` ends.
        let most = 3 * (taken.len() / 1024 + program.typed_early);
        prop_assert!(taken.len() <= sent.len() + most, "{} spaces", taken.len() - sent.len());
    }
}

/// A message as it goes out.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "@ana [a-z ]{0,80}",
        "@joão (não|ção|é|sim|olá| ){0,30}",
        "@ana [é€😀a ]{0,30}",
        (
            prop::sample::select(vec!["é", "€", "😀", "a", "são ", "x€"]),
            0usize..2_000
        )
            .prop_map(|(part, count)| format!("@bruno {}", part.repeat(count))),
    ]
}

/// A program that calls `recv(1024).decode()` once after each line that it sends.
#[derive(Default)]
struct OneRecv {
    pacing: Pacing,
    waits: bool,
    waiting: Vec<u8>,
    taken: Vec<String>,
    /// Lines that came while a piece waited for its time.
    typed_early: usize,
}

impl OneRecv {
    fn types(&mut self) {
        self.pacing.heard_line();
        self.pacing.heard();
        self.receive();
    }

    fn is_sent(&mut self, message: &str, types_early: impl FnMut() -> bool) {
        let mut types_early = types_early;
        let mut message = message.as_bytes().to_vec();
        while let Some(piece) = self.pacing.next_piece(&mut message) {
            assert!(piece.len() <= 1024);
            if !self.waits && types_early() {
                self.typed_early += 1;
                self.pacing.heard_line();
                self.receive();
            }
            self.pacing
                .sent(&piece, BARE_GAP + Duration::from_millis(1));
            self.waiting.extend(piece);
            if self.waits {
                self.receive();
            }
        }
    }

    fn receive(&mut self) {
        let count = self.waiting.len().min(1024);
        self.waits = count == 0;
        if !self.waits {
            let bytes = self.waiting.drain(..count).collect();
            self.taken
                .push(String::from_utf8(bytes).expect("a character was cut"));
        }
    }
}
