//! Looking into the conversations of a [`FjallStore`].

use std::{cmp::Reverse, collections::BinaryHeap, ops::ControlFlow};

use ::fjall::Slice;

use super::{
    StoreError,
    block::BlockReader,
    fjall::FjallStore,
    records::{conversation_key, numbered},
};
use crate::{
    conversation::Conversation,
    message::{Message, MessageId},
};

/// Messages after which a merge stops reading ahead in one conversation.
const AHEAD: usize = 256;

/// The last message of a conversation; 0 if there is none.
pub(super) fn last_of(
    store: &FjallStore,
    conversation: &Conversation,
) -> Result<MessageId, StoreError> {
    let key = conversation_key(conversation);
    let range = numbered(key.clone(), MessageId(0))..=numbered(key, MessageId::MAX);
    let Some(guard) = store.messages.range(range).next_back() else {
        return Ok(MessageId(0));
    };
    let (key, value) = guard.into_inner().map_err(|e| store.failed(e))?;
    Ok(open(store, conversation, &key, &value)?.last())
}

/// The newest messages of a conversation up to `last`, at most `limit`, oldest first.
pub(super) fn newest(
    store: &FjallStore,
    conversation: &Conversation,
    last: MessageId,
    limit: usize,
) -> Result<Vec<Message>, StoreError> {
    let key = conversation_key(conversation);
    let range = numbered(key.clone(), MessageId(0))..=numbered(key, last);
    let mut blocks = Vec::new();
    let mut count = 0;
    for guard in store.messages.range(range).rev() {
        if count >= limit {
            break;
        }
        let (key, value) = guard.into_inner().map_err(|e| store.failed(e))?;
        let mut messages = Vec::new();
        let block = open(store, conversation, &key, &value)?;
        let read = block.read(MessageId(0), last, &mut messages);
        read.ok_or_else(|| damaged(store))?;
        count += messages.len();
        blocks.push(messages);
    }
    let mut found: Vec<_> = blocks.into_iter().rev().flatten().collect();
    found.drain(..found.len().saturating_sub(limit));
    Ok(found)
}

/// Shows the messages of several conversations as one sequence.
pub(super) fn merged(
    store: &FjallStore,
    conversations: &[Conversation],
    after: MessageId,
    up_to: MessageId,
    visit: &mut dyn FnMut(Message) -> bool,
) -> Result<(), StoreError> {
    let mut ahead = Vec::with_capacity(conversations.len());
    let mut heads = BinaryHeap::with_capacity(conversations.len());
    for (at, conversation) in conversations.iter().enumerate() {
        let mut one = Ahead {
            conversation,
            messages: Vec::new().into_iter(),
            next: after.next(),
        };
        if let Some(id) = one.head(store, up_to)? {
            heads.push(Reverse((id, at)));
        }
        ahead.push(one);
    }
    while let Some(Reverse((_, at))) = heads.pop() {
        let one: &mut Ahead<'_> = &mut ahead[at];
        if let Some(message) = one.messages.next()
            && !visit(message)
        {
            return Ok(());
        }
        if let Some(id) = one.head(store, up_to)? {
            heads.push(Reverse((id, at)));
        }
    }
    Ok(())
}

/// What a merge has read of one conversation and not shown.
struct Ahead<'a> {
    conversation: &'a Conversation,
    messages: std::vec::IntoIter<Message>,
    /// Where it reads on.
    next: MessageId,
}

impl Ahead<'_> {
    /// The number of the next message, which is read if it was not.
    fn head(
        &mut self,
        store: &FjallStore,
        up_to: MessageId,
    ) -> Result<Option<MessageId>, StoreError> {
        if self.messages.as_slice().is_empty() && self.next <= up_to {
            let mut messages = Vec::new();
            some(
                store,
                self.conversation,
                (self.next, up_to),
                AHEAD,
                &mut messages,
            )?;
            self.next = messages
                .last()
                .map_or(MessageId::MAX, |message| message.id.next());
            self.messages = messages.into_iter();
        }
        Ok(self.messages.as_slice().first().map(|message| message.id))
    }
}

/// The oldest messages of a conversation between two numbers, by whole blocks until there are at
/// least `enough`.
fn some(
    store: &FjallStore,
    conversation: &Conversation,
    (first, last): (MessageId, MessageId),
    enough: usize,
    found: &mut Vec<Message>,
) -> Result<(), StoreError> {
    blocks(store, conversation, (first, last), &mut |block, _| {
        block.read(first, last, found)?;
        Some(if found.len() >= enough {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    })
}

/// Shows the blocks of a conversation that have messages between two numbers, until `visit` has
/// enough; `None` says that it cannot read one.
pub(super) fn blocks(
    store: &FjallStore,
    conversation: &Conversation,
    (first, last): (MessageId, MessageId),
    visit: &mut dyn FnMut(BlockReader<'_>, &Slice) -> Option<ControlFlow<()>>,
) -> Result<(), StoreError> {
    let key = conversation_key(conversation);
    let start = numbered(key.clone(), first);
    let end = numbered(key.clone(), last);
    let mut rest = store.messages.range(start.clone()..=end);
    let mut next = rest.next().map(|guard| guard.into_inner());
    // Unless one begins there, the block before the first number may reach beyond it.
    let begins_there = matches!(&next, Some(Ok((key, _))) if **key == *start);
    if !begins_there {
        let before = numbered(key, MessageId(0))..start;
        if let Some(guard) = store.messages.range(before).next_back() {
            let (key, value) = guard.into_inner().map_err(|e| store.failed(e))?;
            let block = open(store, conversation, &key, &value)?;
            if block.last() >= first
                && visit(block, &value)
                    .ok_or_else(|| damaged(store))?
                    .is_break()
            {
                return Ok(());
            }
        }
    }
    while let Some(block) = next {
        let (key, value) = block.map_err(|e| store.failed(e))?;
        let block = open(store, conversation, &key, &value)?;
        let is_end = block.last() >= last;
        if visit(block, &value)
            .ok_or_else(|| damaged(store))?
            .is_break()
            || is_end
        {
            break;
        }
        next = rest.next().map(|guard| guard.into_inner());
    }
    Ok(())
}

pub(super) fn open<'a>(
    store: &FjallStore,
    conversation: &'a Conversation,
    key: &[u8],
    value: &'a [u8],
) -> Result<BlockReader<'a>, StoreError> {
    let members = |version| store.roster(version);
    BlockReader::new(conversation, key, value, members).ok_or_else(|| damaged(store))
}

pub(super) fn damaged(store: &FjallStore) -> StoreError {
    store.damaged("a message")
}
