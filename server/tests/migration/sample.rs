//! The stores that are kept in `tests/data`, and what clients were told by the servers that wrote them.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use mensageiro_protocol::{
    Login,
    live::{ConversationNews, Delivered, Event, Receipt},
};
use serde::Deserialize;
use tempfile::TempDir;

use crate::copy::copy_of;

/// `expected.json`; `make.py` beside it says how each was asked for.
#[derive(Deserialize)]
pub struct Expected {
    /// messages.csv, once everything that was read is there.
    pub archive: String,
    /// Who belonged to a group when this text was written to it.
    pub members: BTreeMap<String, Vec<String>>,
    /// Who did not get it.
    pub missed: BTreeMap<String, Vec<String>>,
    /// Tags, and the messages they stand for.
    pub sent: Vec<Tagged>,
    /// When users were last there.
    pub seen: BTreeMap<String, i64>,
    /// By login.
    pub told: BTreeMap<String, Told>,
    /// With which Bruno may log in, if there is one.
    pub program_key: Option<String>,
}

#[derive(Deserialize)]
pub struct Tagged {
    pub login: String,
    pub tag: String,
    pub id: u64,
    pub at: i64,
}

/// What one user is told, as lines.
#[derive(Deserialize)]
pub struct Told {
    pub unread: Vec<String>,
    pub conversations: Vec<ConversationNews>,
    /// Before the answer to `conversations`.
    pub receipts: Vec<String>,
    /// By conversation, receipts among the messages.
    pub histories: HashMap<String, Vec<String>>,
    /// A device that says `after=0`.
    pub resumed: Vec<String>,
}

impl Expected {
    /// Whoever did not get a message to a group, as the mailbox was full, gets it from a converted store.
    fn give_what_was_missed(&mut self) {
        for (text, missed) in &self.missed {
            let mut lines = self.told.values().flat_map(|told| &told.unread);
            let line = lines
                .find(|line| line.ends_with(&format!(" {text}")))
                .cloned();
            for who in missed {
                let (line, told) = (line.clone().unwrap(), self.told.get_mut(who).unwrap());
                let id = |line: &String| {
                    messages(std::slice::from_ref(line))
                        .next()
                        .map(|one| one.id)
                };
                for lines in [&mut told.unread, &mut told.resumed] {
                    let (messages, others): (Vec<_>, Vec<_>) =
                        lines.drain(..).partition(|line| id(line).is_some());
                    *lines = messages;
                    lines.push(line.clone());
                    lines.sort_by_key(id);
                    lines.extend(others);
                }
                let group = messages(&[line]).next().unwrap().with;
                let mut news = told.conversations.iter_mut();
                news.find(|news| news.with == group).unwrap().unread += 1;
            }
        }
    }

    pub fn is_group(&self, name: &Login) -> bool {
        let mut all = self.told.values().flat_map(|told| &told.conversations);
        all.any(|news| news.group && news.with == *name)
    }
}

pub fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

/// The name of the store of format 3, and of the one of the first format of the log.
const FORMAT_3: &str = "store-format-3";
const LOG_1: &str = "store-log-1";

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

pub fn expected() -> Expected {
    let mut expected = expected_of(FORMAT_3);
    expected.give_what_was_missed();
    expected
}

fn expected_of(name: &str) -> Expected {
    let text = fs::read_to_string(kept(name).join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// A copy of the data folder.
pub fn data() -> TempDir {
    copy_of(&kept(FORMAT_3).join("data"))
}

/// The same for the first format of the log.
pub fn log_1() -> (TempDir, Expected) {
    (copy_of(&kept(LOG_1).join("data")), expected_of(LOG_1))
}

/// The messages among some lines.
pub fn messages(lines: &[String]) -> impl Iterator<Item = Delivered> {
    events(lines).filter_map(|event| match event {
        Event::Message(message) => Some(message),
        _ => None,
    })
}

/// The receipts among some lines.
pub fn receipts(lines: &[String]) -> impl Iterator<Item = Receipt> {
    events(lines).filter_map(|event| match event {
        Event::Receipt(receipt) => Some(receipt),
        _ => None,
    })
}

/// The lines as events.
pub fn events(lines: &[String]) -> impl Iterator<Item = Event> {
    lines
        .iter()
        .map(|line| Event::parse(line.as_bytes()).unwrap())
}

/// Ids, readers and texts of the rows of a messages.csv.
pub fn rows(archive: &str) -> BTreeSet<(u64, String, String)> {
    let mut reader = csv::Reader::from_reader(archive.as_bytes());
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let reader = row[4].rsplit('/').next().unwrap().to_owned();
        let text = mensageiro_protocol::spreadsheet::unprotected(&row[5]);
        (row[0].parse().unwrap(), reader, text.into_owned())
    });
    rows.collect()
}
