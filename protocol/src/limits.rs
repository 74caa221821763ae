//! Numbers both ends agree on (PROTOCOL.md, "Limits").

use std::time::Duration;

/// The TCP port of the assignment (rule S4).
pub const PORT: u16 = 3333;

/// Longest line in bytes, without its line end, unless the server is told otherwise.
pub const LINE_BYTES: usize = 16 * 1024;

/// Longest line of a server with users, groups or conversations: what is longer is parted.
pub const EVENT_BYTES: usize = 64 * 1024;

/// Longest login in characters.
pub const LOGIN_CHARS: usize = 64;

/// How long the first bytes of a connection may stay without LF before it is bare framed.
pub const QUIET: Duration = Duration::from_millis(200);

/// Time between two segments sent to a bare framed peer, so that one `recv` sees one of them.
pub const BARE_GAP: Duration = Duration::from_millis(40);

/// Time before and after an end mark that goes to a bare framed peer with messages, so that one that works
/// on each message sees the mark alone.
pub const BARE_ALONE: Duration = Duration::from_millis(200);

/// What a bare framed peer takes with one `recv`: nothing longer is sent to it in one piece, and a longer
/// chunk of its own may be several that the system has put together.
pub const BARE_PIECE_BYTES: usize = 1024;

/// A bare chunk of at least this many bytes may be the first part of a longer one that TCP cut;
/// it is complete once nothing follows for [`BARE_JOIN`].
pub const BARE_CUT_BYTES: usize = 1024;

/// How long a line that is no message waits for the end of the connection: programs say good-bye so.
pub const GOODBYE: Duration = Duration::from_millis(200);

/// The same for a key for leaving, which hardly anything but a good-bye is.
pub const CONTROL_GOODBYE: Duration = Duration::from_secs(2);

/// How long to wait for the rest of a bare chunk that TCP may have cut.
pub const BARE_JOIN: Duration = Duration::from_millis(20);
