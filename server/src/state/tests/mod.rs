//! Random logs against a model, and against themselves in other portions and from checkpoints.

mod holders;
mod model;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    sync::Arc,
};

use jiff::Timestamp;
use mensageiro_protocol::{Login, Text, live::Epoch};
use proptest::prelude::*;

use self::model::Model;
use super::{Effects, Outcome, State, TagReader, Tags};
use crate::{
    index::{CursorEntry, DeviceEntry, Header, HolderEntry, IndexError, RosterEntry, TagEntry},
    log::{Part, Position},
    model::{
        codec,
        conversation::Conversation,
        event::{Batch, Event, MailboxLimits, Read, Run, Sent, Target},
        message::{Message, MessageId, Tag},
    },
};

const USERS: [&str; 4] = ["ana", "bob", "carla", "davi"];

fn login(name: &str) -> Login {
    Login::parse(name).unwrap()
}

fn user() -> impl Strategy<Value = Login> {
    prop::sample::select(&USERS[..]).prop_map(login)
}

fn tag() -> impl Strategy<Value = Option<Tag>> {
    let tag = prop_oneof![
        Just(None),
        "[a-c]".prop_map(Some),
        (1_u64..8).prop_map(|number| Some(format!("pc:{number}"))),
        (1_u64..400).prop_map(|number| Some(format!("pc:{number}"))),
    ];
    tag.prop_map(|tag| tag.map(|tag| Tag::parse(&tag).unwrap()))
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        3 => user().prop_map(Target::User),
        1 => Just(Target::Group(login("class"))),
    ]
}

fn run() -> impl Strategy<Value = Event> {
    let text = "[x-z]{1,3}".prop_map(|text| Text::from(text.as_str()));
    let sent = (tag(), text).prop_map(|(tag, text)| Sent { tag, text });
    let texts = prop::collection::vec(sent, 1..6);
    (user(), target(), any::<bool>(), texts).prop_map(|(from, to, has_device, texts)| {
        Event::Messages(Run {
            from,
            to,
            device: has_device.then(|| Arc::from("pc")),
            at: Timestamp::UNIX_EPOCH,
            missed_by: None,
            texts,
            part: Part {
                offset: 0,
                length: 0,
            },
        })
    })
}

fn read() -> impl Strategy<Value = Event> {
    let with = prop_oneof![
        (user(), user()).prop_map(|(one, other)| Conversation::pair(&one, &other)),
        Just(Conversation::Group(login("class"))),
    ];
    let up_to = (0_u64..60).prop_map(MessageId);
    let what = (up_to, with, 0..3).prop_map(|(up_to, with, kind)| match kind {
        0 => Read::All { up_to },
        1 => Read::Conversation { with, up_to },
        _ => Read::Delivered { up_to },
    });
    (user(), what).prop_map(|(by, what)| Event::Read { by, what })
}

fn event() -> impl Strategy<Value = Event> {
    let members = prop::collection::btree_set(user(), 0..4);
    let members = prop::option::weighted(0.9, members.prop_map(Arc::new));
    prop_oneof![
        6 => run(),
        3 => read(),
        1 => members.prop_map(|members| Event::Group { group: login("class"), members }),
        1 => (1_u64..9, 1_u64..20)
            .prop_map(|(messages, bytes)| Event::Limits(MailboxLimits { messages, bytes })),
        1 => (1_u64..5).prop_map(|number| Event::Epoch { number, after: None }),
        1 => user().prop_map(|login| Event::Seen { login, at: Timestamp::UNIX_EPOCH }),
    ]
}

/// Logins change hands: never in one batch with what their users do, who have no session then.
fn handover() -> impl Strategy<Value = Event> {
    let who = prop_oneof![
        4 => user().prop_map(Target::User),
        1 => Just(Target::Group(login("class"))),
    ];
    prop_oneof![
        2 => user().prop_map(|login| Event::Gone { login }),
        3 => (who, any::<bool>()).prop_map(|(who, keeps)| Event::Back { who, keeps }),
    ]
}

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let events = prop_oneof![
        4 => prop::collection::vec(event(), 1..5),
        1 => prop::collection::vec(handover(), 1..4),
    ];
    let batch = events.prop_map(|events| Batch {
        at: Timestamp::UNIX_EPOCH,
        last: Default::default(),
        events,
    });
    prop::collection::vec(batch, 1..25)
}

/// What an index would hold.
#[derive(Clone, Default)]
struct Kept {
    messages: Vec<Message>,
    tags: BTreeMap<Login, Vec<TagEntry>>,
    header: Header,
    cursors: BTreeMap<(Conversation, Login), CursorEntry>,
    devices: BTreeMap<(Login, String), DeviceEntry>,
    rosters: BTreeMap<Login, RosterEntry>,
    epochs: Vec<Epoch>,
    holders: BTreeMap<Target, HolderEntry>,
}

impl TagReader for Kept {
    fn tags(&self, login: &Login, from: MessageId) -> Result<Vec<TagEntry>, IndexError> {
        self.tags_in(login, &(from..=MessageId::MAX))
    }

    fn tags_in(
        &self,
        login: &Login,
        range: &RangeInclusive<MessageId>,
    ) -> Result<Vec<TagEntry>, IndexError> {
        let tags = self.tags.get(login).into_iter().flatten();
        Ok(tags
            .filter(|one| range.contains(&one.id))
            .copied()
            .collect())
    }
}

impl Kept {
    fn add(&mut self, effects: &Effects) {
        for run in &effects.runs {
            self.messages.extend(run.messages.iter().cloned());
        }
        for (login, tags) in &effects.tags {
            self.tags.entry(login.clone()).or_default().extend(tags);
        }
        for roster in &effects.rosters {
            self.rosters.insert(roster.group.clone(), roster.clone());
        }
    }

    fn checkpoint(&mut self, state: &mut State) {
        let changes = state.take_changes();
        self.header = changes.header;
        for cursor in changes.cursors {
            let key = (cursor.conversation.clone(), cursor.user.clone());
            self.cursors.insert(key, cursor);
        }
        for device in changes.devices {
            let key = (device.login.clone(), device.device.to_string());
            self.devices.insert(key, device);
        }
        self.epochs.extend(changes.epochs);
        for holder in changes.holders {
            self.holders.insert(holder.who.clone(), holder);
        }
    }

    /// The state as a start would load it.
    fn load(&self) -> State {
        let mut state = State::from_checkpoint(
            self.header,
            self.rosters.values().cloned().collect(),
            self.devices.values().cloned().collect(),
            self.epochs.clone(),
        );
        for holder in self.holders.values() {
            state.load_holder(holder);
        }
        let mut last = BTreeMap::new();
        for message in &self.messages {
            last.insert(message.conversation(), message.id);
        }
        for (conversation, last) in last {
            state.load_conversation(&conversation, last);
        }
        for cursor in self.cursors.values() {
            state.load_cursor(cursor);
        }
        let loaded = state.load_unread(|conversation, (after, up_to), visit| {
            let messages = self.messages.iter();
            let of_it = messages.filter(|one| one.conversation() == *conversation);
            let wanted = of_it.filter(|one| one.id > after && one.id <= up_to);
            wanted.cloned().for_each(visit);
            Ok::<_, IndexError>(())
        });
        loaded.unwrap();
        state
    }
}

/// All that can be seen of a state.
fn observed(state: &State) -> String {
    let mut lines = vec![format!("{:?} {:?}", state.header, state.epochs)];
    lines.push(format!("{:?}", state.holders.all()));
    for (group, members) in &state.groups {
        lines.push(format!("{group}: {} {:?}", members.number, members.members));
    }
    for user in &state.users {
        let unread = user.mailbox.iter().map(|one| {
            let with = state.conversation(one.participant.conversation);
            let author = &state.users[one.author as usize].login;
            format!("{} {with:?} {author} {}", one.id, one.bytes)
        });
        let unread: Vec<_> = unread.collect();
        lines.push(format!("{}: {} {unread:?}", user.login, user.bytes));
        for &id in &user.participations {
            let (one, with) = (state.participant(id), state.conversation_of(id));
            let undelivered = user.undelivered.contains(&id);
            lines.push(format!(
                "{} in {:?}: {:?} {} {undelivered} {}",
                user.login, with.conversation, one.cursor, one.unread, with.last
            ));
        }
    }
    lines.sort();
    lines.join("\n")
}

fn told(effects: &Effects) -> String {
    let runs = effects.runs.iter().map(|run| (&run.messages, &run.entry));
    let runs: Vec<_> = runs.collect();
    format!(
        "{:?} {runs:?} {:?} {:?} {}",
        effects.outcomes, effects.moved, effects.marks, effects.read
    )
}

fn apply(state: &mut State, tags: &mut Tags, kept: &mut Kept, batch: &Batch, at: u64) -> Effects {
    let where_it_is = (Position(at), Position(at + 1));
    let effects = state.apply(batch.clone(), where_it_is, tags, kept).unwrap();
    kept.add(&effects);
    effects
}

fn cases() -> u32 {
    let asked = std::env::var("MENSAGEIRO_STATE_CASES").ok();
    asked.and_then(|count| count.parse().ok()).unwrap_or(300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn the_same_log_gives_the_same_state_from_any_checkpoint(
        batches in batches(),
        checkpoints in prop::collection::vec(any::<bool>(), 25),
        restarts in prop::collection::vec(any::<bool>(), 25),
    ) {
        let mut one = (State::default(), Tags::default(), Kept::default());
        let mut other = (State::default(), Tags::default(), Kept::default());
        // What was applied since the last checkpoint of the other one.
        let mut since = Vec::new();
        let mut stored = Kept::default();
        for (at, batch) in batches.iter().enumerate() {
            let effects = apply(&mut one.0, &mut one.1, &mut one.2, batch, at as u64);
            let mut payload = Vec::new();
            codec::write_batch(&mut batch.clone(), &mut payload);
            let mut read = codec::read_batch(&payload).unwrap();
            for event in &mut read.events {
                if let Event::Messages(run) = event {
                    run.part = Part { offset: 0, length: 0 };
                }
            }
            let again = apply(&mut other.0, &mut other.1, &mut other.2, &read, at as u64);
            prop_assert_eq!(told(&effects), told(&again));
            since.push((at as u64, read));
            if checkpoints[at] {
                other.2.checkpoint(&mut other.0);
                stored = other.2.clone();
                since.clear();
            }
            if restarts[at] {
                let mut kept = stored.clone();
                let mut state = kept.load();
                let mut tags = Tags::default();
                for (at, batch) in &since {
                    apply(&mut state, &mut tags, &mut kept, batch, *at);
                }
                other = (state, tags, kept);
            }
            prop_assert_eq!(observed(&one.0), observed(&other.0));
        }
    }

    #[test]
    fn what_is_accepted_waits_and_is_read_is_what_the_model_says(batches in batches()) {
        let (mut state, mut tags, mut kept) = (State::default(), Tags::default(), Kept::default());
        let mut model = Model::default();
        for (at, batch) in batches.iter().enumerate() {
            let effects = apply(&mut state, &mut tags, &mut kept, batch, at as u64);
            let expected: Vec<_> = batch.events.iter().flat_map(|event| model.apply(event)).collect();
            let outcomes = effects.outcomes.iter().flat_map(|(_, outcomes)| outcomes);
            let outcomes: Vec<_> = outcomes.map(simple).collect();
            prop_assert_eq!(outcomes, expected);
            for name in USERS {
                let user = state.user(&login(name));
                let mailbox = user.into_iter().flat_map(|user| &user.mailbox);
                let ids: Vec<_> = mailbox.map(|one| one.id.0).collect();
                prop_assert_eq!(ids, model.mailbox(name));
            }
            let marks = effects.marks.iter().flat_map(|mark| {
                let of_it = kept.messages.iter().filter(|one| {
                    one.conversation() == mark.conversation
                        && (mark.first..=mark.last).contains(&one.id)
                        && one.is_for(&mark.reader)
                });
                of_it.map(|one| (mark.reader.to_string(), one.id.0))
            });
            let archived: BTreeSet<_> = marks.collect();
            prop_assert_eq!(archived, model.take_read());
        }
    }
}

/// An outcome, for a model that knows no times.
fn simple(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { id, missed_by, .. } => {
            let missed: Vec<_> = missed_by.iter().flat_map(|all| all.iter()).collect();
            format!("ok {id} {missed:?}")
        }
        Outcome::Repeat { id, .. } => format!("again {id}"),
        Outcome::Refused(refusal) => refusal.to_string(),
    }
}
