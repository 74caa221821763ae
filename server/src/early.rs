//! What a bare framed client sends while it is being answered.

use std::{collections::VecDeque, time::Instant};

use mensageiro_protocol::limits::{BARE_CUT_BYTES, BARE_JOIN};

/// So many chunks are taken early; what is beyond them waits in the socket, glued together.
const MOST_CHUNKS: usize = 64;

/// Chunks that arrived one by one, kept apart until their turn comes (PROTOCOL.md, F3).
#[derive(Debug, Default)]
pub(crate) struct EarlyInput {
    chunks: VecDeque<Vec<u8>>,
    last: Option<Instant>,
    is_over: bool,
}

impl EarlyInput {
    /// Takes what one `read` brought at `now`; nothing is the client's end.
    pub(crate) fn push(&mut self, bytes: &[u8], now: Instant) {
        self.is_over = bytes.is_empty();
        let follows_at_once = self.last.is_some_and(|last| now - last < BARE_JOIN);
        self.last = Some(now);
        match self.chunks.back_mut() {
            // The rest of a chunk that TCP cut.
            Some(chunk) if follows_at_once && chunk.len() >= BARE_CUT_BYTES => {
                chunk.extend_from_slice(bytes);
            }
            _ if bytes.is_empty() => {}
            _ => self.chunks.push_back(bytes.to_vec()),
        }
    }

    /// The next chunk.
    pub(crate) fn pop(&mut self) -> Option<Vec<u8>> {
        self.chunks.pop_front()
    }

    /// The client has closed its side.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Nothing more is to be pushed.
    pub(crate) fn is_full(&self) -> bool {
        self.is_over || self.chunks.len() >= MOST_CHUNKS
    }
}
