//! Read marks as the archive asks for them, kept in memory; and messages.csv as a program reads it.

use std::{collections::BTreeSet, ops::ControlFlow, path::Path, sync::Arc};

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text};
use parking_lot::Mutex;

use super::{HEADER, Marks, MarksError, ReadMessage};
use crate::model::{
    conversation::Conversation,
    message::{Message, MessageId, ReadMark},
};

#[derive(Default)]
pub(super) struct Fake(Mutex<State>);

#[derive(Default)]
struct State {
    marks: Vec<ReadMark>,
    messages: Vec<Message>,
    archived: u64,
    is_broken: bool,
}

/// A row: its message, its reader, its text.
pub(super) type Row = (u64, String, String);

pub(super) fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn at(ms: u64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + ms as i64).unwrap()
}

impl Fake {
    /// ana writes to one of them, or to the group of all.
    pub(super) fn write(&self, to: &str, text: &str) -> u64 {
        let mut state = self.0.lock();
        let id = state.messages.len() as u64 + 1;
        let members: BTreeSet<_> = ["ana", "bob", "carla"].map(login).into();
        state.messages.push(Message {
            id: MessageId(id),
            sent_at: at(id),
            from: login("ana"),
            to: login(to),
            members: (to == "class").then(|| Arc::new(members)),
            tag: None,
            about: None,
            file: None,
            text: Text::from(text),
        });
        id
    }

    /// Somebody reads a conversation up to a message. Returns the number of the mark.
    pub(super) fn read(
        &self,
        reader: &str,
        conversation: Conversation,
        up_to: u64,
        ms: u64,
    ) -> u64 {
        let mut state = self.0.lock();
        let reader = login(reader);
        let same = |mark: &&ReadMark| mark.reader == reader && mark.conversation == conversation;
        let before = state.marks.iter().rfind(same);
        let first = before.map_or(MessageId(1), |mark| mark.last.next());
        let number = state.marks.last().map_or(1, |mark| mark.number + 1);
        state.marks.push(ReadMark {
            number,
            reader,
            conversation,
            first,
            last: MessageId(up_to),
            read_at: at(ms),
            as_of: MessageId(up_to),
        });
        number
    }

    /// bob reads what ana has written to him.
    pub(super) fn exchange(&self, texts: &[&str]) {
        let last = texts.iter().map(|text| self.write("bob", text)).last();
        let pair = Conversation::pair(&login("ana"), &login("bob"));
        self.read("bob", pair, last.unwrap(), 500_000);
    }

    pub(super) fn last_id(&self) -> u64 {
        self.0.lock().messages.len() as u64
    }

    pub(super) fn is_archived(&self) -> u64 {
        self.0.lock().archived
    }

    /// After a crash it may have to be told again what is archived.
    pub(super) fn forget_archived(&self, up_to: u64) {
        self.0.lock().archived = up_to;
    }

    pub(super) fn set_broken(&self, is_broken: bool) {
        self.0.lock().is_broken = is_broken;
    }

    /// Every row that there should be, sorted.
    pub(super) fn rows(&self) -> Vec<Row> {
        let state = self.0.lock();
        let mut rows = Vec::new();
        for mark in &state.marks {
            state.show(mark, &mut |message| {
                let reader = mark.reader.as_str().to_owned();
                rows.push((message.id.0, reader, message.text.as_str().to_owned()));
                ControlFlow::Continue(())
            });
        }
        rows.sort();
        rows
    }
}

impl State {
    fn show(&self, mark: &ReadMark, visit: &mut dyn FnMut(&Message) -> ControlFlow<()>) {
        for message in &self.messages {
            let is_in = (mark.first..=mark.last).contains(&message.id);
            let is_there = is_in && message.conversation() == mark.conversation;
            if is_there && message.is_for(&mark.reader) && visit(message).is_break() {
                return;
            }
        }
    }
}

impl Marks for Fake {
    fn marks(&self, after: u64, most: usize) -> Result<Vec<ReadMark>, MarksError> {
        let state = self.0.lock();
        if state.is_broken {
            return Err("no marks".into());
        }
        let marks = state.marks.iter();
        let marks = marks.filter(|mark| mark.number > after.max(state.archived));
        Ok(marks.take(most).cloned().collect())
    }

    fn messages(
        &self,
        mark: &ReadMark,
        (first, last): (MessageId, MessageId),
        visit: &mut dyn FnMut(ReadMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(), MarksError> {
        let state = self.0.lock();
        if state.is_broken {
            return Err("no messages".into());
        }
        let part = ReadMark {
            first,
            last,
            ..mark.clone()
        };
        state.show(&part, &mut |message| visit(message.into()));
        Ok(())
    }

    fn archived(&self, up_to: u64) {
        let mut state = self.0.lock();
        state.archived = state.archived.max(up_to);
    }
}

/// Every row of the file, sorted; nothing else may be in it.
pub(super) fn rows_of(csv: &Path) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(csv).unwrap();
    assert_eq!(reader.headers().unwrap(), &HEADER[..]);
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let reader = row[4].rsplit('/').next().unwrap().to_owned();
        let text = mensageiro_protocol::spreadsheet::unprotected(&row[5]).into_owned();
        (row[0].parse().unwrap(), reader, text)
    });
    let mut rows: Vec<_> = rows.collect();
    rows.sort();
    rows
}
