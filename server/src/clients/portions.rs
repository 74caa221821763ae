//! The users of a roster as lines, which all sessions share: they are encoded once until somebody of a portion comes or goes.

use std::sync::Arc;

use mensageiro_protocol::{
    Login,
    limits::EVENT_BYTES,
    live::{Event, PresenceNews, Roster, RosterUser},
};

use crate::directory::People;

/// Users of a portion.
pub const PORTION: usize = 256;

/// The most bytes of a line besides users, and of a user besides names and note.
const FRAME_BYTES: usize = 256;
const ITEM_BYTES: usize = 128;

/// The lines of one reading of the files, as far as they are known.
#[derive(Debug)]
pub(super) struct Portions {
    of: Arc<People>,
    portions: Vec<Portion>,
}

#[derive(Clone, Debug, Default)]
struct Portion {
    /// Rises with each change.
    version: u64,
    lines: Option<Arc<[u8]>>,
}

impl Portions {
    pub(super) fn new(of: Arc<People>) -> Self {
        let count = of.in_order().len().div_ceil(PORTION);
        Self {
            of,
            portions: vec![Portion::default(); count],
        }
    }

    pub(super) fn is_of(&self, people: &Arc<People>) -> bool {
        Arc::ptr_eq(&self.of, people)
    }

    /// The presence of a user has changed.
    pub(super) fn note_change(&mut self, login: &Login) {
        if let Ok(at) = self.of.in_order().binary_search(login)
            && let Some(portion) = self.portions.get_mut(at / PORTION)
        {
            portion.version += 1;
            portion.lines = None;
        }
    }

    /// The lines of a portion if they are known, and its version.
    pub(super) fn lines(&self, number: usize) -> (Option<Arc<[u8]>>, u64) {
        let portion = self.portions.get(number);
        portion.map_or((None, 0), |portion| {
            (portion.lines.clone(), portion.version)
        })
    }

    /// Keeps the lines of a portion, if nothing has changed since it had this version.
    pub(super) fn keep(&mut self, number: usize, version: u64, lines: &Arc<[u8]>) {
        if let Some(portion) = self.portions.get_mut(number)
            && portion.version == version
        {
            portion.lines = Some(lines.clone());
        }
    }
}

/// The users of a portion.
pub(super) fn users(people: &People, number: usize) -> &[Login] {
    let mut portions = people.in_order().chunks(PORTION).skip(number);
    portions.next().unwrap_or_default()
}

/// Lines with these users, each but the last one with its line end. All of them say that more follow.
pub(super) fn encode(people: &People, presences: Vec<PresenceNews>) -> Arc<[u8]> {
    let mut lines = Vec::new();
    let (mut line, mut bytes) = (Roster::default(), FRAME_BYTES);
    let end = |line: &mut Roster, lines: &mut Vec<u8>| {
        let mut line = std::mem::take(line);
        line.more = true;
        if !lines.is_empty() {
            lines.push(b'\n');
        }
        Event::Roster(line).encode(lines);
    };
    for presence in presences {
        let name = people.users.name(&presence.login);
        let name = name.cloned().unwrap_or_default();
        // In JSON a character may become two.
        let words = 2 * (name.len() + presence.note.len());
        let item = ITEM_BYTES + presence.login.as_str().len() + words;
        if bytes + item > EVENT_BYTES {
            end(&mut line, &mut lines);
            bytes = FRAME_BYTES;
        }
        bytes += item;
        let role = people.users.role(&presence.login);
        line.users.push(RosterUser {
            presence,
            name,
            role,
        });
    }
    end(&mut line, &mut lines);
    lines.into()
}
