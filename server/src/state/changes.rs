//! What a checkpoint has to bring up to date.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use mensageiro_protocol::{Login, live::Epoch};

use super::{ConversationState, ParticipantId, State};
use crate::{
    index::{Changes, CursorEntry, DeviceEntry, GroupEntry},
    model::{conversation::Conversation, event::Device, message::ReadMark, waiting::Written},
};

/// What is other than in the last checkpoint.
#[derive(Debug, Default)]
pub(super) struct Changed {
    participants: Vec<ParticipantId>,
    groups: Vec<u32>,
    pub(super) seen: HashMap<Login, Timestamp>,
    pub(super) devices: HashSet<(Login, Device)>,
    pub(super) tag_floors: HashSet<Login>,
    pub(super) marks: Vec<ReadMark>,
    pub(super) epochs: Vec<Epoch>,
}

impl State {
    /// A participant is other than in the last checkpoint.
    pub(super) fn note_participant(&mut self, id: ParticipantId) {
        let participant = self.participant_mut(id);
        if !participant.is_changed {
            participant.is_changed = true;
            self.changed.participants.push(id);
        }
    }

    /// A group was written to since the last checkpoint.
    pub(super) fn note_group(&mut self, conversation: u32) {
        if let Some(group) = &mut self.conversations[conversation as usize].group
            && !group.is_changed
        {
            group.is_changed = true;
            self.changed.groups.push(conversation);
        }
    }

    /// Everything is in the checkpoint.
    pub(super) fn forget_changes(&mut self) {
        for id in std::mem::take(&mut self.changed).participants {
            self.participant_mut(id).is_changed = false;
        }
    }

    /// What has changed since this was last called, as it is now. The index adds what it knows itself:
    /// where the messages are, their tags, and rosters.
    pub fn take_changes(&mut self) -> Changes {
        let changed = std::mem::take(&mut self.changed);
        let cursors = changed.participants.into_iter().map(|id| {
            self.participant_mut(id).is_changed = false;
            self.cursor_entry(id)
        });
        let cursors = cursors.collect();
        let stored = self.quotas.take_changes().into_iter();
        let stored = stored.map(|(login, window)| DeviceEntry {
            login,
            device: STORED.into(),
            window,
        });
        let groups = changed.groups.into_iter();
        let groups = groups
            .filter_map(|number| self.group_entry(number))
            .collect();
        let devices = changed.devices.into_iter().map(|(login, device)| {
            let window = self.devices.window(&login, &device);
            DeviceEntry {
                login,
                device,
                window,
            }
        });
        let floors = changed.tag_floors.into_iter().map(|login| {
            let window = self.tag_floors.bytes(&login);
            DeviceEntry {
                login,
                device: NO_DEVICE.into(),
                window,
            }
        });
        let devices = devices.chain(floors).chain(stored).collect();
        Changes {
            header: self.header,
            cursors,
            groups,
            seen: changed.seen.into_iter().collect(),
            devices,
            marks: changed.marks,
            epochs: changed.epochs,
            holders: self.holders.take_changes(),
            settings: self.settings.take_changes(),
            ..Changes::default()
        }
    }

    /// How far a participant is now, and what waits.
    pub(super) fn cursor_entry(&self, id: ParticipantId) -> CursorEntry {
        let participant = self.participant(id);
        CursorEntry {
            conversation: self.conversation(id.conversation).clone(),
            user: self.login_of(participant).clone(),
            cursor: participant.cursor,
            waiting: participant.waiting.clone(),
        }
    }

    fn group_entry(&mut self, number: u32) -> Option<GroupEntry> {
        let ConversationState {
            conversation: Conversation::Group(name),
            participants,
            group: Some(group),
            ..
        } = &mut self.conversations[number as usize]
        else {
            return None;
        };
        group.is_changed = false;
        let login = |index: u32| &self.users[participants[index as usize].user as usize].login;
        let recent = group.recent.iter();
        Some(GroupEntry {
            group: name.clone(),
            written: Written {
                tally: group.tally.clone(),
                recent: recent
                    .map(|(id, index)| (*id, login(*index).clone()))
                    .collect(),
            },
        })
    }
}

/// In the place of a device's name: what is known of tags that no device numbers.
pub(super) const NO_DEVICE: &str = "";

/// Likewise: how many bytes the login has in the log. No device has such a name.
pub(super) const STORED: &str = "/stored";
