use crate::engine::{Message, Peer};

/// The most conversations that are announced one by one; more are combined.
const TOLD_APART: usize = 3;

/// Messages that came in since the last announcement.
#[derive(Debug, Default)]
pub struct News {
    /// The newest message of each conversation, and how many came; the latest last.
    conversations: Vec<(Message, usize)>,
}

/// One notification for a person who looks elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Announcement {
    /// New messages of one conversation.
    Conversation {
        /// The newest message.
        newest: Message,
        /// How many.
        count: usize,
    },
    /// New messages of too many conversations to name them.
    Many {
        /// How many messages.
        messages: usize,
        /// In which conversations.
        conversations: Vec<Peer>,
    },
}

impl News {
    pub(super) fn take_in(&mut self, message: &Message) {
        let mut known = self.conversations.iter();
        let known = known.position(|(newest, _)| newest.with == message.with);
        let before = known.map_or(0, |at| self.conversations.remove(at).1);
        self.conversations.push((message.clone(), before + 1));
    }

    /// Forgets a conversation that need not be announced any more.
    pub(super) fn forget(&mut self, peer: &Peer) {
        self.conversations
            .retain(|(newest, _)| newest.with != *peer);
    }

    /// Whether nothing is to be announced.
    pub fn is_empty(&self) -> bool {
        self.conversations.is_empty()
    }

    /// What to announce, the latest last.
    pub fn announcements(self) -> Vec<Announcement> {
        if self.conversations.len() > TOLD_APART {
            let messages = self.conversations.iter().map(|(_, count)| count).sum();
            let conversations = self.conversations.into_iter();
            let conversations = conversations.map(|(newest, _)| newest.with).collect();
            return vec![Announcement::Many {
                messages,
                conversations,
            }];
        }
        let one_by_one = self.conversations.into_iter();
        one_by_one
            .map(|(newest, count)| Announcement::Conversation { newest, count })
            .collect()
    }
}
