//! Removes the blocks of messages that the log has dropped, a few with each flush. Nobody waits for it, as readers skip them.

use super::{
    IndexError, RunEntry, TagEntry,
    chain::Opened,
    entries::Entry,
    state_rows::{Chain, ChainNumber, Subject},
    step::Step,
};
use crate::{log::Position, model::message::MessageId};

/// Chains that are checked with each flush.
const CHAINS: usize = 1_000;

/// The most blocks that are removed with each flush.
const BLOCKS: usize = 4_000;

/// The progress of the removal.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sweep {
    /// Everything before this position must be removed.
    position: Position,
    /// The next chain to check.
    next: ChainNumber,
    /// The newest message that was found before that position. Tags up to it are removed.
    dropped: MessageId,
}

impl Sweep {
    /// Continues; starts again at the first chain if `position` has risen.
    pub(super) fn go_on(
        &mut self,
        step: &mut Step<'_>,
        position: Position,
    ) -> Result<(), IndexError> {
        if position > self.position {
            self.position = position;
            self.next = 1;
        }
        let mut blocks = BLOCKS;
        for _ in 0..CHAINS {
            if self.next == 0 {
                return Ok(());
            }
            if self.next > step.stored.chains {
                step.forget_changes(self.dropped)?;
                self.next = 0;
                return Ok(());
            }
            self.chain(step, &mut blocks)?;
            if blocks == 0 {
                return Ok(());
            }
            self.next += 1;
        }
        Ok(())
    }

    fn chain(&mut self, step: &mut Step<'_>, blocks: &mut usize) -> Result<(), IndexError> {
        let (chain, sum) = step.chain(self.next)?;
        match chain.subject {
            Subject::Conversation(_) | Subject::Changes(_) => {
                let position = self.position;
                let is_before = |entry: &RunEntry| entry.record < position;
                let dropped = self.remove(step, (chain, sum), blocks, is_before)?;
                self.dropped = self.dropped.max(dropped);
            }
            Subject::Tags(_) => {
                let dropped = self.dropped;
                let is_before = |tag: &TagEntry| tag.id <= dropped;
                self.remove(step, (chain, sum), blocks, is_before)?;
            }
        }
        Ok(())
    }

    /// Removes the first blocks of a chain while all of their entries were dropped. Returns the last message in them.
    fn remove<E: Entry>(
        &self,
        step: &mut Step<'_>,
        (mut chain, sum): (Chain, u64),
        blocks: &mut usize,
        is_before: impl Fn(&E) -> bool,
    ) -> Result<MessageId, IndexError> {
        let mut dropped = MessageId(0);
        let start = chain.start;
        while *blocks > 0 {
            let head: Option<Opened<E>> = step.reader(self.next, chain.clone()).head()?;
            let Some(head) = head.filter(|head| head.entries.last().is_some_and(&is_before)) else {
                break;
            };
            step.delete_block(head.block.number)?;
            dropped = head.last;
            chain.start += 1;
            if chain.start == chain.end {
                chain.tail = 0;
            }
            *blocks -= 1;
        }
        if chain.start > start {
            step.put_chain(self.next, &chain, Some(sum))?;
        }
        Ok(dropped)
    }
}
