//! The source of rows: read marks and their messages, in portions.

use std::ops::ControlFlow;

use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::ArchiveError;
use crate::model::message::{Message, MessageId, ReadMark};

/// An error of a [`Marks`].
pub type MarksError = Box<dyn std::error::Error + Send + Sync>;

/// Marks that are fetched at a time.
const MARKS: usize = 1024;

/// The read marks that the archive writes rows for. Only the archive's thread calls it.
pub trait Marks: Send + Sync + 'static {
    /// The read marks with numbers above `after`, at most `most`, in ascending order. It may return fewer, but returns none only
    /// if there are none. It returns only durable marks, as a row cannot be taken back.
    ///
    /// # Errors
    /// When they cannot be read. The archive asks again later.
    fn marks(&self, after: u64, most: usize) -> Result<Vec<ReadMark>, MarksError>;

    /// Passes the messages of a mark from one id to another to `visit` until it breaks, in ascending order: those of its
    /// conversation that are for its reader ([`Message::is_for`]), as they were when they were read. What was deleted before is
    /// not among them. The archive may ask for the same messages twice.
    ///
    /// # Errors
    /// When they cannot be read. The archive asks again later.
    fn messages(
        &self,
        mark: &ReadMark,
        range: (MessageId, MessageId),
        visit: &mut dyn FnMut(ReadMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(), MarksError>;

    /// Notes that the rows of all marks up to this number are on the disk, so that the marks may be deleted. Called at each
    /// start, and then at most every 30 s.
    fn archived(&self, up_to: u64);
}

/// A message that was read, with the fields of a row.
#[derive(Clone, Copy, Debug)]
pub struct ReadMessage<'a> {
    /// Its id.
    pub id: MessageId,
    /// When it was accepted.
    pub sent_at: Timestamp,
    /// Who wrote it.
    pub from: &'a str,
    /// The group it was written to; `None` for a private message.
    pub group: Option<&'a Login>,
    /// The text.
    pub text: &'a str,
}

impl<'a> From<&'a Message> for ReadMessage<'a> {
    fn from(message: &'a Message) -> Self {
        Self {
            id: message.id,
            sent_at: message.sent_at,
            from: message.from.as_str(),
            group: message.members.as_ref().map(|_| &message.to),
            text: message.text.as_str(),
        }
    }
}

/// A position in the sequence of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// All rows of the marks up to this one come before it,
    pub(super) mark: u64,
    /// and those rows of the next mark that are before this message; 0: none.
    pub(super) message: MessageId,
}

/// The limit of a [`scan`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Here.
    pub(super) until: Option<Progress>,
    /// The number of marks.
    pub(super) marks: usize,
    /// The number of messages: the scan ends after the mark that reaches it, or within a mark that exceeds it alone.
    pub(super) messages: usize,
    /// Whether the scan ends only before a mark of another reader or moment, unless within a mark: rows of one moment may be in
    /// another order in the file.
    pub(super) whole_moments: bool,
}

/// The end of a [`scan`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Scanned {
    /// Where it ended.
    pub(super) at: Progress,
    /// No marks are left.
    pub(super) is_all: bool,
}

impl Limits {
    /// No limit.
    pub(super) const NONE: Self = Self {
        until: None,
        marks: usize::MAX,
        messages: usize::MAX,
        whole_moments: false,
    };
}

/// Passes the messages that were read after `from` to `visit`, in order, up to a limit or until it breaks.
pub(super) fn scan(
    source: &dyn Marks,
    from: Progress,
    limits: Limits,
    visit: &mut dyn FnMut(&ReadMark, ReadMessage<'_>) -> ControlFlow<()>,
) -> Result<Scanned, ArchiveError> {
    let mut at = from;
    let (mut marks, mut messages) = (0, 0);
    let mut moment = None;
    loop {
        let found = source.marks(at.mark, MARKS.min(limits.marks - marks).max(1));
        let found = found.map_err(ArchiveError::Marks)?;
        if found.is_empty() {
            return Ok(Scanned { at, is_all: true });
        }
        for mark in found {
            let next = Some((mark.reader.clone(), mark.read_at));
            let is_full = marks >= limits.marks || messages >= limits.messages;
            let may_end = !limits.whole_moments || moment != next;
            if (is_full && may_end) || limits.until == Some(at) {
                return Ok(Scanned { at, is_all: false });
            }
            moment = next;
            let number = mark.number;
            let (shown, end) = walk_mark(source, mark, at, limits, visit)?;
            if let Some(message) = end {
                at.message = message;
                return Ok(Scanned { at, is_all: false });
            }
            marks += 1;
            messages += shown;
            at = Progress {
                mark: number,
                message: MessageId(0),
            };
        }
    }
}

/// The same for one mark. Returns the number of messages, and the message before which it ended, unless it has reached the
/// end of the mark.
fn walk_mark(
    source: &dyn Marks,
    mark: ReadMark,
    at: Progress,
    limits: Limits,
    visit: &mut dyn FnMut(&ReadMark, ReadMessage<'_>) -> ControlFlow<()>,
) -> Result<(usize, Option<MessageId>), ArchiveError> {
    let until = limits.until.filter(|until| until.mark == at.mark);
    let mut end = until.map(|until| until.message);
    let first = mark.first.max(at.message);
    let before_end = end.map_or(MessageId::MAX, |end| MessageId(end.0.saturating_sub(1)));
    let range = (first, mark.last.min(before_end));
    let mut shown = 0;
    let result = source.messages(&mark, range, &mut |message| {
        shown += 1;
        if visit(&mark, message).is_break() || shown >= limits.messages {
            end = Some(message.id.next());
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    result.map_err(ArchiveError::Marks)?;
    Ok((shown, end))
}
