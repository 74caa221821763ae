//! The protocol inspector: the lines that went over the wire while it is open.

mod attempts;
mod meaning;
mod transcript;

use std::{collections::VecDeque, fmt::Write};

use jiff::tz::TimeZone;
use mensageiro_protocol::is_hidden;

pub use attempts::{Attempt, AttemptStep};
pub use meaning::Meaning;

use self::meaning::{Reader, Stage};
use crate::{
    engine::{ActiveFaults, Command, Crossing, Fault, WireNews},
    matching::fold,
};

/// The most lines that are kept; the oldest are dropped first.
const KEPT_LINES: usize = 2_000;
/// The most bytes of all kept lines together.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// What a person does with the inspector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InspectAction {
    /// Opens it, or closes it and drops all lines.
    Toggle,
    /// Pauses it, or continues with the lines that have come since.
    Pause(bool),
    /// Drops all lines.
    Clear,
    /// Shows only lines that contain this text; empty: all.
    Filter(String),
    /// Shows what disturbs the link, or ends all of it.
    ShowFaults(bool),
    /// Disturbs the link; `None`: no longer.
    Disturb(Option<Fault>),
}

/// The protocol inspector. While it is closed, the engine reports no lines and none are kept.
#[derive(Debug, Default)]
pub struct Inspector {
    /// It is on the screen.
    pub is_open: bool,
    /// The filter: lines that contain this text are shown.
    pub filter: String,
    /// What disturbs the link is on the screen.
    pub shows_faults: bool,
    /// How the link is disturbed.
    pub faults: ActiveFaults,
    is_paused: bool,
    lines: Kept,
    /// Lines that have come while it is paused.
    held: Kept,
    reader: Reader,
    /// How many lines there have been.
    count: u64,
}

/// A line on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectedLine {
    /// The number of the line, from 0.
    pub number: u64,
    /// What happened.
    pub news: WireNews,
    stage: Stage,
    /// The folded text that the filter compares with.
    folded: String,
}

impl InspectedLine {
    /// Its meaning.
    pub fn meaning(&self) -> Meaning {
        meaning::of(&self.news.crossing, self.stage)
    }

    /// The first `most` bytes of the line in printable form: invalid UTF-8, and characters that are not seen
    /// themselves, as `\xNN`, and `…` where it goes on. Empty if it is no line.
    pub fn raw(&self, most: usize) -> String {
        let Crossing::Line { bytes, .. } = &self.news.crossing else {
            return String::new();
        };
        let mut raw = String::new();
        // So that no character is cut.
        let is_cut = bytes.len() > most;
        let end = (0..=most.min(bytes.len()))
            .rev()
            .find(|&end| !is_cut || bytes[end] & 0xC0 != 0x80);
        for chunk in bytes[..end.unwrap_or_default()].utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    c if is_hidden(c) => push_hex(&mut raw, c.encode_utf8(&mut [0; 4]).as_bytes()),
                    c => raw.push(c),
                }
            }
            push_hex(&mut raw, chunk.invalid());
        }
        if is_cut {
            raw.push('…');
        }
        raw
    }

    fn bytes(&self) -> usize {
        let line = match &self.news.crossing {
            Crossing::Line { bytes, .. } => bytes.len(),
            _ => 0,
        };
        line + self.folded.len()
    }
}

impl Inspector {
    /// Whether it is paused.
    pub fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// How many of the kept lines have come while it is paused.
    pub fn held(&self) -> usize {
        self.held.lines.len()
    }

    /// Whether there is nothing to show, whatever the filter.
    pub fn is_empty(&self) -> bool {
        self.lines.lines.is_empty()
    }

    /// The lines that pass the filter, oldest first.
    pub fn shown(&self) -> Vec<&InspectedLine> {
        let word = fold(self.filter.trim());
        let all = self.lines.lines.iter();
        all.filter(|line| word.is_empty() || line.folded.contains(&word))
            .collect()
    }

    /// All lines, including those that came while paused, as a transcript of the protocol.
    pub fn transcript(&self, zone: &TimeZone) -> String {
        let all = || self.lines.lines.iter().chain(&self.held.lines);
        // Numbers rise, also where what is held has pushed something out.
        let kept = all().count() as u64;
        let missing = all().last().map_or(0, |line| line.number + 1 - kept);
        transcript::write(missing, all().map(|line| &line.news), zone)
    }

    /// `is_live`: the connection there is now, whose beginning was not seen, is a live session.
    pub(super) fn act(&mut self, action: InspectAction, is_live: bool) -> Option<Command> {
        match action {
            InspectAction::Toggle => {
                let is_open = !self.is_open;
                *self = Self {
                    is_open,
                    reader: Reader::new(is_live),
                    ..Self::default()
                };
                return Some(Command::Inspect(is_open));
            }
            InspectAction::Pause(is_paused) => {
                self.is_paused = is_paused;
                if !is_paused {
                    for line in std::mem::take(&mut self.held).lines {
                        self.lines.push(line);
                    }
                }
            }
            InspectAction::Clear => self.forget(),
            InspectAction::Filter(filter) => self.filter = filter,
            InspectAction::ShowFaults(shows_faults) => {
                self.shows_faults = shows_faults;
                return (!shows_faults).then_some(Command::Disturb(None));
            }
            InspectAction::Disturb(fault) => return Some(Command::Disturb(fault)),
        }
        None
    }

    /// Forgets everything of an account that is being left: its lines and the filter.
    pub(super) fn leave(&mut self) {
        *self = Self {
            is_open: self.is_open,
            ..Self::default()
        };
    }

    fn forget(&mut self) {
        self.lines = Kept::default();
        self.held = Kept::default();
    }

    pub(super) fn take(&mut self, news: WireNews) {
        // Told before the engine heard that nobody looks any more.
        if !self.is_open {
            return;
        }
        let stage = self.reader.follow(&news);
        let folded = match &news.crossing {
            Crossing::Line { bytes, .. } => fold(&String::from_utf8_lossy(bytes)),
            _ => String::new(),
        };
        let kept = if self.is_paused {
            &mut self.held
        } else {
            &mut self.lines
        };
        kept.push(InspectedLine {
            number: self.count,
            news,
            stage,
            folded,
        });
        self.count += 1;
    }
}

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<InspectedLine>,
    bytes: usize,
}

impl Kept {
    fn push(&mut self, line: InspectedLine) {
        self.bytes += line.bytes();
        self.lines.push_back(line);
        while self.lines.len() > KEPT_LINES || (self.bytes > KEPT_BYTES && self.lines.len() > 1) {
            let oldest = self.lines.pop_front();
            self.bytes -= oldest.map_or(0, |line| line.bytes());
        }
    }
}

/// Bytes as a transcript writes those that are no text: `\xNN`.
fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::engine::Side;

    fn line(bytes: &[u8]) -> WireNews {
        WireNews {
            connection: 1,
            at: Timestamp::UNIX_EPOCH,
            is_encrypted: false,
            crossing: Crossing::Line {
                from: Side::Server,
                bytes: bytes.to_vec(),
                is_ended: true,
            },
        }
    }

    fn open() -> Inspector {
        let mut inspector = Inspector::default();
        let command = inspector.act(InspectAction::Toggle, false);
        assert_eq!(command, Some(Command::Inspect(true)));
        inspector
    }

    fn shown(inspector: &Inspector) -> Vec<String> {
        let lines = inspector.shown();
        lines.iter().map(|line| line.raw(100)).collect()
    }

    #[test]
    fn while_it_is_closed_nothing_is_kept() {
        let mut inspector = Inspector::default();
        inspector.take(line(b"f"));
        assert!(inspector.is_empty());
        let mut inspector = open();
        inspector.take(line(b"f"));
        let command = inspector.act(InspectAction::Toggle, false);
        assert_eq!(command, Some(Command::Inspect(false)));
        assert!(inspector.is_empty());
    }

    #[test]
    fn the_oldest_lines_go_when_there_are_too_many_or_too_long_ones() {
        let mut inspector = open();
        for number in 0..KEPT_LINES + 5 {
            inspector.take(line(number.to_string().as_bytes()));
        }
        let lines = shown(&inspector);
        assert_eq!((lines.len(), lines[0].as_str()), (KEPT_LINES, "5"));
        let transcript = inspector.transcript(&TimeZone::UTC);
        assert!(transcript.contains("\n# 5 earlier lines are not here.\n"));
        let long = vec![b'x'; KEPT_BYTES / 8];
        for _ in 0..10 {
            inspector.take(line(&long));
        }
        assert_eq!(
            shown(&inspector).len(),
            4,
            "each counts with its copy for the filter"
        );
    }

    #[test]
    fn while_it_is_paused_it_stands_still_and_nothing_is_missed() {
        let mut inspector = open();
        inspector.take(line(b"one"));
        inspector.act(InspectAction::Pause(true), false);
        inspector.take(line(b"two"));
        assert_eq!(
            (shown(&inspector), inspector.held()),
            (vec!["one".into()], 1)
        );
        assert!(inspector.transcript(&TimeZone::UTC).contains("two"));
        inspector.act(InspectAction::Pause(false), false);
        assert_eq!(
            (shown(&inspector), inspector.held()),
            (vec!["one".into(), "two".into()], 0)
        );
    }

    #[test]
    fn a_line_is_shown_safely_and_no_longer_than_asked_for() {
        let mut inspector = open();
        inspector.take(line(b"\x1b[31m\xe3 \xc3\xa7"));
        let shown = inspector.shown();
        assert_eq!(shown[0].raw(100), r"\x1b[31m\xe3 ç");
        assert_eq!(shown[0].raw(8), r"\x1b[31m\xe3 …", "no half of a character");
    }

    #[test]
    fn the_filter_finds_words_whatever_their_accents() {
        let mut inspector = open();
        inspector.take(line("@ana A Reunião".as_bytes()));
        inspector.take(line(b"f"));
        inspector.act(InspectAction::Filter(" reuniao".into()), false);
        assert_eq!(shown(&inspector), ["@ana A Reunião"]);
        inspector.act(InspectAction::Clear, false);
        assert!(inspector.is_empty());
    }
}
