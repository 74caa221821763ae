use super::{Failed, OpenAccount};
use crate::engine::{Event, Room, Space, net::Input};

/// From this many tenths of its space on, there is only a little room left.
const LITTLE_TENTHS: u64 = 9;

/// The space that the messages of a server may take.
impl OpenAccount {
    /// Changes how many bytes they may take.
    pub(in crate::engine) fn allow_space(&mut self, bytes: u64) -> Result<(), Failed> {
        self.space = bytes;
        match self.look_at_space()? {
            Some(input) => self.handle(std::time::Instant::now(), input),
            None => Ok(()),
        }
    }

    /// Tells the window when it becomes scarce, and the machine when there is none, or some again.
    pub(super) fn look_at_space(&mut self) -> Result<Option<Input<'static>>, Failed> {
        let used = self.history.bytes()?;
        let limit = self.space;
        let room = if used >= limit || !self.history.has_room_for_conversations()? {
            Room::None
        } else if used >= limit / 10 * LITTLE_TENTHS {
            Room::Little
        } else {
            Room::Enough
        };
        let before = self.room.replace(room);
        if before != Some(room) {
            self.tell.event(Event::Space(Space { room, limit }));
        }
        let is_full = room == Room::None;
        let was_full = before == Some(Room::None);
        Ok((is_full != was_full).then_some(Input::Full(is_full)))
    }
}
