//! The list of conversations, which a device that is new asks for once, page by page.

use mensageiro_protocol::live::{CONVERSATIONS_MOST, Conversations, ConversationsRequest, Request};

use super::LiveSession;
use crate::engine::net::io::Effect;

/// Conversations that are taken in at most, whatever a server tells; one finds the others by the
/// name.
const TAKEN_AT_MOST: usize = 5_000;

/// How far the list is. A server that knows none does not answer, and nobody waits for it.
#[derive(Debug, Default)]
pub(super) struct List {
    /// What was asked for and has not come: its `before`.
    asked: Option<Option<u64>>,
    /// How many have come.
    count: usize,
}

impl LiveSession {
    /// Asks for the newest conversations, and then for the others.
    pub fn ask_list(&mut self) {
        self.list = List::default();
        self.ask_page(None);
    }

    fn ask_page(&mut self, before: Option<u64>) {
        self.list.asked = Some(before);
        self.say(&Request::Conversations(ConversationsRequest {
            before,
            limit: CONVERSATIONS_MOST,
        }));
    }

    pub(super) fn take_list(&mut self, page: Conversations) {
        let before = page.before;
        if self.list.asked.take_if(|asked| *asked == before).is_none() {
            return;
        }
        let mut conversations = page.conversations;
        self.list.count += conversations.len();
        let oldest = conversations.iter().map(|one| one.last.id).min();
        let next = oldest.filter(|&oldest| {
            // A server that does not go back has no others, whatever it says.
            let goes_back = before.is_none_or(|before| oldest < before);
            page.more && goes_back && self.list.count < TAKEN_AT_MOST
        });
        // What is newer is on its way as a message, or as the answer to one.
        conversations.retain(|one| one.last.id <= self.told_up_to);
        // What was told before is stored before: it may be unread, and what is in the list is not.
        self.store();
        self.effects.push(Effect::StoreList {
            conversations,
            is_last: next.is_none(),
        });
        if next.is_some() {
            self.ask_page(next);
        }
    }
}
