//! A block that grows in memory: what several commits brought to one conversation, as it will be
//! stored.

use super::{
    block::{self, BLOCK_BYTES, BlockHeader, BlockReader, MessageRecord, Records},
    rosters::Members,
};
use crate::{conversation::Conversation, message::MessageId};

use mensageiro_protocol::Login;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct GrowingBlock {
    first: MessageId,
    sent_at_ms: i64,
    last: MessageId,
    last_at_ms: i64,
    roster: Option<Roster>,
    /// How many they are.
    messages: usize,
    records: Vec<u8>,
}

/// Of a group: its name and its members.
pub(super) type Roster = (Login, Members);

impl GrowingBlock {
    /// Begins with a block of the log; `roster` is what its header stands for. Every message is
    /// shown. `None` if it cannot be read.
    pub(super) fn begin<'a>(
        header: &BlockHeader,
        records: Records<'a>,
        first: MessageId,
        roster: Option<Roster>,
        visit: impl FnMut(MessageId, i64, &MessageRecord<'a>),
    ) -> Option<Self> {
        let bytes = records.rest();
        let (last, last_at_ms, messages) = end(records, visit)??;
        Some(Self {
            first,
            sent_at_ms: header.sent_at_ms,
            last,
            last_at_ms,
            roster,
            messages,
            records: bytes.to_vec(),
        })
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

    /// Appends a block of the log that it takes. Every message is shown. `None` if it cannot be
    /// read.
    pub(super) fn append<'a>(
        &mut self,
        header: &BlockHeader,
        records: Records<'a>,
        first: MessageId,
        visit: impl FnMut(MessageId, i64, &MessageRecord<'a>),
    ) -> Option<()> {
        let further = first.0.checked_sub(self.last.0)?;
        let later_ms = header.sent_at_ms.checked_sub(self.last_at_ms)?;
        block::write_further(records.rest(), further, later_ms, &mut self.records)?;
        let messages;
        (self.last, self.last_at_ms, messages) = end(records, visit)??;
        self.messages += messages;
        Some(())
    }

    pub(super) fn first(&self) -> MessageId {
        self.first
    }

    pub(super) fn last(&self) -> MessageId {
        self.last
    }

    /// How many messages it has.
    pub(super) fn messages(&self) -> usize {
        self.messages
    }

    pub(super) fn roster(&self) -> Option<&Roster> {
        self.roster.as_ref()
    }

    /// To read it; in the conversation it belongs to.
    pub(super) fn reader<'a>(&'a self, conversation: &'a Conversation) -> BlockReader<'a> {
        let records = Records::new(self.first, self.sent_at_ms, &self.records);
        let members = self.roster.as_ref().map(|(_, members)| members.clone());
        BlockReader::of(conversation, self.last, members, records)
    }

    /// As it is stored; `roster`: what stands for the members of the group, 0 for a pair.
    pub(super) fn value(&self, roster: u32) -> Vec<u8> {
        let header = BlockHeader {
            sent_at_ms: self.sent_at_ms,
            span: self.last.0 - self.first.0,
            roster,
        };
        let mut value = Vec::with_capacity(self.records.len() + 32);
        block::write_header(&header, &mut value);
        value.extend_from_slice(&self.records);
        value
    }
}

/// Shows messages. The number and the time of the last one, and how many they are; the inner `None`
/// if there is none.
fn end<'a>(
    mut records: Records<'a>,
    mut visit: impl FnMut(MessageId, i64, &MessageRecord<'a>),
) -> Option<Option<(MessageId, i64, usize)>> {
    let mut last = None;
    let mut messages = 0;
    while let Some((id, at_ms, record)) = records.next()? {
        visit(id, at_ms, &record);
        messages += 1;
        last = Some((id, at_ms, messages));
    }
    Some(last)
}
