//! Who has a name, as users.csv and groups.csv say it one after the other.

use std::collections::BTreeMap;

use super::*;

/// The rows of a file: names, and whether each keeps what was before.
type Rows = BTreeMap<Login, bool>;

fn rows(rows: &[(&str, bool)]) -> Rows {
    rows.iter()
        .map(|(name, keeps)| (login(name), *keeps))
        .collect()
}

/// A state, the users that there were, and how many batches were applied.
struct Desk {
    state: State,
    users: Rows,
    at: u64,
}

impl Desk {
    fn new(users: &[(&str, bool)]) -> Self {
        Self {
            state: State::default(),
            users: rows(users),
            at: 0,
        }
    }

    fn apply(&mut self, events: Vec<Event>) {
        let batch = Batch {
            at: Timestamp::UNIX_EPOCH,
            last: Default::default(),
            events,
        };
        let kept = &mut Kept::default();
        apply(&mut self.state, &mut Tags::default(), kept, &batch, self.at);
        self.at += 1;
    }

    fn events(&self, users: &Rows, groups: &Rows) -> Vec<Event> {
        let gone = self
            .users
            .keys()
            .filter(|login| !users.contains_key(*login));
        let keeps = (
            |login: &Login| users.get(login).copied(),
            |group: &Login| groups.get(group).copied(),
        );
        self.state.handover(gone, groups.keys(), keeps)
    }

    /// An edit takes effect.
    fn edit(&mut self, users: &Rows, groups: &Rows) -> Vec<Event> {
        let events = self.events(users, groups);
        self.apply(events.clone());
        let members = Arc::new(users.keys().cloned().collect());
        let changes = groups.keys().map(|group| (group, &members));
        let changes = self.state.difference(changes).into_iter();
        let changes = changes.map(|(group, members)| Event::Group { group, members });
        self.apply(changes.collect());
        self.users = users.clone();
        events
    }

    fn say(&mut self, from: &str, to: Target) {
        let texts = vec![Sent {
            tag: None,
            about: None,
            file: None,
            text: Text::from("hello"),
        }];
        let part = Part {
            offset: 0,
            length: 0,
        };
        self.apply(vec![Event::Messages(Run {
            from: login(from),
            to,
            device: None,
            at: Timestamp::UNIX_EPOCH,
            texts,
            part,
        })]);
    }

    fn since(&self) -> u64 {
        self.state.since(&login("bob")).0
    }
}

fn to_bob() -> Target {
    Target::User(login("bob"))
}

#[test]
fn only_the_last_change_of_hands_is_undone() {
    let mut desk = Desk::new(&[("ana", false), ("bob", false)]);
    let none = Rows::new();
    let gone = rows(&[("ana", false)]);
    let back = |keeps| rows(&[("ana", false), ("bob", keeps)]);
    desk.say("ana", to_bob());
    assert_eq!(desk.edit(&back(true), &none), []);
    for said in 1..=2 {
        assert_eq!(
            desk.edit(&gone, &none),
            [Event::Gone {
                login: login("bob")
            }]
        );
        assert_eq!(desk.edit(&gone, &none), [], "it is known");
        desk.edit(&back(false), &none);
        assert_eq!(desk.since(), said);
        desk.say("ana", to_bob());
    }
    // The second one was a mistake.
    assert_eq!(desk.edit(&back(true), &none).len(), 1);
    assert_eq!(desk.since(), 1);
    assert_eq!(desk.edit(&back(false), &none), []);
    assert_eq!(desk.edit(&back(true), &none), [], "the first one was none");
    // Nor does it become one because the row says so when the login is back again.
    desk.edit(&gone, &none);
    desk.edit(&back(false), &none);
    assert_eq!(desk.since(), 3);
    desk.edit(&gone, &none);
    desk.edit(&back(true), &none);
    assert_eq!(desk.edit(&back(true), &none), []);
    assert_eq!(desk.since(), 3);
}

#[test]
fn a_group_begins_again_only_if_something_was_said_in_it() {
    let mut desk = Desk::new(&[("ana", false)]);
    let users = desk.users.clone();
    let (none, class) = (Rows::new(), rows(&[("class", false)]));
    let group = Target::Group(login("class"));
    let since = |desk: &Desk| {
        let with = Conversation::Group(login("class"));
        desk.state.since_in(&login("ana"), &with).0
    };
    assert_eq!(desk.edit(&users, &class), []);
    assert_eq!(desk.edit(&users, &none), []);
    assert_eq!(desk.edit(&users, &class), []);
    desk.say("ana", group.clone());
    desk.edit(&users, &none);
    let expected = [Event::Back {
        who: group.clone(),
        keeps: false,
    }];
    assert_eq!(desk.edit(&users, &class), expected);
    assert_eq!((since(&desk), desk.state.since(&login("ana")).0), (1, 0));
    desk.edit(&users, &none);
    assert_eq!(desk.edit(&users, &class), [], "nothing was said since");
    desk.say("ana", group);
    desk.edit(&users, &rows(&[("class", true)]));
    assert_eq!(since(&desk), 0);
}

fn names() -> impl Strategy<Value = Rows> {
    prop::collection::btree_map(user(), any::<bool>(), 0..4)
}

proptest! {
    #[test]
    fn what_an_edit_says_is_said_once_and_a_segment_begins_with_it(
        edits in prop::collection::vec((names(), any::<[bool; 2]>()), 1..12),
    ) {
        let mut desk = Desk::new(&[]);
        for (users, [has_group, keeps]) in edits {
            let groups = if has_group { rows(&[("class", keeps)]) } else { Rows::new() };
            desk.edit(&users, &groups);
            prop_assert_eq!(desk.events(&users, &groups), []);
            for name in users.keys() {
                desk.say(name.as_str(), to_bob());
                desk.say(name.as_str(), Target::Group(login("class")));
            }
            // Where what was before is dropped, the same names have the same holders.
            let mut other = State::default();
            let batch = Batch {
                at: Timestamp::UNIX_EPOCH,
                last: desk.state.header().last,
                events: desk.state.preface(),
            };
            apply(&mut other, &mut Tags::default(), &mut Kept::default(), &batch, 0);
            prop_assert_eq!(other.holders.all(), desk.state.holders.all());
        }
    }
}
