//! What is set, as clients are told (rule V15).

use mensageiro_protocol::{
    Login,
    live::{self, Set},
};

use crate::model::{
    message::MessageId,
    setting::{FOR_GOOD, Setting, Settings, SettingsChange},
};

/// What is set for one thing.
pub(crate) fn item(setting: &Setting, me: &Login) -> live::Setting {
    live::Setting {
        with: setting.scope.as_ref().map(|scope| scope.with(me).clone()),
        number: setting.number,
        of: values(&setting.settings),
    }
}

/// What is set.
pub(crate) fn values(settings: &Settings) -> live::Settings {
    live::Settings {
        pinned: settings.is_pinned,
        muted: settings.muted_until.is_some(),
        muted_until: settings.muted_until.filter(|until| *until != FOR_GOOD),
        archived: settings.archived.is_some(),
        archived_up_to: settings.archived.map(|up_to| up_to.0),
        draft: settings.draft.clone(),
        marked_unread: settings.is_marked_unread,
        note: settings.note.clone(),
    }
}

/// What a client wants to change.
pub(crate) fn change(set: Set) -> SettingsChange {
    let until = set.muted_until.unwrap_or(FOR_GOOD).max(0);
    let up_to = set.archived_up_to.unwrap_or_default();
    SettingsChange {
        is_pinned: set.pinned,
        muted_until: set.muted.map(|is_muted| is_muted.then_some(until)),
        archived: set
            .archived
            .map(|is_archived| is_archived.then_some(MessageId(up_to))),
        draft: set.draft,
        is_marked_unread: set.marked_unread,
        note: set.note,
    }
}
