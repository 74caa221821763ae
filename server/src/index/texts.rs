//! Reads the messages of entries from the log.

use super::{IndexError, RunEntry, memtable::Members, shared::Shared};
use crate::{
    log::{Log, LogError, Part},
    model::{
        codec,
        conversation::Conversation,
        event::{Run, Target},
        message::Message,
    },
};

/// Two runs of one record are read together if at most this many bytes are between them.
const GAP: u64 = 16 * 1024;

/// The most bytes of a record that are read together, if they are more than one run.
const SPAN: u64 = 256 * 1024;

/// Reads the messages of entries in sequence.
pub(super) struct Texts<'a> {
    shared: &'a Shared,
    log: &'a dyn Log,
    /// The roster that was used last.
    roster: Option<(u32, Members)>,
}

impl<'a> Texts<'a> {
    pub(super) fn new(shared: &'a Shared, log: &'a dyn Log) -> Self {
        Self {
            shared,
            log,
            roster: None,
        }
    }

    /// Passes the messages of entries to `visit`, in order, until it returns false; then returns false. Neighbouring runs are
    /// read together.
    pub(super) fn read(
        &mut self,
        entries: &[(&Conversation, RunEntry)],
        visit: &mut dyn FnMut(Message) -> bool,
    ) -> Result<bool, IndexError> {
        let mut rest = entries;
        while let Some((_, first)) = rest.first() {
            let (count, span) = near(rest);
            let (together, others) = rest.split_at(count);
            rest = others;
            let bytes = match self.log.read_part(first.record, span) {
                Ok(bytes) => bytes,
                // The log has dropped it meanwhile.
                Err(_) if first.record < self.log.start() => continue,
                Err(LogError::Missing(_)) => return Err(self.disagrees()),
                Err(error) => return Err(error.into()),
            };
            let mut read: Option<(Part, Run)> = None;
            for (conversation, entry) in together {
                if read.as_ref().is_none_or(|(part, _)| *part != entry.part) {
                    let run = self.run(conversation, entry, span, &bytes)?;
                    read = Some((entry.part, run));
                }
                if let Some((_, run)) = &read
                    && !self.show(entry, run, visit)?
                {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn run(
        &self,
        conversation: &Conversation,
        entry: &RunEntry,
        span: Part,
        bytes: &[u8],
    ) -> Result<Run, IndexError> {
        let within = Part {
            offset: entry.part.offset - span.offset,
            length: entry.part.length,
        };
        let bytes = bytes.get(within.range()).ok_or_else(|| self.disagrees())?;
        let position = entry.record;
        let run =
            codec::read_run(bytes).map_err(|source| IndexError::Message { position, source })?;
        let of = match &run.to {
            Target::User(to) => Conversation::pair(&run.from, to),
            Target::Group(group) => Conversation::Group(group.clone()),
        };
        if of != *conversation {
            return Err(self.disagrees());
        }
        Ok(run)
    }

    fn show(
        &mut self,
        entry: &RunEntry,
        run: &Run,
        visit: &mut dyn FnMut(Message) -> bool,
    ) -> Result<bool, IndexError> {
        let (first, count) = (entry.text as usize, entry.count as usize);
        let texts = run.texts.get(first..).and_then(|texts| texts.get(..count));
        let texts = texts.ok_or_else(|| self.disagrees())?;
        let (to, members) = match &run.to {
            Target::User(to) => (to, None),
            Target::Group(group) => (group, Some(self.roster(entry.roster)?)),
        };
        let mut id = entry.first;
        for sent in texts {
            let message = Message {
                id,
                sent_at: run.at,
                from: run.from.clone(),
                to: to.clone(),
                members: members.clone(),
                tag: sent.tag.clone(),
                about: sent.about,
                file: sent.file.clone(),
                text: sent.text.clone(),
            };
            if !visit(message) {
                return Ok(false);
            }
            id = id.next();
        }
        Ok(true)
    }

    fn roster(&mut self, number: u32) -> Result<Members, IndexError> {
        if let Some((last, members)) = &self.roster
            && *last == number
        {
            return Ok(members.clone());
        }
        let members = self.shared.roster(number)?;
        self.roster = Some((number, members.clone()));
        Ok(members)
    }

    fn disagrees(&self) -> IndexError {
        self.shared
            .disagrees("a message is not where it should be in the log")
    }
}

/// How many of the first entries can be read together, and the part of the record to read for them.
fn near(entries: &[(&Conversation, RunEntry)]) -> (usize, Part) {
    let Some((_, first)) = entries.first() else {
        return (
            0,
            Part {
                offset: 0,
                length: 0,
            },
        );
    };
    let start = u64::from(first.part.offset);
    let end_of = |part: Part| u64::from(part.offset) + u64::from(part.length);
    let (mut count, mut end) = (1, end_of(first.part));
    for (_, entry) in &entries[1..] {
        let offset = u64::from(entry.part.offset);
        let is_near = (end..=end + GAP).contains(&offset) && end_of(entry.part) - start <= SPAN;
        let is_same = entries[count - 1].1.part == entry.part;
        if entry.record != first.record || !(is_near || is_same) {
            break;
        }
        end = end_of(entry.part);
        count += 1;
    }
    let span = Part {
        offset: first.part.offset,
        length: (end - start) as u32,
    };
    (count, span)
}
