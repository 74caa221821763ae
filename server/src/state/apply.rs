//! What a batch of the log means.

use jiff::Timestamp;
use mensageiro_protocol::Login;

use super::{
    State,
    cursors::Step,
    effects::{Effects, Moved},
    tags::{TagReader, Tags},
};
use crate::{
    index::IndexError,
    log::Position,
    model::event::{Batch, Event, Read, Target},
};

impl State {
    /// Applies the batch at a position of the log. Batches are applied in the order of the log, each once.
    ///
    /// # Errors
    /// [`IndexError`] when it cannot be read whether a tag is known. Then nothing has changed.
    pub fn apply(
        &mut self,
        batch: Batch,
        (position, next): (Position, Position),
        tags: &mut Tags,
        reader: &dyn TagReader,
    ) -> Result<Effects, IndexError> {
        let names = self.look_up(&batch, tags, reader)?;
        let last = &mut self.header.last;
        last.message = last.message.max(batch.last.message);
        last.read_mark = last.read_mark.max(batch.last.read_mark);
        let mut effects = Effects::default();
        let mut names = names.into_iter();
        for (at, event) in batch.events.into_iter().enumerate() {
            self.quotas.count(&event, position);
            match event {
                Event::Messages(run) => {
                    let names = names.next().unwrap_or_default();
                    let outcomes = self.apply_run(run, names, (at, position), tags, &mut effects);
                    effects.outcomes.push((at, outcomes));
                }
                Event::Read { by, what } => self.apply_read(&by, &what, at, batch.at, &mut effects),
                Event::Seen { login, at } => drop(self.changed.seen.insert(login, at)),
                Event::Group { group, members } => self.set_members(&group, members.as_ref()),
                Event::Limits(limits) => self.header.limits = Some(limits),
                Event::Epoch { number, after } => self.begin_epoch(number, after),
                Event::Gone { login } => self.lose_holder(&login),
                Event::Back { who, keeps } => {
                    if let (Target::User(login), false) = (&who, keeps) {
                        self.forget_settings(login, batch.at);
                    }
                    self.begin_holder(&who, keeps);
                }
                Event::Holder { who, holder } => self.set_holder(&who, holder),
                Event::Cursor {
                    conversation,
                    user,
                    cursor,
                } => self.set_cursor(&conversation, &user, cursor),
                Event::Mark(mark) => {
                    let last = &mut self.header.last.read_mark;
                    *last = mark.number.max(*last);
                    effects.marks.push(mark);
                }
                Event::Set(set) => {
                    // What is said again is no news.
                    let is_news = set.number.is_none();
                    let outcome = self.apply_set(set, batch.at);
                    if is_news {
                        effects.set.push((at, outcome));
                    }
                }
            }
        }
        tags.end_batch(|login, added| effects.tags.push((login.clone(), added.to_vec())));
        self.changed.marks.extend(effects.marks.iter().cloned());
        effects.rosters = std::mem::take(&mut self.new_rosters);
        self.header.position = next;
        Ok(effects)
    }

    fn apply_read(
        &mut self,
        by: &Login,
        what: &Read,
        event: usize,
        at: Timestamp,
        effects: &mut Effects,
    ) {
        let mut steps = self.steps(by, what);
        // The order must not depend on what has which number in memory.
        let key = |step: &Step| (step.read, self.conversation(step.id.conversation));
        steps.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        for step in &steps {
            let before = self.participant(step.id).cursor;
            effects.read += self.advance(step, at);
            let cursor = self.participant(step.id).cursor;
            let with = self.conversation(step.id.conversation).clone();
            let authors = self.authors(step, &before, &cursor);
            let told = step.read.map_or(cursor.delivered, |_| cursor.read);
            let moved = Moved {
                who: by.clone(),
                authors: self.who_hears(&with, authors, told),
                with,
                delivered: (cursor.delivered > before.delivered).then_some(cursor.delivered),
                read: step.read.map(|_| cursor.read),
                at,
                by: None,
            };
            effects.moved.push((event, moved));
            if let Some(read) = step.read {
                let mark = self.mark(step.id, read, at);
                effects.marks.push(mark);
            }
        }
    }
}
