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
use proptest::{prelude::*, test_runner::TestCaseError};

use self::model::Model;
use super::{Effects, Outcome, ParticipantId, State, TagReader, Tags};
use crate::{
    index::{
        CursorEntry, DeviceEntry, GroupEntry, Header, HolderEntry, IndexError, RosterEntry,
        SettingEntry, TagEntry,
    },
    log::{Part, Position},
    model::{
        codec,
        conversation::Conversation,
        event::{Batch, Event, MailboxLimits, Read, Run, Sent, Target},
        message::{Message, MessageId, Tag},
        setting::{Scope, Set, SettingsChange},
        tally::EXACT,
    },
};

const USERS: [&str; 4] = ["ana", "bob", "carla", "davi"];

/// Messages of a run, at most.
const FEW: usize = 5;
const MANY: usize = 120;

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

/// Of a history with many messages each run has many.
fn run(texts: usize) -> impl Strategy<Value = Event> {
    let text = "[x-z]{1,3}".prop_map(|text| Text::from(text.as_str()));
    let sent = (tag(), text).prop_map(|(tag, text)| Sent {
        tag,
        about: None,
        file: None,
        text,
    });
    let texts = prop::collection::vec(sent, 1..=texts);
    (user(), target(), any::<bool>(), texts).prop_map(|(from, to, has_device, texts)| {
        Event::Messages(Run {
            from,
            to,
            device: has_device.then(|| Arc::from("pc")),
            at: Timestamp::UNIX_EPOCH,
            texts,
            part: Part {
                offset: 0,
                length: 0,
            },
        })
    })
}

fn read(ids: u64) -> impl Strategy<Value = Event> {
    let with = prop_oneof![
        (user(), user()).prop_map(|(one, other)| Conversation::pair(&one, &other)),
        Just(Conversation::Group(login("class"))),
    ];
    let up_to = (0..ids).prop_map(MessageId);
    let what = (up_to, with, 0..3).prop_map(|(up_to, with, kind)| match kind {
        0 => Read::All { up_to },
        1 => Read::Conversation { with, up_to },
        _ => Read::Delivered { up_to },
    });
    (user(), what).prop_map(|(by, what)| Event::Read { by, what })
}

fn event(texts: usize) -> impl Strategy<Value = Event> {
    let members = prop::collection::btree_set(user(), 0..4);
    let members = prop::option::weighted(0.9, members.prop_map(Arc::new));
    prop_oneof![
        6 => run(texts),
        3 => read(12 * texts as u64),
        1 => members.prop_map(|members| Event::Group { group: login("class"), members }),
        1 => limits(texts),
        1 => (1_u64..5).prop_map(|number| Event::Epoch { number, after: None }),
        1 => user().prop_map(|login| Event::Seen { login, at: Timestamp::UNIX_EPOCH }),
        2 => set(),
    ]
}

fn set() -> impl Strategy<Value = Event> {
    let with = prop::option::of(prop_oneof![
        2 => (user(), user()).prop_map(|(a, b)| Conversation::pair(&a, &b)),
        1 => Just(Conversation::Group(login("class"))),
    ]);
    let archived = prop::option::of(prop::option::of((0_u64..99).prop_map(MessageId)));
    let values = (
        any::<Option<bool>>(),
        any::<Option<Option<i64>>>(),
        archived,
    );
    let draft = prop::option::of("[a-z]{0,3}");
    (user(), with, values, draft).prop_map(|(by, scope, values, draft)| {
        let (is_pinned, muted_until, archived) = values;
        let change = SettingsChange {
            is_pinned,
            muted_until,
            archived,
            draft: draft.as_deref().map(Text::from),
            ..SettingsChange::default()
        };
        Event::Set(Set {
            by,
            scope,
            change,
            number: None,
        })
    })
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

/// Of a history with many messages there is no limit: what is counted there is only about right.
fn limits(texts: usize) -> impl Strategy<Value = Event> {
    (1_u64..9, 1_u64..20).prop_map(move |(messages, bytes)| {
        Event::Limits(match texts {
            FEW => MailboxLimits { messages, bytes },
            _ => MailboxLimits {
                messages: u64::MAX,
                bytes: u64::MAX,
            },
        })
    })
}

fn batches(texts: usize) -> impl Strategy<Value = Vec<Batch>> {
    let events = prop_oneof![
        4 => prop::collection::vec(event(texts), 1..5),
        1 => prop::collection::vec(handover(), 1..4),
    ];
    let batch = events.prop_map(|events| Batch {
        at: Timestamp::from_millisecond(1).unwrap(),
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
    groups: BTreeMap<Login, GroupEntry>,
    rosters: BTreeMap<Login, RosterEntry>,
    epochs: Vec<Epoch>,
    holders: BTreeMap<Target, HolderEntry>,
    settings: BTreeMap<(Login, Scope), SettingEntry>,
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
        for group in changes.groups {
            self.groups.insert(group.group.clone(), group);
        }
        for device in changes.devices {
            let key = (device.login.clone(), device.device.to_string());
            self.devices.insert(key, device);
        }
        self.epochs.extend(changes.epochs);
        for setting in changes.settings {
            let key = (setting.login.clone(), setting.scope.clone());
            self.settings.insert(key, setting);
        }
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
            state.load_holder(holder.clone());
        }
        for setting in self.settings.values() {
            state.load_setting(setting.clone());
        }
        let mut last = BTreeMap::new();
        for message in &self.messages {
            last.insert(message.conversation(), message.id);
        }
        for (conversation, last) in last {
            state.load_conversation(&conversation, last);
        }
        for cursor in self.cursors.values() {
            state.load_cursor(cursor.clone());
        }
        for group in self.groups.values() {
            state.load_group(group.clone());
        }
        state.end_loading();
        state
    }

    /// What waits for a user: messages above the cursor.
    fn mailbox(&self, state: &State, login: &Login) -> Vec<&Message> {
        let messages = self.messages.iter().filter(|one| one.is_for(login));
        let waits = |one: &&Message| {
            let id = state.find(login, &one.conversation()).unwrap();
            one.id > state.participant(id).cursor.read
        };
        messages.filter(waits).collect()
    }
}

/// All that can be seen of a state.
fn observed(state: &State) -> String {
    let mut lines = vec![format!(
        "{:?} {:?} {}",
        state.header, state.epochs, state.waiting
    )];
    lines.push(format!("{:?}", state.holders.all()));
    lines.push(format!("{:?}", state.holders.aside()));
    lines.push(state.settings.observed());
    for (group, members) in &state.groups {
        lines.push(format!("{group}: {} {:?}", members.number, members.members));
    }
    for conversation in &state.conversations {
        let Some(group) = &conversation.group else {
            continue;
        };
        let login = |index: &u32| state.login_of(&conversation.participants[*index as usize]);
        let recent = group.recent.iter().map(|(id, author)| (id, login(author)));
        let authors = group.authors.iter().map(|(id, author)| (id, login(author)));
        lines.push(format!(
            "{:?}: {:?} {:?} {:?}",
            conversation.conversation,
            group.tally,
            recent.collect::<Vec<_>>(),
            authors.collect::<Vec<_>>()
        ));
    }
    for user in &state.users {
        let lists = [&user.by_oldest, &user.by_newest, &user.undelivered].map(|list| {
            let with = |id: &ParticipantId| state.conversation(id.conversation);
            let all = list.iter().map(|(key, id)| (key, with(id)));
            all.collect::<BTreeSet<_>>()
        });
        lines.push(format!("{}: {lists:?} {}", user.login, user.groups.len()));
        for &id in &user.participations {
            let (one, with) = (state.participant(id), state.conversation_of(id));
            lines.push(format!(
                "{} in {:?}: {:?} {:?} {} {:?} {:?} {}",
                user.login,
                with.conversation,
                one.cursor,
                one.waiting,
                state.unread(id),
                state.next_unread(id, MessageId(0)),
                state.newest_unread(id),
                with.last
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
        batches in prop_oneof![3 => batches(FEW), 1 => batches(MANY)],
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
    fn what_is_accepted_waits_and_is_read_is_what_the_model_says(
        batches in prop_oneof![3 => batches(FEW), 1 => batches(MANY)],
    ) {
        let (mut state, mut tags, mut kept) = (State::default(), Tags::default(), Kept::default());
        let mut model = Model::default();
        for (at, batch) in batches.iter().enumerate() {
            let effects = apply(&mut state, &mut tags, &mut kept, batch, at as u64);
            let expected: Vec<_> = batch.events.iter().flat_map(|event| model.apply(event)).collect();
            let outcomes = effects.outcomes.iter().flat_map(|(_, outcomes)| outcomes);
            let outcomes: Vec<_> = outcomes.map(simple).collect();
            prop_assert_eq!(outcomes, expected);
            let mut waiting = 0;
            for name in USERS {
                let mailbox = kept.mailbox(&state, &login(name));
                let ids: Vec<_> = mailbox.iter().map(|one| one.id.0).collect();
                prop_assert_eq!(ids, model.mailbox(name));
                check_counts(&state, &login(name), &mailbox)?;
                waiting += mailbox.len() as u64;
            }
            let about = kept.messages.len() as u64 / 2;
            let is_exact = kept.messages.len() <= EXACT;
            let difference = state.waiting().abs_diff(waiting);
            let most = if is_exact { 0 } else { about };
            prop_assert!(difference <= most);
            let sum = sum_of_unread(&state);
            prop_assert_eq!(state.waiting(), sum);
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

fn sum_of_unread(state: &State) -> u64 {
    let all = state.users.iter().flat_map(|user| &user.participations);
    all.map(|id| state.unread(*id)).sum()
}

/// What the state counts and lists is what waits. Of few messages all counts are exact.
fn check_counts(state: &State, login: &Login, mailbox: &[&Message]) -> Result<(), TestCaseError> {
    let Some(user) = state.user(login) else {
        return Ok(());
    };
    for &id in &user.participations {
        let of_it = mailbox.iter();
        let of_it = of_it.filter(|one| one.conversation() == *state.conversation(id.conversation));
        let ids: Vec<_> = of_it.map(|one| one.id).collect();
        let (unread, expected) = (state.unread(id), ids.len() as u64);
        let all = state.conversation_of(id).group.as_ref();
        let all = all.map_or(expected, |group| group.tally.count());
        let difference = unread.abs_diff(expected);
        let most = if all > EXACT as u64 { all / 7 } else { 0 };
        prop_assert!(difference <= most);
        prop_assert_eq!(unread > 0, expected > 0);
        prop_assert_eq!(state.newest_unread(id), ids.last().copied());
        let next = state.next_unread(id, MessageId(0));
        prop_assert!(next.is_some() != ids.is_empty() && next <= ids.first().copied());
        let is_pair = state.conversation_of(id).group.is_none();
        let newest = ids.last().filter(|_| is_pair).map(|newest| (*newest, id));
        prop_assert!(newest.is_none_or(|key| user.by_newest.contains(&key)));
    }
    let in_pairs = mailbox.iter().filter(|one| one.members.is_none());
    let in_pairs: BTreeSet<_> = in_pairs.map(|one| one.conversation()).collect();
    prop_assert_eq!(user.by_newest.len(), in_pairs.len());
    prop_assert_eq!(user.by_oldest.len(), in_pairs.len());
    Ok(())
}

/// An outcome, for a model that knows no times.
fn simple(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { id, .. } => format!("ok {id}"),
        Outcome::Repeat { id, .. } => format!("again {id}"),
        Outcome::Refused(refusal) => refusal.to_string(),
    }
}
