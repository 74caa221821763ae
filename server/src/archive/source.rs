//! Where the rows come from: read marks, and the messages they are about, a portion at a time.

use std::ops::ControlFlow;

use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::ArchiveError;
use crate::model::message::{Message, MessageId, ReadMark};

/// Why a [`Marks`] cannot say what was read.
pub type MarksError = Box<dyn std::error::Error + Send + Sync>;

/// Marks that are asked for at once.
const MARKS: usize = 1024;

/// What the archive takes its rows from. Only the archive's thread calls it.
pub trait Marks: Send + Sync + 'static {
    /// The read marks with numbers above `after`, at most `most` of them, by rising numbers. There may be fewer, but
    /// there are none only if there are none. Only marks that are durable are shown: a row cannot be taken back.
    ///
    /// # Errors
    /// When they cannot be read. The archive asks again later.
    fn marks(&self, after: u64, most: usize) -> Result<Vec<ReadMark>, MarksError>;

    /// Shows the messages that a mark says were read, by rising ids, until `visit` breaks: of its conversation, from
    /// its first to its last one, those that are for its reader ([`Message::is_for`]). The archive may ask for a part of a
    /// mark, whose first message is then a later one, and for the same ones twice.
    ///
    /// # Errors
    /// When they cannot be read. The archive asks again later.
    fn messages(
        &self,
        mark: &ReadMark,
        visit: &mut dyn FnMut(ReadMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(), MarksError>;

    /// The rows of all marks up to this number are in the file, and survive a power cut: the marks may be forgotten. Told
    /// at each start, and then at most every 30 s.
    fn archived(&self, up_to: u64);
}

/// A message that was read, as far as a row tells of it.
#[derive(Clone, Copy, Debug)]
pub struct ReadMessage<'a> {
    /// Its id.
    pub id: MessageId,
    /// When it was accepted.
    pub sent_at: Timestamp,
    /// Who wrote it.
    pub from: &'a str,
    /// The group it was written to, if it was.
    pub group: Option<&'a Login>,
    /// What it says.
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

/// How much has been taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Everything of the marks up to this one,
    pub(super) mark: u64,
    /// and of the one after it everything before this message; 0: nothing.
    pub(super) message: MessageId,
}

/// Where a [`walk`] ends, at the latest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Here.
    pub(super) until: Option<Progress>,
    /// After so many marks.
    pub(super) marks: usize,
    /// After the mark with which there are so many messages, or within one that has so many alone.
    pub(super) messages: usize,
    /// Only where the next mark is of another reader or another moment, unless within a mark: rows of one moment may be in the
    /// file in another order.
    pub(super) whole_moments: bool,
}

/// What a [`walk`] has come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walked {
    /// Where it ended.
    pub(super) at: Progress,
    /// There was nothing more.
    pub(super) is_all: bool,
}

impl Limits {
    /// None.
    pub(super) const NONE: Self = Self {
        until: None,
        marks: usize::MAX,
        messages: usize::MAX,
        whole_moments: false,
    };
}

/// Shows what was read and comes after `from`, in order, up to a limit or until `visit` breaks.
pub(super) fn walk(
    source: &dyn Marks,
    from: Progress,
    limits: Limits,
    visit: &mut dyn FnMut(&ReadMark, ReadMessage<'_>) -> ControlFlow<()>,
) -> Result<Walked, ArchiveError> {
    let mut at = from;
    let (mut marks, mut messages) = (0, 0);
    let mut moment = None;
    loop {
        let found = source.marks(at.mark, MARKS.min(limits.marks - marks).max(1));
        let found = found.map_err(ArchiveError::Marks)?;
        if found.is_empty() {
            return Ok(Walked { at, is_all: true });
        }
        for mark in found {
            let next = Some((mark.reader.clone(), mark.read_at));
            let is_full = marks >= limits.marks || messages >= limits.messages;
            let may_end = !limits.whole_moments || moment != next;
            if (is_full && may_end) || limits.until == Some(at) {
                return Ok(Walked { at, is_all: false });
            }
            moment = next;
            let number = mark.number;
            let (shown, end) = walk_mark(source, mark, at, limits, visit)?;
            if let Some(message) = end {
                at.message = message;
                return Ok(Walked { at, is_all: false });
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

/// The same of one mark. Returns how many messages were shown, and the message before which it ended, unless it was
/// after the last one.
fn walk_mark(
    source: &dyn Marks,
    mut mark: ReadMark,
    at: Progress,
    limits: Limits,
    visit: &mut dyn FnMut(&ReadMark, ReadMessage<'_>) -> ControlFlow<()>,
) -> Result<(usize, Option<MessageId>), ArchiveError> {
    let until = limits.until.filter(|until| until.mark == at.mark);
    let mut end = until.map(|until| until.message);
    mark.first = mark.first.max(at.message);
    if let Some(end) = end {
        mark.last = mark.last.min(MessageId(end.0.saturating_sub(1)));
    }
    let mut shown = 0;
    let result = source.messages(&mark, &mut |message| {
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
