//! What edits of users.csv and groups.csv mean for the log and for those who are connected.

use std::sync::Arc;

use crate::{
    access::Access,
    alarm::Watched,
    clients::{Online, Registry},
    commit::{Committer, Refused},
    directory::{Directory, Edits, People},
    handover,
    mailboxes::Mailboxes,
    model::event::Event,
};
use tracing::warn;

/// Who is told when the files of the directory are edited.
pub(super) struct Edited {
    pub(super) access: Arc<Access>,
    pub(super) registry: Arc<Registry>,
    pub(super) online: Arc<Online>,
    pub(super) committer: Committer,
    pub(super) mailboxes: Arc<Mailboxes>,
    pub(super) directory: Arc<Directory>,
    pub(super) _alarm: Watched,
}

impl Edits for Edited {
    fn prepare(&self, old: &People, new: &People) -> bool {
        if let Err(error) = self.access.follow(&new.users) {
            warn!("an edit of users.csv has no effect until the file is saved again: {error}");
            return false;
        }
        let known = old.users.not_in(&new.users);
        let noted = handover::note(
            (&self.committer, &self.mailboxes),
            (&self.directory, &self.online),
            known,
            new,
        );
        // If the disk refuses, the server starts anew, and reads the files then.
        noted.is_ok()
    }

    fn done(&self, _: &People, new: &People) {
        self.registry.hang_up_on(|login| !new.users.contains(login));
        // If the disk refuses, the server starts anew, and notes it then.
        let _ = note_groups(&self.committer, &self.mailboxes, new);
        self.online.note_edit();
    }
}

/// Says in the log who belongs to which group, as far as it says something else.
pub(super) fn note_groups(
    committer: &Committer,
    mailboxes: &Mailboxes,
    people: &People,
) -> Result<(), Refused> {
    let changes = mailboxes.lock().difference(people.groups.iter());
    let changes = changes.into_iter();
    let events = changes.map(|(group, members)| Event::Group { group, members });
    committer.note(events.collect())
}
