//! Who takes part in which conversation.

use std::collections::VecDeque;

use mensageiro_protocol::Login;

use super::{ConversationState, Participant, ParticipantId, State, User};
use crate::model::{conversation::Conversation, cursor::Cursor, message::MessageId};

impl State {
    /// The number of a conversation, which begins if there is none.
    pub(super) fn enter(&mut self, conversation: &Conversation) -> u32 {
        if let Some(&number) = self.conversation_numbers.get(conversation) {
            return number;
        }
        let number = self.conversations.len() as u32;
        self.conversation_numbers
            .insert(conversation.clone(), number);
        self.conversations.push(ConversationState {
            conversation: conversation.clone(),
            last: MessageId(0),
            participants: Vec::new(),
        });
        number
    }

    /// A user in a conversation, if the user is part of it.
    pub(crate) fn find(&self, login: &Login, with: &Conversation) -> Option<ParticipantId> {
        let conversation = *self.conversation_numbers.get(with)?;
        let user = *self.user_numbers.get(login)?;
        self.find_numbers(conversation, user)
    }

    fn find_numbers(&self, conversation: u32, user: u32) -> Option<ParticipantId> {
        let participants = &self.conversations[conversation as usize].participants;
        // In large groups a user takes part in fewer conversations than the group has participants.
        let participations = &self.users[user as usize].participations;
        if participations.len() < participants.len() {
            let mut participations = participations.iter().copied();
            return participations.find(|id| id.conversation == conversation);
        }
        let index = participants.iter().position(|one| one.user == user)?;
        Some(ParticipantId {
            conversation,
            index: index as u32,
        })
    }

    /// A user in a conversation, who takes part from now on.
    pub(super) fn join(&mut self, conversation: u32, login: &Login) -> ParticipantId {
        // Each of the two of a pair is found without a look into the list of all users.
        let participants = &self.conversations[conversation as usize].participants;
        let mut pair = participants.iter().take(2);
        if let Some(index) = pair.position(|one| self.login_of(one) == login) {
            return ParticipantId {
                conversation,
                index: index as u32,
            };
        }
        let user = self.user_number(login);
        if let Some(id) = self.find_numbers(conversation, user) {
            return id;
        }
        let ConversationState {
            last, participants, ..
        } = &mut self.conversations[conversation as usize];
        let id = ParticipantId {
            conversation,
            index: participants.len() as u32,
        };
        participants.push(Participant {
            user,
            // Nothing that was said before is for them.
            cursor: Cursor {
                read: *last,
                ..Cursor::default()
            },
            newest: MessageId(0),
            unread: 0,
            first_unread: MessageId::MAX,
            is_changed: false,
        });
        self.users[user as usize].participations.push(id);
        self.note_cursor(id);
        id
    }

    fn user_number(&mut self, login: &Login) -> u32 {
        if let Some(&number) = self.user_numbers.get(login) {
            return number;
        }
        let number = self.users.len() as u32;
        self.user_numbers.insert(login.clone(), number);
        self.users.push(User {
            login: login.clone(),
            mailbox: VecDeque::new(),
            bytes: 0,
            participations: Vec::new(),
            undelivered: Vec::new(),
        });
        number
    }
}
