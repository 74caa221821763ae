//! How many bytes each login has in the log. Nothing is decided by that here: whoever accepts
//! messages asks, and may allow more than another server would.

use std::collections::HashMap;

use mensageiro_protocol::{Login, Text};

use crate::{
    log::Position,
    model::{event::Event, stored},
};

/// The log is counted in parts of so many bytes (a power of two) for each login, and in larger
/// ones for a login that has written into many: what lies before the log's beginning no longer counts.
const PART: u8 = 24;

/// Parts that are told apart for each login.
const MOST_PARTS: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    logins: HashMap<Login, Stored>,
    /// Where the log begins.
    start: Position,
    /// Those that are other than in the last checkpoint.
    changed: Vec<Login>,
}

/// The bytes of one login.
#[derive(Debug)]
struct Stored {
    /// How long its parts are, as a power of two.
    part: u8,
    /// The numbers of parts, rising, and the bytes in each of them.
    bytes: Vec<(u64, u64)>,
    is_changed: bool,
}

impl Quotas {
    /// Counts what an event takes in the record at a position.
    pub(super) fn count(&mut self, event: &Event, position: Position) {
        let (login, bytes) = match event {
            Event::Messages(run) => {
                let sizes = run.texts.iter();
                let sizes = sizes.map(|sent| {
                    stored::message(sent.tag.as_ref(), sent.file.as_deref(), &sent.text)
                });
                (&run.from, sizes.sum())
            }
            Event::Read { by, .. } => (by, stored::READ),
            Event::Set(set) => {
                let texts = [&set.change.draft, &set.change.note];
                let bytes = texts.into_iter().flatten().map(Text::len).sum();
                (&set.by, stored::setting(bytes))
            }
            _ => return,
        };
        let of_login = match self.logins.get_mut(login) {
            Some(known) => known,
            None => self.logins.entry(login.clone()).or_default(),
        };
        of_login.add(position, bytes);
        if !of_login.is_changed {
            of_login.is_changed = true;
            self.changed.push(login.clone());
        }
    }

    /// How many bytes a login has in the log.
    pub(super) fn of(&self, login: &Login) -> u64 {
        let of_login = self.logins.get(login);
        of_login.map_or(0, |of_login| of_login.since(self.start))
    }

    /// The login that has most, and how much.
    pub(super) fn largest(&self) -> Option<(&Login, u64)> {
        let all = self.logins.iter();
        let all = all.map(|(login, of_login)| (login, of_login.since(self.start)));
        all.max_by_key(|(login, bytes)| (*bytes, *login))
    }

    /// Nothing before this position is left.
    pub(super) fn begin_at(&mut self, start: Position) {
        self.start = start;
    }

    /// What has changed since this was last called, for a checkpoint.
    pub(super) fn take_changes(&mut self) -> Vec<(Login, Vec<u8>)> {
        let changed = std::mem::take(&mut self.changed).into_iter();
        let rows = changed.filter_map(|login| {
            let of_login = self.logins.get_mut(&login)?;
            of_login.is_changed = false;
            let row = postcard::to_stdvec(&(of_login.part, &of_login.bytes)).ok()?;
            Some((login, row))
        });
        rows.collect()
    }

    /// Takes in a row of a checkpoint.
    pub(super) fn load(&mut self, login: Login, row: &[u8]) {
        if let Ok((part, bytes)) = postcard::from_bytes::<(u8, Vec<(u64, u64)>)>(row) {
            let of_login = Stored {
                part: part.clamp(PART, 63),
                bytes,
                is_changed: false,
            };
            self.logins.insert(login, of_login);
        }
    }
}

impl Default for Stored {
    fn default() -> Self {
        Self {
            part: PART,
            bytes: Vec::new(),
            is_changed: false,
        }
    }
}

impl Stored {
    fn add(&mut self, position: Position, bytes: u64) {
        let number = position.0 >> self.part;
        match self.bytes.last_mut() {
            Some((last, sum)) if *last == number => *sum += bytes,
            _ => self.bytes.push((number, bytes)),
        }
        while self.bytes.len() > MOST_PARTS {
            self.part += 1;
            self.bytes.iter_mut().for_each(|(number, _)| *number /= 2);
            self.bytes.dedup_by(|next, before| {
                let is_one = next.0 == before.0;
                if is_one {
                    before.1 += next.1;
                }
                is_one
            });
        }
    }

    /// The bytes in parts that do not lie before a position.
    fn since(&self, start: Position) -> u64 {
        let first = start.0 >> self.part;
        let left = self.bytes.iter().filter(|(number, _)| *number >= first);
        left.map(|(_, bytes)| bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Read;
    use crate::model::message::MessageId;

    fn read(login: &str) -> Event {
        Event::Read {
            by: Login::parse(login).unwrap(),
            what: Read::All {
                up_to: MessageId(1),
            },
        }
    }

    #[test]
    fn bytes_are_counted_until_the_part_of_the_log_is_dropped_also_after_a_checkpoint() {
        let mut quotas = Quotas::default();
        let ana = Login::parse("ana").unwrap();
        let mebibytes = |count: u64| Position(count << 20);
        for place in 0..100 {
            quotas.count(&read("ana"), mebibytes(place * 10));
        }
        quotas.count(&read("bob"), mebibytes(999));
        assert_eq!(quotas.of(&ana), 100 * stored::READ);
        assert_eq!(quotas.largest(), Some((&ana, 100 * stored::READ)));
        let rows = quotas.take_changes();
        assert_eq!(rows.len(), 2);
        assert!(rows.iter().all(|(_, row)| row.len() < 16 * 20));
        assert!(quotas.take_changes().is_empty());
        let mut loaded = Quotas::default();
        for (login, row) in rows {
            loaded.load(login, &row);
        }
        for quotas in [&mut quotas, &mut loaded] {
            quotas.begin_at(mebibytes(500));
            let left = quotas.of(&ana);
            assert!((50..=60).contains(&(left / stored::READ)), "{left}");
            quotas.begin_at(mebibytes(10_000));
            assert_eq!(quotas.of(&ana), 0);
        }
    }
}
