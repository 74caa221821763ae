//! From which message on a login's tags are known.

use std::collections::HashMap;

use mensageiro_protocol::Login;
use minicbor::{Decoder, Encoder};

use crate::model::message::MessageId;

/// Each time so many more tags were accepted from a login, those before the last so many are forgotten.
const STEP: u64 = 500_000;

/// Of each login that has sent messages with tags of its own.
#[derive(Debug, Default)]
pub(in crate::state) struct Floors {
    of: HashMap<Login, Floor>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::state) struct Floor {
    /// How many tags were accepted.
    pub(super) count: u64,
    /// Tags of messages with lower ids are forgotten.
    pub(super) floor: MessageId,
    /// The floor after the next step.
    pub(super) next: MessageId,
}

impl Floors {
    pub(in crate::state) fn of(&self, login: &Login) -> Floor {
        self.of.get(login).copied().unwrap_or_default()
    }

    /// A message with a tag is accepted. Returns the new floor if that is another one now.
    pub(in crate::state) fn accept(&mut self, login: &Login, id: MessageId) -> Option<Floor> {
        let floor = match self.of.get_mut(login) {
            Some(floor) => floor,
            None => self.of.entry(login.clone()).or_default(),
        };
        floor.count += 1;
        if floor.count.is_multiple_of(STEP) {
            floor.floor = floor.next;
            floor.next = id;
            return Some(*floor);
        }
        None
    }

    /// As it stands in a checkpoint.
    pub(in crate::state) fn bytes(&self, login: &Login) -> Vec<u8> {
        let floor = self.of(login);
        let mut out = Encoder::new(Vec::new());
        let written = out.encode((floor.count, floor.floor.0, floor.next.0));
        // Memory takes everything.
        debug_assert!(written.is_ok());
        out.into_writer()
    }

    /// Takes in one of a checkpoint. The index has a checksum over it.
    pub(in crate::state) fn load(&mut self, login: Login, bytes: &[u8]) {
        if let Ok((count, floor, next)) = Decoder::new(bytes).decode() {
            let floor = Floor {
                count,
                floor: MessageId(floor),
                next: MessageId(next),
            };
            self.of.insert(login, floor);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_half_million_tags_are_always_known_and_never_more_than_a_million() {
        let ana = Login::parse("ana").unwrap();
        let mut floors = Floors::default();
        for id in 1..=3 * STEP {
            if id.is_multiple_of(STEP / 2) {
                let known = id - floors.of(&ana).floor.0;
                assert!(known <= 2 * STEP && (id < STEP || known >= STEP), "{id}");
                let mut loaded = Floors::default();
                loaded.load(ana.clone(), &floors.bytes(&ana));
                floors = loaded;
            }
            floors.accept(&ana, MessageId(id));
        }
        assert_eq!(floors.of(&ana).floor, MessageId(2 * STEP));
    }
}
