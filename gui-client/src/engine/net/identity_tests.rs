//! A server that is restored from backups again and again, noticed and not, and a device that follows it: nothing
//! is lost here, nothing is here twice, and the newest state of the server stands in its order.

use std::collections::BTreeSet;

use mensageiro_protocol::{
    Login, Text,
    live::{Delivered, Epoch, Hello, HistoryEnd, StoreId, Tag, resume},
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{super::io::LiveUpdate, *};
use crate::engine::{Account, Message, Peer, history::History};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Bob writes so many.
    Post(u8),
    /// The device writes one, while it is connected.
    Send,
    /// The device connects, and hears what it missed.
    Connect,
    /// It scrolls up by a page.
    Scroll,
    Backup,
    /// The backup takes the place of the store, and an epoch begins.
    Restore,
    /// The same, and the server does not know it; then the device connects.
    CopyBack,
    /// Another store takes the place of this one.
    Replace,
    /// The device loses what its database does not have.
    Reopen,
}

#[derive(Clone)]
struct Server {
    store: StoreId,
    epochs: Vec<Epoch>,
    messages: Vec<Delivered>,
}

struct World {
    folder: TempDir,
    history: Option<History>,
    server: Server,
    backup: Option<Server>,
    /// Epochs and stores that have been, texts that have been written.
    counted: u64,
    /// Every text that the device has been told.
    seen: BTreeSet<String>,
}

fn ana() -> Login {
    Login::parse("ana").unwrap()
}

fn bob() -> Login {
    Login::parse("bob").unwrap()
}

fn open(folder: &TempDir) -> History {
    let account = Account {
        server: "localhost".into(),
        login: ana(),
    };
    History::open(folder.path(), &account).unwrap()
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let history = Some(open(&folder));
        let mut world = Self {
            folder,
            history,
            server: Server {
                store: StoreId(0),
                epochs: Vec::new(),
                messages: Vec::new(),
            },
            backup: None,
            counted: 0,
            seen: BTreeSet::new(),
        };
        world.replace();
        world
    }

    fn history(&self) -> &History {
        self.history.as_ref().unwrap()
    }

    fn count(&mut self) -> u64 {
        self.counted += 1;
        self.counted
    }

    fn last(&self) -> u64 {
        self.server.messages.last().map_or(0, |one| one.id)
    }

    fn accept(&mut self, from: Login, tag: Option<Tag>) -> Delivered {
        let number = self.count();
        let message = Delivered {
            id: self.last() + 1,
            at: number as i64,
            with: bob(),
            from,
            tag,
            about: None,
            is_old: false,
            file: None,
            text: Text::from(format!("text {number}").as_str()),
        };
        self.server.messages.push(message.clone());
        message
    }

    fn replace(&mut self) {
        let store = self.count();
        self.server = Server {
            store: StoreId(u128::from(store)),
            epochs: vec![Epoch {
                number: 1,
                after: 0,
            }],
            messages: Vec::new(),
        };
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Post(count) => (0..count).for_each(|_| drop(self.accept(bob(), None))),
            Step::Send => {
                self.connect(true);
                let history = self.history();
                let text = format!("text {}", self.counted + 1);
                let id = history
                    .add_to_outbox(&bob(), &Text::from(text.as_str()), None)
                    .unwrap()
                    .id;
                let tag = history.outbox().unwrap()[0].tag.clone();
                let accepted = self.accept(ana(), Some(tag));
                assert_eq!(accepted.text.as_str(), text);
                let told = LiveUpdate::Accepted {
                    id,
                    server_id: accepted.id,
                    at: accepted.at,
                };
                self.history().receive_live(&[told], None).unwrap();
                self.seen.insert(text);
            }
            Step::Connect => self.connect(true),
            Step::Scroll => {
                self.connect(true);
                self.scroll(3);
            }
            Step::Backup => self.backup = Some(self.server.clone()),
            Step::Restore => {
                let Some(backup) = self.backup.clone() else {
                    return;
                };
                self.server = backup;
                let (number, after) = (self.count() + 1, self.last());
                self.server.epochs.push(Epoch { number, after });
            }
            Step::CopyBack => {
                let Some(backup) = self.backup.clone() else {
                    return;
                };
                self.server = backup;
                self.connect(true);
            }
            Step::Replace => self.replace(),
            Step::Reopen => {
                self.history = None;
                self.history = Some(open(&self.folder));
            }
        }
    }

    /// As the machine does it.
    fn connect(&mut self, may_say_after: bool) {
        let history = self.history();
        let position = history.cursor().unwrap().filter(|_| may_say_after);
        let known = history.store_epoch().unwrap();
        let named = known.filter(|_| position.is_some());
        let hello = Hello {
            after: position,
            store: named.map(|known| known.store),
            epoch: named.map(|known| known.epoch),
            ..Hello::new(ana())
        };
        let Server {
            store,
            epochs,
            messages,
        } = &self.server;
        let welcome = Welcome {
            store: Some(*store),
            epoch: epochs.last().map(|epoch| epoch.number),
            after: resume(&hello, *store, epochs, self.last()),
            ..Welcome::new(ana(), self.last())
        };
        let of = StoreEpoch::of(&welcome);
        match meet(position, known, history.highest_id().unwrap(), &welcome) {
            Meeting::Same => history.keep_store_epoch(of.unwrap()).unwrap(),
            Meeting::Anew {
                kept, is_cut_short, ..
            } => {
                history.begin_ids(kept, of).unwrap();
                if is_cut_short {
                    return self.connect(false);
                }
            }
        }
        history.begin_live(welcome.last).unwrap();
        // Without `after`: what is unread, and nothing was ever read.
        let is_told = |one: &&Delivered| match welcome.after {
            Some(after) => one.id > after,
            None => one.from == bob(),
        };
        let backlog: Vec<_> = messages.iter().filter(is_told).cloned().collect();
        let told: Vec<_> = backlog.iter().cloned().map(LiveUpdate::Message).collect();
        history.receive_live(&told, Some(welcome.last)).unwrap();
        let texts = backlog.iter().map(|one| one.text.to_string());
        self.seen.extend(texts);
    }

    /// Asks for older messages. `false`: there are none.
    fn scroll(&mut self, limit: usize) -> bool {
        let Some(before) = self.history().gap_below(&Peer::Person(bob())).unwrap() else {
            return false;
        };
        let older = self.server.messages.iter().filter(|one| one.id < before);
        let older: Vec<_> = older.cloned().collect();
        let from = older.len().saturating_sub(limit);
        let page = older[from..].iter().cloned().map(|one| Delivered {
            is_old: true,
            ..one
        });
        let page: Vec<_> = page.collect();
        let end = HistoryEnd {
            with: bob(),
            before: Some(before),
            count: page.len(),
            more: from > 0,
        };
        self.history().receive_older(&page, &end).unwrap();
        self.seen
            .extend(page.iter().map(|one| one.text.to_string()));
        true
    }

    fn check(&mut self) {
        self.take(Step::Connect);
        while self.scroll(5) {}
        let page = self
            .history()
            .page(&Peer::Person(bob()), None, 1000)
            .unwrap()
            .0;
        let text = |one: &Message| one.text.to_string();
        let here: Vec<_> = page.iter().map(text).collect();
        let once: BTreeSet<_> = here.iter().cloned().collect();
        assert_eq!(once.len(), here.len(), "twice: {here:?}");
        assert_eq!(once, self.seen);
        let at_server = |one: &Delivered| (one.text.to_string(), one.id);
        let expected: Vec<_> = self.server.messages.iter().map(at_server).collect();
        let with_ids = page
            .iter()
            .filter_map(|one| Some((text(one), one.server_id?)));
        let found: Vec<_> = with_ids.collect();
        assert_eq!(found, expected);
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..4_u8).prop_map(Step::Post),
        4 => Just(Step::Send),
        3 => Just(Step::Connect),
        1 => Just(Step::Scroll),
        2 => Just(Step::Backup),
        2 => Just(Step::Restore),
        1 => Just(Step::CopyBack),
        1 => Just(Step::Replace),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    // Each writes to the disk; PROPTEST_CASES asks for more.
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(12),
        ..ProptestConfig::default()
    })]
    #[test]
    fn a_device_follows_a_server_through_every_restore(
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.check();
    }
}
