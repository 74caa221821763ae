//! What a checkpoint has to bring up to date.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use mensageiro_protocol::{Login, live::Epoch};

use super::{ParticipantId, State};
use crate::{
    index::{Changes, CursorEntry, DeviceEntry},
    model::{event::Device, message::ReadMark},
};

/// What is other than in the last checkpoint.
#[derive(Debug, Default)]
pub(super) struct Changed {
    cursors: Vec<ParticipantId>,
    pub(super) seen: HashMap<Login, Timestamp>,
    pub(super) devices: HashSet<(Login, Device)>,
    pub(super) tag_floors: HashSet<Login>,
    pub(super) marks: Vec<ReadMark>,
    pub(super) epochs: Vec<Epoch>,
}

impl State {
    /// A cursor is other than in the last checkpoint.
    pub(super) fn note_cursor(&mut self, id: ParticipantId) {
        let participant = self.participant_mut(id);
        if !participant.is_changed {
            participant.is_changed = true;
            self.changed.cursors.push(id);
        }
    }

    /// What has changed since this was last called, as it is now. The index adds what it knows itself:
    /// where the messages are, their tags, and rosters.
    pub fn take_changes(&mut self) -> Changes {
        let changed = std::mem::take(&mut self.changed);
        let cursors = changed.cursors.into_iter().map(|id| {
            let participant = self.participant_mut(id);
            participant.is_changed = false;
            let cursor = participant.cursor;
            CursorEntry {
                conversation: self.conversation(id.conversation).clone(),
                user: self.login_of(self.participant(id)).clone(),
                cursor,
            }
        });
        let cursors = cursors.collect();
        let stored = self.quotas.take_changes().into_iter();
        let stored = stored.map(|(login, window)| DeviceEntry {
            login,
            device: STORED.into(),
            window,
        });
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
            seen: changed.seen.into_iter().collect(),
            devices,
            marks: changed.marks,
            epochs: changed.epochs,
            holders: self.holders.take_changes(),
            ..Changes::default()
        }
    }
}

/// In the place of a device's name: what is known of tags that no device numbers.
pub(super) const NO_DEVICE: &str = "";

/// Likewise: how many bytes the login has in the log. No device has such a name.
pub(super) const STORED: &str = "/stored";
