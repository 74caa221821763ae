//! Who takes part in which conversation.

use std::collections::BTreeSet;

use mensageiro_protocol::Login;

use super::{ConversationState, Participant, ParticipantId, State, User, group::Group};
use crate::model::{
    conversation::Conversation,
    cursor::Cursor,
    message::MessageId,
    waiting::{Membership, Share, Waiting},
};

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
            changed: MessageId(0),
            participants: Vec::new(),
            group: matches!(conversation, Conversation::Group(_))
                .then(|| Box::new(Group::default())),
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
        let ConversationState {
            participants,
            group,
            ..
        } = &self.conversations[conversation as usize];
        let index = match group {
            Some(group) => *group.places.get(&user)?,
            // There are two at most.
            None => participants.iter().position(|one| one.user == user)? as u32,
        };
        Some(ParticipantId {
            conversation,
            index,
        })
    }

    /// A user in a conversation, who takes part from now on.
    pub(super) fn join(&mut self, conversation: u32, login: &Login) -> ParticipantId {
        // Each of the two of a pair is found without a look into the list of all users.
        let ConversationState {
            participants,
            group,
            ..
        } = &self.conversations[conversation as usize];
        let mut pair = participants.iter();
        if group.is_none()
            && let Some(index) = pair.position(|one| self.login_of(one) == login)
        {
            return ParticipantId {
                conversation,
                index: index as u32,
            };
        }
        let user = self.user_number(login);
        if let Some(id) = self.find_numbers(conversation, user) {
            return id;
        }
        let newest = self.conversations[conversation as usize].newest();
        let ConversationState {
            participants,
            group,
            ..
        } = &mut self.conversations[conversation as usize];
        let id = ParticipantId {
            conversation,
            index: participants.len() as u32,
        };
        participants.push(Participant {
            user,
            // Nothing that was said before is for them.
            cursor: Cursor {
                read: newest,
                ..Cursor::default()
            },
            waiting: match group {
                None => Waiting::Share(Share::default()),
                Some(group) => Waiting::Membership(Box::new(Membership {
                    settled: group.tally.count(),
                    ..Membership::default()
                })),
            },
            is_changed: false,
        });
        let of_user = &mut self.users[user as usize];
        of_user.participations.push(id);
        if let Some(group) = group {
            group.places.insert(user, id.index);
            of_user.groups.push(id);
        }
        self.note_participant(id);
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
            participations: Vec::new(),
            groups: Vec::new(),
            by_oldest: BTreeSet::new(),
            by_newest: BTreeSet::new(),
            undelivered: BTreeSet::new(),
        });
        number
    }
}
