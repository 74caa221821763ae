//! For programs that call `recv(1024)` once for each line that they send.

use crate::limits::BARE_PIECE_BYTES;

/// What waits for such a program. It takes the first piece of an answer and then waits for its
/// user. The rest stays glued together in its socket, and each later `recv` cuts it after 1024
/// bytes.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    /// The program waits in `recv`, so it takes the next piece alone.
    waits: bool,
    /// Bytes that wait in its socket.
    untaken: usize,
}

impl Rounds {
    /// Notes that it has sent a line, and calls `recv` now.
    pub(super) fn heard(&mut self) {
        self.waits |= self.untaken == 0;
        self.untaken = self.untaken.saturating_sub(BARE_PIECE_BYTES);
    }

    /// Notes that a piece was sent.
    pub(super) fn sent(&mut self, piece: &[u8]) {
        match self.waits {
            true => self.waits = false,
            false => self.untaken += piece.len(),
        }
    }

    /// Inserts spaces into the next message where a `recv` would otherwise cut a character: beside
    /// an existing space, or before the character. It looks only at the first piece.
    pub(super) fn pad(&self, message: &mut Vec<u8>) {
        if self.waits {
            return;
        }
        let cut = BARE_PIECE_BYTES - self.untaken % BARE_PIECE_BYTES;
        let is_inside = |message: &[u8], at: usize| message.get(at).is_some_and(is_continuation);
        if !is_inside(message, cut) {
            return;
        }
        let mut begin = cut;
        while begin > 0 && is_inside(message, begin) {
            begin -= 1;
        }
        let space = message[..begin].iter().rposition(|&byte| byte == b' ');
        let at = space.unwrap_or(begin);
        message.splice(at..at, (begin..cut).map(|_| b' '));
    }
}

fn is_continuation(byte: &u8) -> bool {
    byte & 0xc0 == 0x80
}
