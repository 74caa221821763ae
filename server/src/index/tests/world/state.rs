//! The state that an index should load.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use mensageiro_protocol::{Login, live::Epoch};

use crate::{
    index::{Header, HolderEntry, Loaded, SettingEntry},
    model::{
        conversation::Conversation,
        cursor::Cursor,
        event::Target,
        message::{MessageId, ReadMark},
        setting::Scope,
        waiting::{Waiting, Written},
    },
};

/// The state at one moment, sorted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::index::tests) struct State {
    pub(in crate::index::tests) header: Header,
    pub(in crate::index::tests) conversations: BTreeMap<Conversation, MessageId>,
    pub(in crate::index::tests) changed: BTreeMap<Conversation, MessageId>,
    pub(in crate::index::tests) cursors: BTreeMap<(Conversation, Login), (Cursor, Waiting)>,
    pub(in crate::index::tests) groups: BTreeMap<Login, Written>,
    pub(in crate::index::tests) rosters: BTreeMap<Login, (u32, Option<BTreeSet<Login>>)>,
    pub(in crate::index::tests) seen: BTreeMap<Login, Timestamp>,
    pub(in crate::index::tests) devices: BTreeMap<(Login, String), Vec<u8>>,
    pub(in crate::index::tests) epochs: Vec<Epoch>,
    pub(in crate::index::tests) holders: BTreeMap<Target, HolderEntry>,
    pub(in crate::index::tests) settings: BTreeMap<(Login, Scope), SettingEntry>,
    pub(in crate::index::tests) marks: BTreeMap<u64, ReadMark>,
}

impl State {
    pub(in crate::index::tests) fn of(loaded: &Loaded, marks: Vec<ReadMark>) -> Self {
        let cursors = loaded.cursors.iter();
        let devices = loaded.devices.iter();
        let rosters = loaded.rosters.iter();
        Self {
            header: loaded.header,
            conversations: loaded.conversations.iter().cloned().collect(),
            changed: loaded.changed.iter().cloned().collect(),
            cursors: cursors
                .map(|c| {
                    let key = (c.conversation.clone(), c.user.clone());
                    (key, (c.cursor, c.waiting.clone()))
                })
                .collect(),
            groups: loaded
                .groups
                .iter()
                .map(|one| (one.group.clone(), one.written.clone()))
                .collect(),
            rosters: rosters
                .map(|r| {
                    let members = r.members.as_deref().cloned();
                    (r.group.clone(), (r.number, members))
                })
                .collect(),
            seen: loaded.seen.iter().cloned().collect(),
            devices: devices
                .map(|d| ((d.login.clone(), d.device.to_string()), d.window.clone()))
                .collect(),
            epochs: loaded.epochs.clone(),
            holders: loaded
                .holders
                .iter()
                .map(|one| (one.who.clone(), one.clone()))
                .collect(),
            settings: loaded
                .settings
                .iter()
                .map(|one| ((one.login.clone(), one.scope.clone()), one.clone()))
                .collect(),
            marks: marks.into_iter().map(|mark| (mark.number, mark)).collect(),
        }
    }
}
