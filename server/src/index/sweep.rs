//! Removes the blocks of messages that the log has dropped, a few with each flush: nobody waits for it, as readers leave them out
//! anyway.

use super::{
    IndexError, RunEntry, TagEntry,
    chain::Opened,
    entries::Entry,
    state_rows::{Chain, ChainNumber, Subject},
    step::Step,
};
use crate::{log::Position, model::message::MessageId};

/// Chains that are looked at with each flush.
const CHAINS: usize = 1_000;

/// Blocks that are removed with each flush, at the most.
const BLOCKS: usize = 4_000;

/// How far the removal has come.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sweep {
    /// What lies before is removed.
    position: Position,
    /// The next chain.
    next: ChainNumber,
    /// The newest message that was found to lie before. Tags up to it are removed.
    dropped: MessageId,
}

impl Sweep {
    /// Goes on, from the first chain if more is to be removed than before.
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
            Subject::Conversation(_) => {
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

    /// Removes the first blocks of a chain, as long as all of their entries are to go. Returns the last message of these.
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
