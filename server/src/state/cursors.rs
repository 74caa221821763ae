//! Cursors move, and what was read waits no more.

use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::{ParticipantId, State};
use crate::model::{
    conversation::Conversation,
    cursor::Cursor,
    event::Read,
    message::MessageId,
    waiting::{Share, Waiting},
};

/// How a cursor moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) id: ParticipantId,
    /// No message that is read by it is before the first, nor after the last of these.
    pub(super) read: Option<(MessageId, MessageId)>,
    pub(super) delivered: Option<MessageId>,
}

impl State {
    /// How cursors of a user move when this was read or given; not at all, if it is no news.
    pub(super) fn steps(&self, by: &Login, what: &Read) -> Vec<Step> {
        match what {
            Read::All { up_to } => self.read_all(by, *up_to),
            Read::Conversation { with, up_to } => {
                let id = self.find(by, with);
                let step = id.and_then(|id| self.read_one(id, *up_to));
                step.into_iter().collect()
            }
            Read::Delivered { up_to } => self.delivered(by, *up_to),
        }
    }

    /// Whether any cursor of a user would move.
    pub(crate) fn is_news(&self, by: &Login, what: &Read) -> bool {
        !self.steps(by, what).is_empty()
    }

    /// What a user reads by reading everything up to a message. Looks only where something waits, and into the groups.
    pub(super) fn read_all(&self, login: &Login, up_to: MessageId) -> Vec<Step> {
        let Some(user) = self.user(login) else {
            return Vec::new();
        };
        let waiting = user.by_oldest.iter();
        let waiting = waiting.take_while(|(oldest, _)| *oldest <= up_to);
        let all = waiting.map(|(_, id)| id).chain(&user.groups);
        all.filter_map(|id| self.read_one(*id, up_to)).collect()
    }

    /// What a user reads by reading one conversation up to a message.
    pub(super) fn read_one(&self, id: ParticipantId, up_to: MessageId) -> Option<Step> {
        let conversation = self.conversation_of(id);
        let first = self.next_unread(id, MessageId(0))?;
        if first > up_to {
            return None;
        }
        let last = match (&self.participant(id).waiting, &conversation.group) {
            (Waiting::Share(share), _) => share.tally.last_up_to(up_to)?,
            (Waiting::Membership(member), Some(group)) => {
                let newest = conversation.newest_for(id.index)?;
                let last = group.last_for(id.index, member, up_to.min(newest))?;
                last.max(first)
            }
            (Waiting::Membership(_), None) => return None,
        };
        Some(Step {
            id,
            read: Some((first, last)),
            delivered: None,
        })
    }

    /// How far a user has been given each conversation, when a device keeps everything up to a
    /// message: only where this is news.
    pub(super) fn delivered(&self, login: &Login, up_to: MessageId) -> Vec<Step> {
        let Some(user) = self.user(login) else {
            return Vec::new();
        };
        let undelivered = user.undelivered.iter();
        let undelivered = undelivered.take_while(|(undelivered, _)| *undelivered <= up_to);
        let groups = user.groups.iter().filter(|id| {
            let cursor = &self.participant(**id).cursor;
            let reached = cursor.delivered.max(cursor.read);
            let newest = self.conversation_of(**id).newest_for(id.index);
            let group = self.conversation_of(**id).group.as_ref();
            let edge = group.and_then(|group| group.tally.next_edge(reached));
            edge.is_some_and(|edge| Some(edge) <= newest && edge <= up_to)
        });
        let all = undelivered.map(|(_, id)| id).chain(groups);
        all.filter_map(|id| {
            let newest = self.conversation_of(*id).newest_for(id.index)?;
            Some(Step {
                id: *id,
                read: None,
                delivered: Some(newest.min(up_to)),
            })
        })
        .collect()
    }

    /// Who wrote what a cursor has moved over.
    pub(super) fn authors(&self, step: &Step, before: &Cursor, after: &Cursor) -> Vec<Login> {
        let (above, up_to) = match step.read {
            Some(_) => (before.read, after.read),
            None => (before.delivered.max(before.read), after.delivered),
        };
        let conversation = self.conversation_of(step.id);
        match (&conversation.conversation, &conversation.group) {
            (Conversation::Group(_), Some(group)) => {
                let authors = group.authors(above, up_to, step.id.index).into_iter();
                let login = |index| self.login_of(&conversation.participants[index as usize]);
                authors.map(|index| login(index).clone()).collect()
            }
            (of_two, _) => {
                let me = self.login_of(self.participant(step.id));
                vec![of_two.with(me).clone()]
            }
        }
    }

    /// Moves a cursor. Returns about how much was read by that.
    pub(super) fn advance(&mut self, step: &Step, at: Timestamp) -> u64 {
        let unread = self.unread(step.id);
        let last = self.header.last.message;
        self.list(step.id, false);
        let participant = self.participant_mut(step.id);
        let cursor = &mut participant.cursor;
        if let Some((_, read)) = step.read {
            cursor.read = cursor.read.max(read);
            cursor.read_at = at;
        }
        let delivered = step.delivered.max(step.read.map(|read| read.1));
        if let Some(delivered) = delivered.filter(|&delivered| delivered > cursor.delivered) {
            cursor.delivered = delivered;
            cursor.delivered_at = at;
        }
        cursor.changed = last;
        self.recount(step.id, step.read.is_some());
        let left = self.unread(step.id);
        self.waiting = self.waiting + left - unread;
        unread.saturating_sub(left)
    }

    /// Puts a cursor where it was in a converted store.
    pub(super) fn set_cursor(&mut self, with: &Conversation, user: &Login, cursor: Cursor) {
        let number = self.enter(with);
        let id = self.join(number, user);
        self.waiting -= self.unread(id);
        self.list(id, false);
        let last = self.conversations[number as usize].newest();
        let participant = self.participant_mut(id);
        let left = participant.cursor.left;
        participant.cursor = Cursor {
            // What comes later waits, whatever was said of it before it came.
            read: cursor.read.min(last),
            delivered: cursor.delivered.min(last),
            left,
            ..cursor
        };
        let is_member = match with {
            Conversation::Pair(..) => true,
            Conversation::Group(group) => {
                let members = self.members(group);
                members.is_some_and(|members| members.contains(user))
            }
        };
        if left.is_none() && (cursor.left.is_some() || !is_member) {
            self.leave_or_return(id, false);
            let left = &mut self.participant_mut(id).cursor.left;
            *left = cursor.left.or(*left);
        }
        self.recount(id, true);
        self.waiting += self.unread(id);
    }

    /// After a cursor has moved: what waits now. The participant is in no list before, and is listed then.
    pub(super) fn recount(&mut self, id: ParticipantId, is_read: bool) {
        let participant = self.participant_mut(id);
        let cursor = participant.cursor;
        match &mut participant.waiting {
            Waiting::Share(Share { tally, undelivered }) => {
                if tally.oldest() <= Some(cursor.read) {
                    tally.take_up_to(cursor.read);
                }
                let reached = cursor.delivered.max(cursor.read);
                if *undelivered <= reached {
                    *undelivered = tally.next_edge(reached).unwrap_or_default();
                }
            }
            Waiting::Membership(_) if is_read => self.settle(id),
            Waiting::Membership(_) => {}
        }
        self.list(id, true);
        self.note_participant(id);
    }
}
