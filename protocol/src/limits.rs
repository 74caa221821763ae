//! Numbers that both ends agree on (PROTOCOL.md, "Limits").

use std::time::Duration;

/// The TCP port of the assignment (rule S4).
pub const PORT: u16 = 3333;

/// Longest line in bytes, without its line end, unless the server is configured otherwise.
pub const LINE_BYTES: usize = 16 * 1024;

/// Longest line with users, groups or conversations that a server sends; longer answers are split.
pub const EVENT_BYTES: usize = 64 * 1024;

/// Longest login in characters.
pub const LOGIN_CHARS: usize = 64;

/// The highest id of a message. At 1,000 messages a second, a store reaches it after 34 years. A higher one is an
/// error of the server, or an attack.
pub const HIGHEST_ID: u64 = (1 << 40) - 1;

/// Longest full name in characters. Of a longer one, its beginning is kept.
pub const NAME_CHARS: usize = 100;

/// How long the first bytes of a connection may come without LF before the connection counts as
/// bare framed.
pub const QUIET: Duration = Duration::from_millis(200);

/// Time between two segments to a bare framed peer, so that one `recv` returns one of them.
pub const BARE_GAP: Duration = Duration::from_millis(40);

/// Time before and after an end mark that follows messages to a bare framed peer. A peer that works
/// on each message for a moment then receives the mark alone.
pub const BARE_ALONE: Duration = Duration::from_millis(200);

/// What a bare framed peer takes with one `recv`. The server sends nothing longer in one piece. A
/// longer chunk from the peer may be several that the system has joined.
pub const BARE_PIECE_BYTES: usize = 1024;

/// A bare chunk of at least this many bytes may be the first part of a longer one that TCP has
/// split. It is complete when nothing follows for [`BARE_JOIN`].
pub const BARE_CUT_BYTES: usize = 1024;

/// How long a line that is no message waits for the end of the connection, because programs say
/// goodbye like this.
pub const GOODBYE: Duration = Duration::from_millis(200);

/// The same for a key that leaves a program, which is nearly always a goodbye.
pub const CONTROL_GOODBYE: Duration = Duration::from_secs(2);

/// How long to wait for the rest of a bare chunk that TCP may have split.
pub const BARE_JOIN: Duration = Duration::from_millis(20);
