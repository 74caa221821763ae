//! The list of conversations. A new device asks for it once, page by page. Later, each session begins with the first
//! page, which shows whether something is missing: another server may have been at this address meanwhile, and
//! have given ids that this one gave to other messages.

use mensageiro_protocol::live::{
    CONVERSATIONS_MOST, CONVERSATIONS_USUAL, Conversations, ConversationsRequest, Request,
};

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
    /// The list is here, and its first page is compared.
    is_check: bool,
}

impl LiveSession {
    /// Asks for the newest conversations, then for the others, unless the list is here.
    pub fn ask_list(&mut self, is_here: bool) {
        self.list = List {
            is_check: is_here,
            ..List::default()
        };
        self.ask_page(None);
    }

    fn ask_page(&mut self, before: Option<u64>) {
        self.list.asked = Some(before);
        self.say(&Request::Conversations(ConversationsRequest {
            before,
            limit: match self.list.is_check {
                true => CONVERSATIONS_USUAL,
                false => CONVERSATIONS_MOST,
            },
        }));
    }

    pub(super) fn take_list(&mut self, page: Conversations) {
        let before = page.before;
        if self.is_full {
            return;
        }
        if self.list.asked.take_if(|asked| *asked == before).is_none() {
            return;
        }
        let mut conversations = page.conversations;
        self.list.count += conversations.len();
        let oldest = conversations.iter().map(|one| one.last.id).min();
        let next = oldest.filter(|&oldest| {
            // If the server sends nothing older, there is nothing older, whatever it says.
            let goes_back = before.is_none_or(|before| oldest < before);
            let is_wanted = !self.list.is_check && self.list.count < TAKEN_AT_MOST;
            page.more && goes_back && is_wanted
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
