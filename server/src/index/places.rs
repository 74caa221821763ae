//! The positions of the next messages. Their texts are read a few at a time, when they are needed.

use std::{collections::VecDeque, mem::size_of, sync::Arc};

use super::{IndexError, Messages, RunEntry, entries::Entry, messages::clip, reading::Share};
use crate::model::{
    conversation::Conversation,
    message::{Message, MessageId},
};

/// The position of consecutive messages of a conversation.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) conversation: Arc<Conversation>,
    pub(super) entry: RunEntry,
}

/// The memory of a place in bytes, without its conversation, which places share.
pub(super) const PLACE_BYTES: usize = size_of::<Place>();

/// The places of messages that were not shown yet, in order.
pub struct Places<'a> {
    messages: &'a Messages,
    pub(super) places: VecDeque<Place>,
    /// Whether its reader takes turns with others.
    takes_turns: bool,
    /// The last message that was shown or left out.
    pub(super) after: MessageId,
}

impl<'a> Places<'a> {
    pub(super) fn new(messages: &'a Messages, takes_turns: bool, after: MessageId) -> Self {
        Self {
            messages,
            places: VecDeque::new(),
            takes_turns,
            after,
        }
    }

    /// Whether no places are left.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Passes the next messages to `visit`, about `bytes` bytes of them and at least one, until it returns false. `visit` must
    /// not wait: others wait meanwhile. Messages that the log has dropped are skipped.
    ///
    /// # Errors
    /// [`IndexError`] when the disk fails or something is damaged.
    pub fn show(
        &mut self,
        bytes: usize,
        visit: &mut dyn FnMut(Message) -> bool,
    ) -> Result<(), IndexError> {
        let mut together = 0;
        let fit = self.places.iter().take_while(|place| {
            let is_first = together == 0;
            together += place.entry.part.length as usize + 1;
            is_first || together <= bytes
        });
        let fit = fit.count();
        let mut some: VecDeque<_> = self.places.drain(..fit).collect();
        let entries = some.iter();
        let entries: Vec<_> = entries
            .map(|place| (&*place.conversation, place.entry.clone()))
            .collect();
        let Some((_, last)) = entries.last() else {
            return Ok(());
        };
        let (mut shown, mut left) = (None, bytes);
        let turn = self.messages.turn(self.takes_turns);
        let is_all = self.messages.texts().read(&entries, &mut |message| {
            shown = Some(message.id);
            left = left.saturating_sub(message.line_bytes() + 1);
            visit(message) && left > 0
        })?;
        drop(turn);
        self.after = match shown {
            Some(shown) if !is_all => shown,
            _ => last.last(),
        };
        // One run may have more messages than are needed.
        while let Some(mut place) = some.pop_back()
            && place.entry.last() > self.after
        {
            place.entry = clip(place.entry, &(self.after.next()..=MessageId::MAX));
            self.places.push_front(place);
        }
        Ok(())
    }

    /// Drops the places that exceed a reader's own memory. Returns whether there were any.
    pub(super) fn keep_only(&mut self, share: &Share<'_>) -> bool {
        let mut bytes = 0;
        let kept = self.places.iter().take_while(|_| {
            bytes += PLACE_BYTES;
            bytes <= share.bytes()
        });
        let kept = kept.count().max(1);
        let is_less = kept < self.places.len();
        self.places.truncate(kept);
        self.places.shrink_to_fit();
        is_less
    }
}
