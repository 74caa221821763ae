//! A block that grows in memory: what several commits brought to one conversation, as it will be
//! stored.

use super::{
    block::{self, BLOCK_BYTES, BlockHeader, BlockReader, MessageRecord, Records},
    rosters::Members,
};
use crate::{
    conversation::Conversation,
    message::{Message, MessageId},
};

use mensageiro_protocol::Login;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct GrowingBlock {
    first: MessageId,
    sent_at_ms: i64,
    end: End,
    roster: Option<Roster>,
    records: Vec<u8>,
}

/// What a block ends with.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// The last message.
    last: MessageId,
    /// Its time.
    at_ms: i64,
    /// How many messages there are.
    messages: usize,
}

/// Of a group: its name and its members.
pub(super) type Roster = (Login, Members);

impl GrowingBlock {
    /// Begins with a block of the log; `roster` is what its header stands for.
    pub(super) fn begin(
        header: &BlockHeader,
        records: &Records<'_>,
        first: MessageId,
        roster: Option<Roster>,
        end: End,
    ) -> Self {
        Self {
            first,
            sent_at_ms: header.sent_at_ms,
            end,
            roster,
            records: records.rest().to_vec(),
        }
    }

    /// Whether messages to these members may follow.
    pub(super) fn takes(&self, roster: Option<&Roster>) -> bool {
        let is_same = match (&self.roster, roster) {
            (None, None) => true,
            (Some((_, own)), Some((_, other))) => own == other,
            _ => false,
        };
        is_same && self.records.len() < BLOCK_BYTES
    }

    /// Appends a block of the log that it takes. `None` if it cannot follow.
    pub(super) fn append(
        &mut self,
        header: &BlockHeader,
        records: &Records<'_>,
        first: MessageId,
        end: End,
    ) -> Option<()> {
        let further = first.0.checked_sub(self.end.last.0)?;
        let later_ms = header.sent_at_ms.checked_sub(self.end.at_ms)?;
        block::write_further(records.rest(), further, later_ms, &mut self.records)?;
        self.end = End {
            messages: self.end.messages + end.messages,
            ..end
        };
        Some(())
    }

    pub(super) fn first(&self) -> MessageId {
        self.first
    }

    pub(super) fn last(&self) -> MessageId {
        self.end.last
    }

    /// How many messages it has.
    pub(super) fn messages(&self) -> usize {
        self.end.messages
    }

    pub(super) fn roster(&self) -> Option<&Roster> {
        self.roster.as_ref()
    }

    /// To read it; in the conversation it belongs to.
    pub(super) fn reader<'a>(&'a self, conversation: &'a Conversation) -> BlockReader<'a> {
        let records = Records::new(self.first, self.sent_at_ms, &self.records);
        let members = self.roster.as_ref().map(|(_, members)| members.clone());
        BlockReader::of(conversation, self.end.last, members, records)
    }

    /// As it is stored; `roster`: what stands for the members of the group, 0 for a pair.
    pub(super) fn value(&self, roster: u32) -> Vec<u8> {
        let header = BlockHeader {
            sent_at_ms: self.sent_at_ms,
            span: self.end.last.0 - self.first.0,
            roster,
        };
        let mut value = Vec::with_capacity(self.records.len() + 32);
        block::write_header(&header, &mut value);
        value.extend_from_slice(&self.records);
        value
    }
}

impl End {
    /// Of messages that are at hand; `None` if there is none.
    pub(super) fn of(messages: &[Message]) -> Option<Self> {
        let last = messages.last()?;
        Some(Self {
            last: last.id,
            at_ms: last.sent_at.as_millisecond(),
            messages: messages.len(),
        })
    }

    /// Of messages that are read, and shown; `None` if one cannot be read, or there is none.
    pub(super) fn read<'a>(
        mut records: Records<'a>,
        mut visit: impl FnMut(MessageId, i64, &MessageRecord<'a>),
    ) -> Option<Self> {
        let mut end = None;
        let mut messages = 0;
        while let Some((last, at_ms, record)) = records.next()? {
            visit(last, at_ms, &record);
            messages += 1;
            end = Some(Self {
                last,
                at_ms,
                messages,
            });
        }
        end
    }
}
