use std::collections::VecDeque;

use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::Mailboxes;
use crate::{
    model::{conversation::Conversation, message::MessageId},
    state::{Moved, ParticipantId, State},
};

/// Participants that are looked at while the lock is held: of a large group only a part, so that nobody
/// waits for it long.
const PARTICIPANTS: usize = 512;

/// So many are found at once, about: a session may wait for its client before it takes the next ones.
const FOUND: usize = 32;

/// How far the others are, conversation by conversation; see [`Mailboxes::peers`].
#[derive(Debug)]
pub struct Peers<'a> {
    mailboxes: &'a Mailboxes,
    login: Login,
    since: MessageId,
    /// The next of the user's conversations; `None`: only one was asked for.
    next_conversation: Option<usize>,
    /// Where it looks next.
    next: Option<ParticipantId>,
    found: VecDeque<Moved>,
}

impl Mailboxes {
    /// How far the others in a user's conversations have come with what is for the user, who must still belong to the
    /// groups among them; of those whose cursor has moved since the message `since`: what was delivered and what was read
    /// each on its own, with its time.
    pub fn peers(&self, login: &Login, since: MessageId) -> Peers<'_> {
        Peers {
            mailboxes: self,
            login: login.clone(),
            since,
            next_conversation: Some(0),
            next: None,
            found: VecDeque::new(),
        }
    }

    /// The same of one conversation, whenever the cursors have moved.
    pub fn peers_in(&self, login: &Login, with: &Conversation) -> Peers<'_> {
        let id = self.lock().find(login, with);
        Peers {
            next_conversation: None,
            next: id.map(first),
            ..self.peers(login, MessageId(0))
        }
    }
}

/// The first participant of the same conversation.
fn first(id: ParticipantId) -> ParticipantId {
    ParticipantId { index: 0, ..id }
}

impl Iterator for Peers<'_> {
    type Item = Moved;

    fn next(&mut self) -> Option<Moved> {
        while self.found.is_empty() && self.look() {}
        self.found.pop_front()
    }
}

impl Peers<'_> {
    /// Looks at some more participants. Returns whether there may be more.
    fn look(&mut self) -> bool {
        let mailboxes = self.mailboxes;
        let state = mailboxes.lock();
        let mut room = PARTICIPANTS;
        while room > 0 && self.found.len() < FOUND {
            let Some(id) = self.next.take().or_else(|| self.next_conversation(&state)) else {
                return false;
            };
            let end = self.look_at(&state, id, room);
            room = room.saturating_sub((end - id.index) as usize + 1);
            if (end as usize) < state.conversation_of(id).participants.len() {
                self.next = Some(ParticipantId { index: end, ..id });
            }
        }
        true
    }

    fn next_conversation(&mut self, state: &State) -> Option<ParticipantId> {
        let at = self.next_conversation.as_mut()?;
        let all = &state.user(&self.login)?.participations;
        while let Some(&id) = all.get(*at) {
            *at += 1;
            if state.participant(id).cursor.left.is_none() {
                return Some(first(id));
            }
        }
        None
    }

    /// Looks at so many participants at most; returns the one after them.
    fn look_at(&mut self, state: &State, id: ParticipantId, most: usize) -> u32 {
        let conversation = state.conversation_of(id);
        let begin = state.since_in(&self.login, &conversation.conversation);
        let participants = conversation.participants.iter();
        let participants = participants.skip(id.index as usize).take(most);
        let mut end = id.index;
        for participant in participants {
            if self.found.len() >= FOUND {
                break;
            }
            end += 1;
            let (who, cursor) = (state.login_of(participant), &participant.cursor);
            if cursor.changed < self.since || *who == self.login {
                continue;
            }
            let one = |delivered, read, at| Moved {
                who: who.clone(),
                with: conversation.conversation.clone(),
                authors: Vec::new(),
                delivered,
                read,
                at,
                by: None,
            };
            if cursor.delivered_at > Timestamp::UNIX_EPOCH && cursor.delivered > begin {
                let delivered = Some(cursor.delivered);
                self.found
                    .push_back(one(delivered, None, cursor.delivered_at));
            }
            if cursor.read_at > Timestamp::UNIX_EPOCH && cursor.read > begin {
                self.found
                    .push_back(one(None, Some(cursor.read), cursor.read_at));
            }
        }
        end
    }
}
