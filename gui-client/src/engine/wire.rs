//! What goes over the wire, for the inspector: bytes cut into lines, in both directions.

use std::time::Instant;

use jiff::Timestamp;
use mensageiro_protocol::{
    live::{self, Join},
    trust::Secret,
};

use super::fault::FaultNews;

/// The longest part of a line that is held until its end comes; longer ones are reported without
/// it.
const LONGEST_PART: usize = 64 * 1024;

/// A line that crossed the wire, or an event of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireNews {
    /// The number of the connection since the app started, from 1.
    pub connection: u64,
    /// When, by this computer's clock.
    pub at: Timestamp,
    /// It crossed inside TLS; what is shown was encrypted on the way.
    pub is_encrypted: bool,
    /// What.
    pub crossing: Crossing,
}

/// What can be reported about the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crossing {
    /// The connection was made.
    Opened,
    /// A line, or a segment if lines have no end.
    Line {
        /// The side that sent it.
        from: Side,
        /// Its bytes, without the line end.
        bytes: Vec<u8>,
        /// Whether it had a line end.
        is_ended: bool,
    },
    /// One side closed its direction in order: it will send no more.
    Closed(Side),
    /// One side cut the connection.
    Cut(Side),
    /// The person disturbs the link.
    Fault(FaultNews),
}

/// The ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This app.
    Client,
    /// The server.
    Server,
}

/// A line without its invite code or program key, in whose place is one that nobody has. `None`: it has none.
pub(super) fn masked(from: Side, line: &[u8]) -> Option<Vec<u8>> {
    let nobodys = || Secret::new([0; 16]);
    let mut masked = Vec::new();
    match from {
        Side::Client => {
            if !line.starts_with(b"join ") {
                return None;
            }
            let join = std::str::from_utf8(line).ok().and_then(Join::parse)?;
            let code = nobodys();
            Join { code, ..join.ok()? }.encode(&mut masked);
        }
        Side::Server => {
            let verb = [&b"invite "[..], b"key "]
                .into_iter()
                .find(|verb| line.starts_with(verb))?;
            match live::Event::parse(line) {
                Ok(live::Event::Invited(invited)) => {
                    let code = nobodys();
                    live::Event::Invited(live::Invited { code, ..invited }).encode(&mut masked);
                }
                Ok(live::Event::NewKey(new)) => {
                    let key = nobodys();
                    live::Event::NewKey(live::NewKey { key, ..new }).encode(&mut masked);
                }
                // Nobody knows what is in it, or it is only a part.
                _ => masked.extend_from_slice(&[verb, "…".as_bytes()].concat()),
            }
        }
    }
    Some(masked)
}

/// Cuts bytes into lines, for one connection after another.
#[derive(Debug, Default)]
pub(super) struct Tap {
    connection: u64,
    /// The connection is open, and the server has not closed its side.
    is_open: bool,
    /// This side has closed its direction.
    is_left: bool,
    sent: Cutter,
    received: Cutter,
}

impl Tap {
    /// Takes the bytes of one write or read. Bytes without a line end are part of a line if this
    /// side has ended lines before, otherwise a segment of their own.
    pub(super) fn bytes(
        &mut self,
        connection: u64,
        at: Instant,
        from: Side,
        bytes: &[u8],
    ) -> Vec<WireNews> {
        self.follow(connection).is_open = true;
        let lines = self.cutter(from).push(bytes);
        self.tell(at, from, lines)
    }

    /// The connection was made, or one side closed: the held part of a line is reported first.
    pub(super) fn happened(
        &mut self,
        connection: u64,
        at: Instant,
        crossing: Crossing,
    ) -> Vec<WireNews> {
        self.follow(connection);
        if crossing == Crossing::Cut(Side::Client) && !self.is_open {
            return Vec::new();
        }
        self.is_open = matches!(crossing, Crossing::Opened | Crossing::Closed(Side::Client));
        self.is_left |= crossing == Crossing::Closed(Side::Client);
        let mut news = Vec::new();
        if let Crossing::Closed(from) | Crossing::Cut(from) = crossing {
            let rest = self.cutter(from).rest();
            news = self.tell(at, from, rest);
        }
        news.push(self.news(at, crossing));
        news
    }

    /// The person disturbs the link.
    pub(super) fn fault(&mut self, connection: u64, at: Instant, fault: FaultNews) -> WireNews {
        self.follow(connection).news(at, Crossing::Fault(fault))
    }

    /// This side closes in order, unless either side has done so before.
    pub(super) fn left(&mut self, connection: u64, at: Instant) -> Vec<WireNews> {
        self.follow(connection);
        if self.is_left || !self.is_open {
            return Vec::new();
        }
        self.happened(connection, at, Crossing::Closed(Side::Client))
    }

    fn follow(&mut self, connection: u64) -> &mut Self {
        if self.connection != connection {
            *self = Self {
                connection,
                ..Self::default()
            };
        }
        self
    }

    fn cutter(&mut self, side: Side) -> &mut Cutter {
        match side {
            Side::Client => &mut self.sent,
            Side::Server => &mut self.received,
        }
    }

    fn tell(
        &self,
        at: Instant,
        from: Side,
        lines: impl IntoIterator<Item = (Vec<u8>, bool)>,
    ) -> Vec<WireNews> {
        let line = |(bytes, is_ended)| Crossing::Line {
            from,
            bytes,
            is_ended,
        };
        let lines = lines.into_iter().map(line);
        lines.map(|crossing| self.news(at, crossing)).collect()
    }

    fn news(&self, at: Instant, crossing: Crossing) -> WireNews {
        let now = Timestamp::now();
        WireNews {
            connection: self.connection,
            at: now.checked_sub(at.elapsed()).unwrap_or(now),
            is_encrypted: false,
            crossing,
        }
    }
}

/// One direction.
#[derive(Debug, Default)]
struct Cutter {
    ends_lines: bool,
    part: Vec<u8>,
}

impl Cutter {
    fn push(&mut self, bytes: &[u8]) -> Vec<(Vec<u8>, bool)> {
        self.part.extend_from_slice(bytes);
        let mut lines = Vec::new();
        let mut start = 0;
        while let Some(length) = self.part[start..].iter().position(|&byte| byte == b'\n') {
            self.ends_lines = true;
            lines.push((self.part[start..start + length].to_vec(), true));
            start += length + 1;
        }
        self.part.drain(..start);
        if !self.ends_lines || self.part.len() > LONGEST_PART {
            lines.extend(self.rest());
        }
        lines
    }

    fn rest(&mut self) -> Option<(Vec<u8>, bool)> {
        (!self.part.is_empty()).then(|| (std::mem::take(&mut self.part), false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of a step, `>` from the client, `<` from the server; `⏎` is a line end.
    fn told(news: Vec<WireNews>) -> Vec<String> {
        let show = |news: WireNews| match news.crossing {
            Crossing::Line {
                from,
                bytes,
                is_ended,
            } => {
                let sign = if from == Side::Client { '>' } else { '<' };
                let end = if is_ended { "⏎" } else { "" };
                format!("{} {sign} {}{end}", news.connection, bytes.escape_ascii())
            }
            other => format!("{} {other:?}", news.connection),
        };
        news.into_iter().map(show).collect()
    }

    #[test]
    fn lines_are_told_whole_however_reads_cut_them() {
        let (mut tap, now) = (Tap::default(), Instant::now());
        let mut read = |bytes: &[u8]| told(tap.bytes(1, now, Side::Server, bytes));
        assert_eq!(read(b"f\n@bob o"), ["1 < f⏎"]);
        assert!(read(b"i").is_empty());
        assert_eq!(read(b"\n\nf\n"), ["1 < @bob oi⏎", "1 < ⏎", "1 < f⏎"]);
    }

    #[test]
    fn codes_and_keys_are_not_shown() {
        let secret = "LJNF-UWS2-LJNF-UWS2-LJNF-UWS2-LI";
        let of = |from, line: &str| {
            let masked = masked(from, line.replace("CODE", secret).as_bytes());
            masked.map(|line| String::from_utf8(line).unwrap())
        };
        for (from, line) in [
            (Side::Client, r#"join {"login":"ana","code":"CODE"}"#),
            (
                Side::Server,
                r#"invite {"login":"bob","code":"CODE","until":7,"copy":"CODE"}"#,
            ),
            (
                Side::Server,
                r#"key {"tag":"q1","key":"CODE","id":"XJ4BNP4PAHH6UQKB"}"#,
            ),
            (Side::Server, r#"invite {"code":"CODE"#),
            (Side::Server, r#"key {"key":["CODE"]}"#),
        ] {
            let shown = of(from, line).unwrap();
            assert!(!shown.contains("LJNF"), "{shown}");
            let verb = line.split(' ').next().unwrap();
            assert!(shown.starts_with(verb), "{shown}");
        }
        for line in ["join", "join live/1", "@bob join {", "f"] {
            assert_eq!(of(Side::Client, line), None, "{line}");
        }
    }

    #[test]
    fn segments_without_line_ends_are_told_as_they_come() {
        let (mut tap, now) = (Tap::default(), Instant::now());
        let mut read = |bytes: &[u8]| told(tap.bytes(1, now, Side::Server, bytes));
        assert_eq!(read(b"@bob oi"), ["1 < @bob oi"]);
        assert_eq!(read(b"f"), ["1 < f"]);
    }

    #[test]
    fn what_is_left_at_the_end_is_told_before_it() {
        let (mut tap, now) = (Tap::default(), Instant::now());
        tap.bytes(1, now, Side::Server, b"f\n@bob half");
        let end = tap.happened(1, now, Crossing::Closed(Side::Server));
        assert_eq!(told(end), ["1 < @bob half", "1 Closed(Server)"]);
        let given_up = tap.happened(1, now, Crossing::Cut(Side::Client));
        assert!(given_up.is_empty(), "the server had ended it");
    }

    #[test]
    fn a_new_connection_begins_anew_and_a_line_without_end_is_told_in_parts() {
        let (mut tap, now) = (Tap::default(), Instant::now());
        tap.bytes(1, now, Side::Server, b"f\n@bob half");
        let opened = tap.happened(2, now, Crossing::Opened);
        assert_eq!(told(opened), ["2 Opened"]);
        assert_eq!(told(tap.bytes(2, now, Side::Server, b"f")), ["2 < f"]);
        tap.bytes(2, now, Side::Server, b"\n");
        let endless = vec![b'x'; LONGEST_PART + 1];
        assert_eq!(tap.bytes(2, now, Side::Server, &endless).len(), 1);
    }
}
