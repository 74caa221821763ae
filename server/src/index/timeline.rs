//! Merges the messages of many conversations in ascending order of ids, with little memory, however many there are.
//!
//! A timeline goes through all conversations, keeps as many of the nearest places as it has room for, passes on their messages, and
//! starts again.

use std::{
    cmp::Ordering,
    collections::{BTreeSet, BinaryHeap},
    sync::Arc,
};

use mensageiro_protocol::Login;

use super::{
    IndexError, Messages, Series,
    places::{PLACE_BYTES, Place, Places},
    reading::{Share, Turn},
};
use crate::model::{
    conversation::Conversation,
    message::{Message, MessageId},
};

/// Conversations that are fetched at a time, and parts of conversations that are read in one turn.
const PORTION: usize = 128;
const STEPS: usize = 128;

/// Bytes of messages that a timeline of the server itself reads first. They double each time, up to the maximum.
const FIRST_BYTES: usize = 4 * 1024;
const MOST_BYTES: usize = 256 * 1024;

/// The selection of a timeline.
pub trait Wanted {
    /// Adds at most `most` conversations, from the number `from` on, each with the message after which its messages are wanted.
    /// May skip those without messages after `after`. Returns the number to continue with; `None` if there are no more.
    fn some(
        &self,
        from: usize,
        most: usize,
        after: MessageId,
        out: &mut Vec<(Conversation, MessageId)>,
    ) -> Option<usize>;

    /// Whether messages to these members of a group are wanted.
    fn is_for(&self, members: &BTreeSet<Login>) -> bool;

    /// Whether anybody still waits for the messages; called every few milliseconds.
    fn goes_on(&self) -> bool;
}

/// All messages of a few conversations, for the server itself.
struct These<'a>(&'a [Conversation]);

impl Wanted for These<'_> {
    fn some(
        &self,
        from: usize,
        most: usize,
        _: MessageId,
        out: &mut Vec<(Conversation, MessageId)>,
    ) -> Option<usize> {
        let some = self.0.iter().skip(from).take(most).cloned();
        out.extend(some.map(|one| (one, MessageId(0))));
        (from + most < self.0.len()).then_some(from + most)
    }

    fn is_for(&self, _: &BTreeSet<Login>) -> bool {
        true
    }

    fn goes_on(&self) -> bool {
        true
    }
}

impl Messages {
    /// Passes the messages of these conversations after `after` and up to `up_to` to `visit`, in ascending order of ids, until
    /// it returns false.
    ///
    /// # Errors
    /// [`IndexError`] when the disk fails or something is damaged.
    pub fn timeline(
        &self,
        conversations: &[Conversation],
        after: MessageId,
        up_to: MessageId,
        visit: &mut dyn FnMut(Message) -> bool,
    ) -> Result<(), IndexError> {
        let these = These(conversations);
        let mut timeline = Timeline::new(self, &these, (after, up_to), false);
        // A caller who needs only a few messages does not wait for many.
        let (mut bytes, mut goes_on) = (FIRST_BYTES, true);
        while goes_on {
            let mut is_over = false;
            let is_more = timeline.show(bytes, &mut |message| {
                is_over = !visit(message);
                !is_over
            })?;
            goes_on = is_more && !is_over;
            bytes = (2 * bytes).min(MOST_BYTES);
        }
        Ok(())
    }

    /// The same for a session, which reads the messages in portions. Sessions take turns.
    pub fn timeline_of<'a>(
        &'a self,
        wanted: &'a dyn Wanted,
        after: MessageId,
        up_to: MessageId,
    ) -> Timeline<'a> {
        Timeline::new(self, wanted, (after, up_to), true)
    }
}

/// See the module.
pub struct Timeline<'a> {
    messages: &'a Messages,
    wanted: &'a dyn Wanted,
    takes_turns: bool,
    up_to: MessageId,
    nearest: Places<'a>,
    share: Share<'a>,
    /// There are messages beyond the kept places.
    is_more: bool,
    /// Whether messages to the last roster are wanted.
    roster: Option<(u32, bool)>,
}

impl<'a> Timeline<'a> {
    fn new(
        messages: &'a Messages,
        wanted: &'a dyn Wanted,
        (after, up_to): (MessageId, MessageId),
        takes_turns: bool,
    ) -> Self {
        Self {
            messages,
            wanted,
            takes_turns,
            up_to,
            nearest: Places::new(messages, takes_turns, after),
            share: messages.reading().share(),
            is_more: true,
            roster: None,
        }
    }

    /// Passes on the next messages (see [`Places::show`]). Returns whether there may be more.
    ///
    /// # Errors
    /// [`IndexError`] when the disk fails or something is damaged.
    pub fn show(
        &mut self,
        bytes: usize,
        visit: &mut dyn FnMut(Message) -> bool,
    ) -> Result<bool, IndexError> {
        if self.nearest.is_empty() {
            self.look()?;
        }
        self.nearest.show(bytes, visit)?;
        Ok(self.is_more || !self.nearest.is_empty())
    }

    /// Must be called before a long wait: frees memory for others.
    pub fn rest(&mut self) {
        if self.share.yield_to_others() {
            self.is_more |= self.nearest.keep_only(&self.share);
        }
    }

    /// Collects the nearest places, if there are any.
    fn look(&mut self) -> Result<(), IndexError> {
        if !self.is_more {
            return Ok(());
        }
        let mut nearest = Nearest {
            share: &mut self.share,
            conversations: 0,
            places: BinaryHeap::with_capacity(PORTION),
            bytes: 0,
            end: None,
        };
        let mut looking = Looking {
            messages: self.messages,
            wanted: self.wanted,
            up_to: self.up_to,
            roster: self.roster.take(),
            takes_turns: self.takes_turns,
            turn: None,
            steps: 0,
        };
        let after = self.nearest.after;
        let (mut next, mut some) = (Some(0), Vec::with_capacity(PORTION));
        while let Some(from) = next {
            next = self.wanted.some(from, PORTION, after, &mut some);
            for (conversation, since) in some.drain(..) {
                if !looking.look_at(conversation, since.max(after), &mut nearest)? {
                    self.is_more = false;
                    return Ok(());
                }
            }
        }
        self.roster = looking.roster;
        self.is_more = nearest.end.is_some();
        let mut places = nearest.places.into_sorted_vec();
        places.shrink_to_fit();
        self.nearest.places = places.into();
        Ok(())
    }
}

/// One pass through the conversations.
struct Looking<'a> {
    messages: &'a Messages,
    wanted: &'a dyn Wanted,
    up_to: MessageId,
    roster: Option<(u32, bool)>,
    takes_turns: bool,
    turn: Option<Turn<'a>>,
    /// The number of steps left in this turn.
    steps: usize,
}

impl Looking<'_> {
    /// Adds the next places of one conversation while there is room. Returns whether to continue.
    fn look_at(
        &mut self,
        conversation: Conversation,
        after: MessageId,
        nearest: &mut Nearest<'_, '_>,
    ) -> Result<bool, IndexError> {
        let conversation = Arc::new(conversation);
        nearest.conversations += 1;
        Ok(
            self.look_through((&conversation, Series::Said), after, nearest)?
                && self.look_through((&conversation, Series::Changes), after, nearest)?,
        )
    }

    fn look_through(
        &mut self,
        (conversation, series): (&Arc<Conversation>, Series),
        after: MessageId,
        nearest: &mut Nearest<'_, '_>,
    ) -> Result<bool, IndexError> {
        let mut range = after.next()..=self.up_to;
        while !range.is_empty() && nearest.reaches(*range.start()) {
            if !self.step() {
                return Ok(false);
            }
            let (found, rest) = self.messages.some_between((conversation, series), range)?;
            for entry in found {
                if !self.is_wanted(entry.roster)? {
                    continue;
                }
                let place = Place {
                    conversation: conversation.clone(),
                    entry,
                };
                if !nearest.add(place) {
                    return Ok(true);
                }
            }
            match rest {
                Some(rest) => range = rest,
                None => break,
            }
        }
        Ok(true)
    }

    /// Gives up its turn from time to time. Returns whether anybody still waits for the messages.
    fn step(&mut self) -> bool {
        if self.steps == 0 {
            if !self.wanted.goes_on() {
                return false;
            }
            self.turn = None;
            self.turn = self.messages.turn(self.takes_turns);
            self.steps = STEPS;
        }
        self.steps -= 1;
        true
    }

    fn is_wanted(&mut self, roster: u32) -> Result<bool, IndexError> {
        match self.roster {
            _ if roster == 0 => Ok(true),
            Some((last, is_wanted)) if last == roster => Ok(is_wanted),
            _ => {
                let members = self.messages.roster(roster)?;
                let is_wanted = self.wanted.is_for(&members);
                self.roster = Some((roster, is_wanted));
                Ok(is_wanted)
            }
        }
    }
}

/// The nearest places that there is room for.
struct Nearest<'a, 'b> {
    share: &'a mut Share<'b>,
    /// The number of their conversations. With room for a place of each, few passes suffice.
    conversations: usize,
    /// A heap with the farthest place at the top.
    places: BinaryHeap<Place>,
    bytes: usize,
    /// Places from this message on are left for the next pass.
    end: Option<MessageId>,
}

impl Nearest<'_, '_> {
    /// Whether a place that begins with this message would be kept.
    fn reaches(&self, id: MessageId) -> bool {
        self.end.is_none_or(|end| id < end)
    }

    /// Adds a place. Returns false if it is too far away, as are all later ones then.
    fn add(&mut self, place: Place) -> bool {
        if !self.reaches(place.entry.first) {
            return false;
        }
        self.bytes += PLACE_BYTES;
        self.places.push(place);
        while self.bytes > self.share.bytes() && self.places.len() > 1 {
            let wanted = self.conversations * PLACE_BYTES;
            if self.share.bytes() < wanted && self.share.grow() {
                continue;
            }
            if let Some(farthest) = self.places.pop() {
                self.bytes -= PLACE_BYTES;
                self.end = Some(farthest.entry.first);
            }
        }
        true
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        self.entry.first.cmp(&other.entry.first)
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Place {}
