//! The input of a bare framed client while it is being answered.

use std::{collections::VecDeque, time::Instant};

use mensageiro_protocol::limits::{BARE_CUT_BYTES, BARE_JOIN};

/// How many chunks are read early. Further ones wait in the socket, glued together.
const MOST_CHUNKS: usize = 64;

/// How many bytes of them are read early.
const MOST_BYTES: usize = 64 * 1024;

/// Chunks that arrived one by one, kept apart until their turn comes (PROTOCOL.md, F3).
#[derive(Debug, Default)]
pub(crate) struct EarlyInput {
    chunks: VecDeque<Vec<u8>>,
    /// The size of all chunks.
    bytes: usize,
    last: Option<Instant>,
    is_over: bool,
}

impl EarlyInput {
    /// Adds the bytes of one read at `now`; no bytes are the client's end.
    pub(crate) fn push(&mut self, bytes: &[u8], now: Instant) {
        self.is_over = bytes.is_empty();
        self.bytes += bytes.len();
        let follows_at_once = self.last.is_some_and(|last| now - last < BARE_JOIN);
        self.last = Some(now);
        match self.chunks.back_mut() {
            // The rest of a chunk that TCP has split.
            Some(chunk) if follows_at_once && chunk.len() >= BARE_CUT_BYTES => {
                chunk.extend_from_slice(bytes);
            }
            _ if bytes.is_empty() => {}
            _ => self.chunks.push_back(bytes.to_vec()),
        }
    }

    /// The next chunk, and whether the rest of it may still be in the socket.
    pub(crate) fn pop(&mut self) -> Option<(Vec<u8>, bool)> {
        let chunk = self.chunks.pop_front()?;
        self.bytes -= chunk.len();
        let is_last = self.chunks.is_empty() && !self.is_over;
        let may_go_on = is_last && chunk.len() >= BARE_CUT_BYTES;
        Some((chunk, may_go_on))
    }

    /// Whether the client has closed its side.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether nothing more may be added.
    pub(crate) fn is_full(&self) -> bool {
        self.is_over || self.chunks.len() >= MOST_CHUNKS || self.bytes >= MOST_BYTES
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn who_streams_without_end_fills_it_and_the_rest_waits_in_the_socket() {
        let mut early = EarlyInput::default();
        let now = Instant::now();
        let mut taken = 0;
        while !early.is_full() {
            early.push(&[b'x'; 2048], now);
            taken += 2048;
        }
        assert_eq!(taken, MOST_BYTES);
        assert_eq!(early.pop().map(|(chunk, _)| chunk.len()), Some(taken));
        assert!(!early.is_full() && early.pop().is_none());
    }

    #[test]
    fn only_the_last_chunk_may_go_on_and_only_a_long_one() {
        let mut early = EarlyInput::default();
        let now = Instant::now();
        let later = |step: u32| now + step * 2 * BARE_JOIN;
        early.push(&[b'x'; 2048], later(0));
        early.push(&[b'x'; 100], later(0) + Duration::from_millis(1));
        early.push(&[b'y'; 2048], later(1));
        early.push(&[b'z'; 2048], later(2));
        let popped = std::iter::from_fn(|| early.pop());
        let popped: Vec<_> = popped
            .map(|(chunk, goes_on)| (chunk.len(), goes_on))
            .collect();
        assert_eq!(popped, [(2148, false), (2048, false), (2048, true)]);
        early.push(b"short", later(3));
        assert_eq!(early.pop(), Some((b"short".to_vec(), false)));
        early.push(&[b'x'; 2048], later(4));
        early.push(&[], later(5));
        assert!(
            early.pop().is_some_and(|(_, goes_on)| !goes_on),
            "it is over"
        );
    }
}
