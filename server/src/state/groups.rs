//! The members of groups.

use std::{collections::BTreeSet, sync::Arc};

use mensageiro_protocol::Login;

use super::{ParticipantId, Roster, State};
use crate::{index::RosterEntry, model::conversation::Conversation};

impl State {
    /// A group has other members from now on, or there is none any more.
    pub(super) fn set_members(&mut self, group: &Login, members: Option<&Arc<BTreeSet<Login>>>) {
        if self.members(group) == members {
            return;
        }
        self.header.roster += 1;
        let number = self.header.roster;
        self.new_rosters.push(RosterEntry {
            number,
            group: group.clone(),
            members: members.cloned(),
        });
        match members {
            None => drop(self.groups.remove(group)),
            Some(members) => {
                let roster = Roster {
                    number,
                    members: members.clone(),
                    participants: None,
                };
                self.groups.insert(group.clone(), roster);
            }
        }
        self.note_who_left(group, members);
    }

    /// Notes since when somebody is no member any more, and who is back.
    fn note_who_left(&mut self, group: &Login, members: Option<&Arc<BTreeSet<Login>>>) {
        let conversation = Conversation::Group(group.clone());
        let Some(&number) = self.conversation_numbers.get(&conversation) else {
            return;
        };
        for index in 0..self.conversations[number as usize].participants.len() as u32 {
            let id = ParticipantId {
                conversation: number,
                index,
            };
            let participant = self.participant(id);
            let login = self.login_of(participant);
            let is_member = members.is_some_and(|members| members.contains(login));
            if is_member == participant.cursor.left.is_some() {
                self.leave_or_return(id, is_member);
            }
        }
    }

    /// The members of a group, in order, who all take part in its conversation.
    pub(super) fn participants_of(
        &mut self,
        conversation: u32,
        group: &Login,
    ) -> Option<Arc<[u32]>> {
        let roster = self.groups.get(group)?;
        if let Some(participants) = &roster.participants {
            return Some(participants.clone());
        }
        let members = roster.members.clone();
        let participants: Arc<[u32]> = members
            .iter()
            .map(|member| self.join(conversation, member).index)
            .collect();
        if let Some(roster) = self.groups.get_mut(group) {
            roster.participants = Some(participants.clone());
        }
        Some(participants)
    }

    /// The number of a group's roster; 0 if there is no such group.
    pub(super) fn roster_number(&self, group: &Login) -> u32 {
        self.groups.get(group).map_or(0, |roster| roster.number)
    }

    /// What changes so that the groups are these.
    pub fn difference<'a>(
        &'a self,
        groups: impl Iterator<Item = (&'a Login, &'a Arc<BTreeSet<Login>>)>,
    ) -> Vec<(Login, Option<Arc<BTreeSet<Login>>>)> {
        let mut gone: BTreeSet<_> = self.groups.keys().collect();
        let mut changes = Vec::new();
        for (group, members) in groups {
            gone.remove(group);
            if self.members(group) != Some(members) {
                changes.push((group.clone(), Some(members.clone())));
            }
        }
        changes.extend(gone.into_iter().map(|group| (group.clone(), None)));
        // The order must not depend on how a map is laid out in memory.
        changes.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        changes
    }
}
