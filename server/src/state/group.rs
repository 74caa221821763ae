//! What was written to a group. A message is stored and counted once, however many members there are.

use std::collections::{BTreeMap, HashMap, VecDeque};

use mensageiro_protocol::Login;

use super::{ConversationState, ParticipantId, State};
use crate::model::{
    message::{Message, MessageId},
    tally::{Bucket, EXACT, Tally},
    waiting::{Membership, Waiting},
};

/// See the module. Authors are participants, by their places in the conversation.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// All messages.
    pub(super) tally: Tally,
    /// The newest [`EXACT`] messages, by rising ids, each with its author.
    pub(super) recent: VecDeque<(MessageId, u32)>,
    /// Each author's newest message.
    pub(super) authors: BTreeMap<MessageId, u32>,
    /// Of each user who takes part.
    pub(super) places: HashMap<u32, u32>,
    /// It is other than in the last checkpoint.
    pub(super) is_changed: bool,
}

impl Group {
    /// The newest message that others wrote while this participant was a member; 0: there is none.
    pub(super) fn newest_for(&self, index: u32, member: &Membership) -> MessageId {
        let mut newest_first = self.authors.iter().rev();
        let of_others = newest_first.find(|(_, author)| **author != index);
        let newest = of_others.map_or(MessageId(0), |(id, _)| *id);
        match member.away.is_none() && newest >= member.since {
            true => newest,
            false => member.before,
        }
    }

    /// The next message above an id that may be for this participant is not before this one.
    pub(super) fn next_for(
        &self,
        index: u32,
        member: &Membership,
        above: MessageId,
    ) -> Option<MessageId> {
        let next = self.tally.next_above(above)?;
        let is_away = next > member.before && next < member.since;
        let above = match is_away {
            true => MessageId(member.since.0 - 1),
            false => above,
        };
        let is_recent = |oldest: &(MessageId, u32)| self.tally.next_above(above) >= Some(oldest.0);
        if self.recent.front().is_some_and(is_recent) {
            let start = self.recent.partition_point(|(id, _)| *id <= above);
            let mut recent = self.recent.range(start..);
            let of_others = recent.find(|(_, author)| *author != index);
            return of_others.map(|(id, _)| *id);
        }
        self.tally.next_above(above)
    }

    /// The last message up to an id that may be for this participant, or the id itself where that is not known.
    pub(super) fn last_for(
        &self,
        index: u32,
        member: &Membership,
        up_to: MessageId,
    ) -> Option<MessageId> {
        let end = self.recent.partition_point(|(id, _)| *id <= up_to);
        let mut newest_first = self.recent.range(..end).rev();
        let of_others = newest_first.find(|(_, author)| *author != index);
        let last = of_others.map(|(id, _)| *id);
        let last = last.or_else(|| self.tally.last_up_to(up_to))?;
        let is_away = last > member.before && last < member.since;
        Some(if is_away { member.before } else { last })
    }

    /// Who wrote something above one id and up to another, but for one participant; each once.
    pub(super) fn authors(&self, above: MessageId, up_to: MessageId, but: u32) -> Vec<u32> {
        let newest = self.authors.range(above.next()..=up_to);
        let start = self.recent.partition_point(|(id, _)| *id <= above);
        let recent = self.recent.range(start..);
        let recent = recent.take_while(|(id, _)| *id <= up_to);
        let all = newest
            .map(|(_, author)| *author)
            .chain(recent.map(|(_, author)| *author));
        let mut known = std::collections::HashSet::new();
        all.filter(|author| *author != but && known.insert(*author))
            .collect()
    }

    fn add(&mut self, index: u32, member: &mut Membership, messages: &[Message]) {
        for message in messages {
            self.tally.add(message.id, message.text.len());
            if self.recent.len() == EXACT {
                self.recent.pop_front();
            }
            self.recent.push_back((message.id, index));
        }
        if let Some(last) = messages.last() {
            self.authors.remove(&member.newest_own);
            self.authors.insert(last.id, index);
            member.newest_own = last.id;
        }
    }
}

impl State {
    /// What a member writes waits for all others.
    pub(super) fn deliver_to_group(
        &mut self,
        author: ParticipantId,
        group: &Login,
        messages: &[Message],
    ) {
        // All of them take part before the first message for them.
        let participants = self.participants_of(author.conversation, group);
        let others = participants.map_or(0, |all| all.len().saturating_sub(1));
        let has_unread = self.unread(author) > 0;
        let conversation = &mut self.conversations[author.conversation as usize];
        let ConversationState {
            participants,
            group: Some(group),
            ..
        } = conversation
        else {
            return;
        };
        let Waiting::Membership(member) = &mut participants[author.index as usize].waiting else {
            return;
        };
        group.add(author.index, member, messages);
        member.settled += messages.len() as u64;
        if has_unread {
            for message in messages {
                member.skipped.add(message.id, 0);
            }
        }
        self.waiting += (others * messages.len()) as u64;
        self.note_group(author.conversation);
        self.note_participant(author);
    }

    /// A member's read cursor has moved: counts what is left.
    pub(super) fn settle(&mut self, id: ParticipantId) {
        let conversation = &mut self.conversations[id.conversation as usize];
        let is_caught_up = conversation.newest_for(id.index)
            <= Some(conversation.participants[id.index as usize].cursor.read);
        let ConversationState {
            participants,
            group: Some(group),
            ..
        } = conversation
        else {
            return;
        };
        let participant = &mut participants[id.index as usize];
        let Waiting::Membership(member) = &mut participant.waiting else {
            return;
        };
        let all = group.tally.count();
        let until_now = member.away.unwrap_or(all);
        let read = participant.cursor.read;
        member.skipped.take_up_to(read);
        if is_caught_up {
            member.settled = until_now;
            return;
        }
        let above = group.tally.above(read);
        let unread = above.saturating_sub(all - until_now + member.skipped.count());
        // Something is left, however roughly it is counted.
        member.settled = until_now.saturating_sub(unread.max(1));
    }

    /// A participant is no member of the group any more, or is one again.
    pub(super) fn leave_or_return(&mut self, id: ParticipantId, is_member: bool) {
        let next = self.header.last.message.next();
        let has_unread = self.unread(id) > 0;
        let conversation = &mut self.conversations[id.conversation as usize];
        let newest = conversation.newest_for(id.index).unwrap_or_default();
        let last = conversation.newest();
        let ConversationState {
            participants,
            group: Some(group),
            ..
        } = conversation
        else {
            return;
        };
        let participant = &mut participants[id.index as usize];
        let Waiting::Membership(member) = &mut participant.waiting else {
            return;
        };
        let all = group.tally.count();
        if !is_member {
            member.before = newest;
            member.away = Some(all);
            participant.cursor.left = Some(next);
        } else if let Some(until) = member.away.take() {
            let missed = all - until;
            member.settled += missed;
            member.since = next;
            let left = participant.cursor.left.take().unwrap_or(next);
            if missed > 0 && has_unread {
                member.skipped.add_bucket(Bucket {
                    first: left.min(last),
                    last,
                    count: missed,
                    bytes: 0,
                });
            }
        }
        self.note_participant(id);
    }
}
