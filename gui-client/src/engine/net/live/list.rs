//! The list of conversations, which a new device asks for once, page by page.

use mensageiro_protocol::live::{CONVERSATIONS_MOST, Conversations, ConversationsRequest, Request};

use super::LiveSession;
use crate::engine::net::io::Effect;

/// The most conversations that are accepted from a server; others can be found by name.
const TAKEN_AT_MOST: usize = 5_000;

/// The progress of the list. A server that does not support it does not answer, and nothing waits
/// for it.
#[derive(Debug, Default)]
pub(super) struct List {
    /// The `before` of the request that is not answered yet.
    asked: Option<Option<u64>>,
    /// How many have come.
    count: usize,
}

impl LiveSession {
    /// Asks for the newest conversations, then for the others.
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
            // If the server sends nothing older, there is nothing older, whatever it says.
            let goes_back = before.is_none_or(|before| oldest < before);
            page.more && goes_back && self.list.count < TAKEN_AT_MOST
        });
        // Newer ones are coming as messages, or as answers to them.
        conversations.retain(|one| one.last.id <= self.told_up_to);
        // Updates that came before are stored first: they may be unread, and what the list brings
        // is not.
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
