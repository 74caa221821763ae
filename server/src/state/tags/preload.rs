//! Tags that sessions read before they are needed: of a login that has sent many, that takes long, and whoever commits
//! would keep everybody waiting.

use std::{collections::HashSet, mem};

use mensageiro_protocol::Login;
use parking_lot::{Mutex, RwLock};

use super::{Floor, TagReader, TagsOf};
use crate::{
    index::IndexError,
    model::{
        event::Device,
        message::{MessageId, Tag},
    },
    state::State,
};

/// Who has sent more tags than so many waits until nobody else reads that many.
const MANY: u64 = 10_000;

/// See the module.
#[derive(Default)]
pub struct Preload {
    /// Whose tags are in memory, or were read.
    known: RwLock<HashSet<Login>>,
    read: Mutex<Vec<(Login, TagsOf)>>,
    many: Mutex<()>,
}

/// What is to be known of a login's tags.
pub struct Wanted(Floor);

impl State {
    /// What is to be known of the tags of a login.
    pub fn wanted_tags(&self, login: &Login) -> Wanted {
        Wanted(self.tag_floors.of(login))
    }
}

impl Preload {
    /// Whether the tags of a login are needed for these, and are not in memory.
    pub fn is_needed<'a>(
        &self,
        login: &Login,
        device: Option<&Device>,
        tags: impl Iterator<Item = &'a Tag>,
    ) -> bool {
        let is_numbered = |tag: &Tag| {
            let of = tag.device_and_number().map(|(of, _)| of);
            of.is_some() && of == device.map(|device| &**device)
        };
        let mut tags = tags.filter(|tag| !is_numbered(tag));
        tags.next().is_some() && !self.known.read().contains(login)
    }

    /// Reads the tags of a login. Those up to that of message `last` are in the index.
    ///
    /// # Errors
    /// [`IndexError`] when they cannot be read.
    pub fn read(
        &self,
        reader: &dyn TagReader,
        login: &Login,
        Wanted(floor): Wanted,
        last: MessageId,
    ) -> Result<(), IndexError> {
        let turn = (floor.count > MANY).then(|| self.many.lock());
        if !self.known.read().contains(login) {
            let tags = TagsOf::load(reader, login, floor, Some(last))?;
            self.read.lock().push((login.clone(), tags));
            self.note(login, true);
        }
        drop(turn);
        Ok(())
    }

    /// The tags of a login are in memory, or are not any more.
    pub(super) fn note(&self, login: &Login, is_known: bool) {
        let mut known = self.known.write();
        match is_known {
            true => drop(known.insert(login.clone())),
            false => drop(known.remove(login)),
        }
    }

    /// What was read.
    pub(super) fn take(&self) -> Vec<(Login, TagsOf)> {
        mem::take(&mut self.read.lock())
    }
}

impl std::fmt::Debug for Preload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Preload").finish_non_exhaustive()
    }
}
