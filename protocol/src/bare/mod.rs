//! How messages are sent to a bare framed peer, which treats the result of one `recv(1024)` as one
//! message (PROTOCOL.md, F3): in pieces that fit, and spaced so that the peer receives them one by
//! one.

mod rounds;

use std::{mem, time::Duration};

use self::rounds::Rounds;
use crate::{
    classic::END,
    limits::{BARE_ALONE, BARE_GAP, BARE_PIECE_BYTES},
};

/// How many bytes of a message go out as one piece: no more than one `recv` takes, and whole
/// characters only. The rest must not look like an end mark or like a message.
fn piece_bytes(message: &[u8]) -> usize {
    if message.len() <= BARE_PIECE_BYTES {
        return message.len();
    }
    let is_inside = |at: usize| message[at] & 0xc0 == 0x80;
    // No login begins with @, so no message begins with two.
    let is_misleading =
        |rest: &[u8]| rest == END || (rest[0] == b'@' && rest.get(1) != Some(&b'@'));
    let mut cuts = (1..=BARE_PIECE_BYTES).rev();
    cuts.find(|&at| !is_inside(at) && !is_misleading(&message[at..]))
        .unwrap_or(BARE_PIECE_BYTES)
}

/// When the next piece may go to a bare framed peer. Pure: the caller supplies the time and does
/// the waiting.
///
/// A peer that waits in `recv` takes each piece as it arrives. A peer that works on each message
/// for up to about 150 ms finds everything that has arrived meanwhile glued together. That must fit
/// into one `recv`, and an end mark must stand alone.
#[derive(Debug, Default)]
pub struct Pacing {
    before: Before,
    /// Bytes that the peer may not have taken yet.
    untaken: usize,
    rounds: Rounds,
}

/// What was sent before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Before {
    /// Nothing was sent.
    #[default]
    Nothing,
    /// The peer has sent something since, so it has taken everything.
    Heard,
    Message,
    End,
}

impl Pacing {
    /// Removes the next piece from a message that is being sent; `None` if nothing is left of it.
    pub fn next_piece(&self, message: &mut Vec<u8>) -> Option<Vec<u8>> {
        self.rounds.pad(message);
        let rest = message.split_off(piece_bytes(message));
        let piece = mem::replace(message, rest);
        (!piece.is_empty()).then_some(piece)
    }

    /// How long after the previous piece this one may be sent.
    pub fn gap(&self, piece: &[u8]) -> Duration {
        match self.before {
            Before::Nothing => Duration::ZERO,
            Before::Heard => BARE_GAP,
            // The answers to lines that the peer sent ahead, without waiting for the first answer.
            Before::End if piece == END => BARE_GAP,
            Before::End => BARE_ALONE,
            Before::Message if piece == END => BARE_ALONE,
            Before::Message if self.untaken + piece.len() > BARE_PIECE_BYTES => BARE_ALONE,
            Before::Message => BARE_GAP,
        }
    }

    /// Notes that a piece was sent, and how long after the previous one.
    pub fn sent(&mut self, piece: &[u8], after: Duration) {
        self.untaken = match self.before {
            // The peer is waiting for it.
            Before::Nothing | Before::Heard => 0,
            _ if after >= BARE_ALONE => piece.len(),
            _ => self.untaken + piece.len(),
        };
        self.before = match piece == END {
            true => Before::End,
            false => Before::Message,
        };
        self.rounds.sent(piece);
    }

    /// Notes that the peer has sent a line. It may not have taken yet what was sent before.
    pub fn heard_line(&mut self) {
        self.rounds.heard();
    }

    /// Notes that the peer has sent something after it received everything.
    pub fn heard(&mut self) {
        if self.before != Before::Nothing {
            self.before = Before::Heard;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces for a peer that takes each one as it arrives.
    fn cut(message: &str) -> Vec<String> {
        let mut message = message.as_bytes().to_vec();
        let mut pieces = Vec::new();
        while !message.is_empty() {
            let rest = message.split_off(piece_bytes(&message));
            pieces.push(String::from_utf8(message).unwrap());
            message = rest;
        }
        pieces
    }

    fn lengths(message: &str) -> Vec<usize> {
        let cut = cut(message);
        assert_eq!(cut.concat(), message);
        cut.iter().map(String::len).collect()
    }

    #[test]
    fn pieces_end_between_characters() {
        assert_eq!(lengths("f"), [1]);
        assert_eq!(lengths(&"x".repeat(1024)), [1024]);
        assert_eq!(lengths(&"é".repeat(512)), [1024]);
        assert_eq!(lengths(&format!("@ana {}", "é".repeat(700))), [1023, 382]);
        assert_eq!(
            lengths(&format!("@b {}", "😀".repeat(600))),
            [1023, 1024, 356]
        );
        assert_eq!(lengths(""), [0; 0]);
    }

    #[test]
    fn no_piece_is_taken_for_an_end_mark_or_a_message() {
        let filler = "x".repeat(1019);
        assert_eq!(lengths(&format!("@ana {filler}f")), [1023, 2]);
        assert_eq!(lengths(&format!("@ana {filler}fo")), [1024, 2]);
        assert_eq!(cut(&format!("@ana {filler}@bob pay me"))[1], "x@bob pay me");
        assert_eq!(
            cut(&format!("@ana {}@@bob pay", &filler[1..]))[1],
            "@@bob pay"
        );
        assert_eq!(lengths(&"@".repeat(3000)), [1024, 1024, 952]);
        let at_the_end = format!("@ana {}é@f", &filler[2..]);
        assert_eq!(cut(&at_the_end)[1], "é@f");
    }

    /// What a peer that works on each message for `works` ms receives with each `recv(1024)`.
    fn taken(messages: &[&str], works: u64) -> Vec<String> {
        let mut pacing = Pacing::default();
        pacing.heard_line();
        let (mut now, mut last) = (0, None);
        let mut sent = Vec::new();
        for message in messages {
            let mut message = message.as_bytes().to_vec();
            while let Some(piece) = pacing.next_piece(&mut message) {
                let gap = u64::try_from(pacing.gap(&piece).as_millis()).unwrap();
                now = last.map_or(now, |last| last + gap);
                let after = last.map_or(Duration::MAX, |last| Duration::from_millis(now - last));
                pacing.sent(&piece, after);
                sent.push((now, piece));
                last = Some(now);
            }
        }
        let (mut takes_at, mut at, mut waiting) = (0, 0, Vec::new());
        let mut taken = Vec::new();
        while at < sent.len() || !waiting.is_empty() {
            if waiting.is_empty() {
                takes_at = takes_at.max(sent[at].0);
            }
            while at < sent.len() && sent[at].0 <= takes_at {
                waiting.extend_from_slice(&sent[at].1);
                at += 1;
            }
            let count = waiting.len().min(1024);
            let bytes = waiting.drain(..count).collect();
            taken.push(String::from_utf8(bytes).expect("a character was cut"));
            takes_at += works;
        }
        taken
    }

    #[test]
    fn who_works_on_each_message_cuts_no_character_and_sees_the_end_mark_alone() {
        let long = format!("@ana {}", "é".repeat(700));
        let longer = format!("@bruno {}", "ção€".repeat(900));
        let short: Vec<_> = (0..40).map(|n| format!("@carla olá, {n} ☕")).collect();
        for works in [0, 10, 60, 100, 150] {
            for messages in [&[&*long][..], &[&long, &long, &longer], &["@a 1", &long]] {
                let mut messages = messages.to_vec();
                messages.extend(short.iter().map(String::as_str));
                messages.push("f");
                let taken = taken(&messages, works);
                let words = |text: &str| text.replace(' ', "");
                assert_eq!(
                    words(&taken.concat()),
                    words(&messages.concat()),
                    "{works} ms"
                );
                assert_eq!(taken.last().map(String::as_str), Some("f"), "{works} ms");
            }
        }
    }

    #[test]
    fn a_few_messages_follow_one_another_quickly_and_the_rest_of_a_long_one_too() {
        let mut pacing = Pacing::default();
        let mut gap = |piece: &str| {
            let gap = pacing.gap(piece.as_bytes());
            pacing.sent(piece.as_bytes(), gap);
            gap
        };
        assert_eq!(gap("@ana 1"), Duration::ZERO);
        assert_eq!(gap("@ana 2"), BARE_GAP);
        assert_eq!(gap("f"), BARE_ALONE);
        assert_eq!(gap("f"), BARE_GAP);
        assert_eq!(gap("@ana 3"), BARE_ALONE);
        assert_eq!(gap("f"), BARE_ALONE);
        pacing.heard();
        let mut gap = |piece: &str| {
            let gap = pacing.gap(piece.as_bytes());
            pacing.sent(piece.as_bytes(), gap);
            gap
        };
        assert_eq!(gap(&"x".repeat(1024)), BARE_GAP);
        assert_eq!(gap(&"x".repeat(1000)), BARE_GAP);
        assert_eq!(gap(&"x".repeat(25)), BARE_ALONE);
    }
}
