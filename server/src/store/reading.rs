//! Looking into the conversations of a [`FjallStore`].

use std::{cmp::Reverse, collections::BinaryHeap};

use super::{
    FjallStore, StoreError,
    records::{self, BlockReader, conversation_key, numbered},
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
    let first = records::number_at_end(&key);
    let header = records::split_header(&value);
    let (first, (header, _)) = first.zip(header).ok_or_else(|| damaged(store))?;
    Ok(MessageId(first + header.span))
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
        read(
            store,
            conversation,
            (&key, &value),
            (MessageId(0), last),
            &mut messages,
        )?;
        count += messages.len();
        blocks.push(messages);
    }
    let mut found: Vec<_> = blocks.into_iter().rev().flatten().collect();
    found.drain(..found.len().saturating_sub(limit));
    Ok(found)
}

/// All messages of a conversation between two numbers, both included.
pub(super) fn between(
    store: &FjallStore,
    conversation: &Conversation,
    first: MessageId,
    last: MessageId,
    found: &mut Vec<Message>,
) -> Result<(), StoreError> {
    some(store, conversation, first, last, usize::MAX, found)
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
                self.next,
                up_to,
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
    first: MessageId,
    last: MessageId,
    enough: usize,
    found: &mut Vec<Message>,
) -> Result<(), StoreError> {
    let key = conversation_key(conversation);
    let all = numbered(key.clone(), MessageId(0));
    // The block before the first number may reach beyond it.
    let before = all.clone()..=numbered(key.clone(), first);
    let start = match store.messages.range(before).next_back() {
        Some(guard) => guard.key().map_err(|e| store.failed(e))?.to_vec(),
        None => all,
    };
    for guard in store.messages.range(start..=numbered(key, last)) {
        let (key, value) = guard.into_inner().map_err(|e| store.failed(e))?;
        read(store, conversation, (&key, &value), (first, last), found)?;
        if found.len() >= enough {
            break;
        }
    }
    Ok(())
}

fn read(
    store: &FjallStore,
    conversation: &Conversation,
    (key, value): (&[u8], &[u8]),
    (first, last): (MessageId, MessageId),
    found: &mut Vec<Message>,
) -> Result<(), StoreError> {
    let block = BlockReader::new(conversation, key, value, |version| store.roster(version));
    let block = block.ok_or_else(|| damaged(store))?;
    if block.last() < first {
        return Ok(());
    }
    block.read(first, last, found).ok_or_else(|| damaged(store))
}

fn damaged(store: &FjallStore) -> StoreError {
    store.damaged("a message")
}
