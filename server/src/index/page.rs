//! The newest messages of a conversation, or those before them.

use std::sync::Arc;

use super::{
    IndexError, Messages, RunEntry,
    entries::Entry,
    messages::{clip, keep_newest},
    places::{Place, Places},
};
use crate::model::{
    conversation::Conversation,
    message::{Message, MessageId},
};

/// Bytes of messages that are read at a time for the server itself.
const BYTES: usize = 256 * 1024;

/// The messages of one answer.
pub struct Page<'a> {
    /// The messages, oldest first.
    pub places: Places<'a>,
    /// There are older ones.
    pub is_more: bool,
}

impl Messages {
    /// The newest messages of a conversation before `before` and up to `up_to`, at most `limit`, oldest first.
    ///
    /// # Errors
    /// [`IndexError`] when the disk fails or something is damaged.
    pub fn history(
        &self,
        conversation: &Conversation,
        before: Option<MessageId>,
        limit: usize,
        up_to: MessageId,
    ) -> Result<Vec<Message>, IndexError> {
        let before = before.map_or(MessageId::MAX, |id| MessageId(id.0.saturating_sub(1)));
        let range = (MessageId(0), up_to.min(before));
        let mut page = self.page(conversation, range, limit, u64::MAX)?;
        let mut messages = Vec::with_capacity(limit.min(page.places.places.len()));
        while !page.places.is_empty() {
            page.places.show(BYTES, &mut |message| {
                messages.push(message);
                true
            })?;
        }
        Ok(messages)
    }

    /// The newest messages of a conversation after `after` and up to `up_to`, at most `limit`, for a session. The session
    /// reads them in portions of about `bytes` bytes and at least one message. Sessions take turns.
    ///
    /// # Errors
    /// [`IndexError`] when the disk fails or something is damaged.
    pub fn page(
        &self,
        conversation: &Conversation,
        (after, up_to): (MessageId, MessageId),
        limit: usize,
        bytes: u64,
    ) -> Result<Page<'_>, IndexError> {
        let turn = self.turn(true);
        // One more shows whether there are more.
        let limit = limit as u64;
        let mut entries = self.newest(conversation, up_to, limit.saturating_add(1))?;
        drop(turn);
        entries.retain(|entry| entry.last() > after);
        if let Some(oldest) = entries.first_mut() {
            *oldest = clip(oldest.clone(), &(after.next()..=up_to));
        }
        let mut is_more = keep_newest(&mut entries, limit);
        let (conversation, mut together) = (Arc::new(conversation.clone()), 0);
        let mut places = Places::new(self, true, MessageId(0));
        let mut later: Option<&RunEntry> = None;
        for entry in entries.iter().rev() {
            let is_of_same_run =
                later.is_some_and(|later| (later.record, later.part) == (entry.record, entry.part));
            if !is_of_same_run {
                together += u64::from(entry.part.length);
            }
            if together > bytes && later.is_some() {
                is_more = true;
                break;
            }
            places.places.push_front(Place {
                conversation: conversation.clone(),
                entry: entry.clone(),
            });
            later = Some(entry);
        }
        Ok(Page { places, is_more })
    }
}
