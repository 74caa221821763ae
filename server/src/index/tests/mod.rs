//! Random histories with flushes, crashes and reopenings against a model; the rest is in the modules.

mod damage;
mod timelines;
mod world;

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use proptest::prelude::*;

use self::world::{State, World, group, user};
use super::{IndexError, TagEntry};
use crate::model::{
    conversation::Conversation,
    cursor::Cursor,
    event::Target,
    message::{Message, MessageId},
};

const USERS: usize = 4;
const GROUPS: usize = 2;

/// What happens next.
#[derive(Clone, Debug)]
enum Happening {
    /// A record with runs: from, to, texts, refused ones of these, tagged.
    Send(Vec<(usize, usize, usize, usize, bool)>),
    /// From, to, the message that is changed, whether it is deleted.
    Change(usize, usize, u64, bool),
    ChangeGroup {
        group: usize,
        members: u8,
    },
    Cursor {
        with: usize,
        user: usize,
        to: u64,
    },
    Written {
        group: usize,
        messages: u64,
    },
    Seen(usize),
    Epoch,
    Holder(usize),
    Device {
        user: usize,
        window: Vec<u8>,
    },
    Setting {
        user: usize,
        with: Option<usize>,
        n: u64,
    },
    Mark {
        reader: usize,
        with: usize,
    },
    Archived(u64),
    Flush,
    FlushAndWait,
    Forget(usize),
    /// With what is in the files at this moment.
    Crash,
    Reopen,
    Look {
        with: usize,
        before: u64,
        limit: usize,
        up_to: u64,
    },
}

fn happening() -> impl Strategy<Value = Happening> {
    let (with, user) = (0..USERS + GROUPS, 0..USERS);
    let run = (
        0..USERS,
        0..USERS + GROUPS,
        1..5_usize,
        0..3_usize,
        any::<bool>(),
    );
    let window = prop::collection::vec(any::<u8>(), 0..20);
    prop_oneof![
        20 => prop::collection::vec(run, 1..40).prop_map(Happening::Send),
        9 => (0..USERS, 0..USERS + GROUPS, 1..200_u64, any::<bool>())
            .prop_map(|(from, to, of, is_deletion)| Happening::Change(from, to, of, is_deletion)),
        3 => (0..GROUPS, any::<u8>()).prop_map(|(group, members)| Happening::ChangeGroup { group, members }),
        3 => (with.clone(), user.clone(), any::<u64>()).prop_map(|(with, user, to)| Happening::Cursor { with, user, to }),
        1 => (0..GROUPS, 0..300_u64).prop_map(|(group, messages)| Happening::Written { group, messages }),
        1 => user.clone().prop_map(Happening::Seen),
        1 => Just(Happening::Epoch),
        1 => (0..USERS + GROUPS).prop_map(Happening::Holder),
        2 => (user.clone(), window).prop_map(|(user, window)| Happening::Device { user, window }),
        3 => (user.clone(), prop::option::of(with.clone()), 0..300_u64)
            .prop_map(|(user, with, n)| Happening::Setting { user, with, n }),
        3 => (user, with.clone()).prop_map(|(reader, with)| Happening::Mark { reader, with }),
        1 => (0..30_u64).prop_map(Happening::Archived),
        4 => Just(Happening::Flush),
        3 => Just(Happening::FlushAndWait),
        1 => (0..60_usize).prop_map(Happening::Forget),
        2 => Just(Happening::Crash),
        1 => Just(Happening::Reopen),
        10 => (with, 0..2_000_u64, 0..90_usize, 0..2_000_u64)
            .prop_map(|(with, before, limit, up_to)| Happening::Look { with, before, limit, up_to }),
    ]
}

/// With user 0, or a group.
fn conversation(with: usize) -> Conversation {
    match with.checked_sub(USERS) {
        None => Conversation::pair(&user(0), &user(with)),
        Some(n) => Conversation::Group(group(n)),
    }
}

fn target(to: usize) -> Target {
    match to.checked_sub(USERS) {
        None => Target::User(user(to)),
        Some(n) => Target::Group(group(n)),
    }
}

fn all_conversations() -> Vec<Conversation> {
    let pairs =
        (0..USERS).flat_map(|a| (a..USERS).map(move |b| Conversation::pair(&user(a), &user(b))));
    let groups = (0..GROUPS).map(|n| Conversation::Group(group(n)));
    pairs.chain(groups).collect()
}

fn history_of(all: &[Message], before: u64, limit: usize, up_to: u64) -> Vec<Message> {
    let said = all.iter().filter(|m| m.changes().is_none());
    let wanted = said.filter(|m| m.id.0 < before && m.id.0 <= up_to);
    let wanted: Vec<_> = wanted.cloned().collect();
    wanted[wanted.len().saturating_sub(limit)..].to_vec()
}

/// Copies the files as they are at this moment.
fn copy(from: &Path, to: &Path) {
    for name in ["index.sqlite", "index.sqlite-wal"] {
        // In this order nothing that a checkpoint brought over can be missing in both.
        let _ = fs::copy(from.join(name), to.join(name));
    }
}

fn happen(world: &mut World, folders: &Path, happening: &Happening) {
    match happening {
        Happening::Send(runs) => {
            let run = |&(from, to, texts, refused, tagged): &(usize, usize, usize, usize, bool)| {
                (
                    user(from),
                    target(to),
                    texts,
                    texts.saturating_sub(refused),
                    tagged,
                )
            };
            world.send(&runs.iter().map(run).collect::<Vec<_>>());
        }
        Happening::Change(from, to, of, is_deletion) => {
            let (from, to) = (user(*from), target(*to));
            world.change((&from, &to), MessageId(*of), *is_deletion);
        }
        Happening::ChangeGroup { group: n, members } => {
            let some = (0..USERS).filter(|n| members & (1 << n) != 0).map(user);
            let some: BTreeSet<_> = some.collect();
            world.change_group(&group(*n), (!some.is_empty()).then_some(some));
        }
        Happening::Cursor { with, user: n, to } => {
            let cursor = Cursor {
                delivered: MessageId(*to),
                read: MessageId(to / 2),
                left: (to % 3 == 0).then_some(MessageId(*to)),
                ..Cursor::default()
            };
            world.cursor(&conversation(*with), &user(*n), cursor);
        }
        Happening::Written { group: n, messages } => world.written(&group(*n), *messages),
        Happening::Epoch => world.epoch(),
        Happening::Holder(who) => world.holder(&target(*who)),
        Happening::Seen(n) => world.seen(&user(*n)),
        Happening::Device { user: n, window } => {
            world.device(&user(*n), "a phone: \u{0}?", window.clone());
        }
        Happening::Setting {
            user: n,
            with,
            n: value,
        } => {
            world.setting(&user(*n), &with.map(conversation), *value);
        }
        Happening::Mark { reader, with } => world.mark(&user(*reader), &conversation(*with)),
        Happening::Archived(up_to) => world.archived(*up_to),
        Happening::Flush => world.flush(),
        Happening::FlushAndWait => {
            world.flush();
            world.index().wait_until_written().unwrap();
            let marks: Vec<_> = world.state.marks.values().cloned().collect();
            assert_eq!(world.index().marks(0, usize::MAX).unwrap(), marks);
            let some = world.index().marks(3, 2).unwrap();
            let wanted = marks.into_iter().filter(|mark| mark.number >= 3).take(2);
            assert_eq!(some, wanted.collect::<Vec<_>>());
        }
        Happening::Forget(record) => world.forget_before(*record),
        Happening::Crash => {
            let folder = tempfile::tempdir_in(folders).unwrap().keep();
            copy(&world.folder, &folder);
            world.reopen(&folder);
            check_loaded(world);
            let position = world.loaded.header.position;
            world
                .flushed
                .retain(|state| state.header.position <= position);
        }
        Happening::Reopen => {
            let folder = world.folder.clone();
            world.reopen(&folder);
            check_loaded(world);
            let newest = world.flushed.last().map(|state| state.header);
            assert_eq!(
                Some(world.loaded.header),
                newest,
                "closing writes what was handed over"
            );
        }
        Happening::Look {
            with,
            before,
            limit,
            up_to,
        } => {
            let conversation = conversation(*with);
            let all = world.messages_of(&conversation);
            let expected = history_of(&all, *before, *limit, *up_to);
            let before = Some(MessageId(*before));
            let found = world
                .reader()
                .history(&conversation, before, *limit, MessageId(*up_to));
            assert_eq!(found.unwrap(), expected);
            check_revisions(world, MessageId(*up_to)).unwrap();
        }
    }
}

/// What was loaded is what was flushed at its position.
fn check_loaded(world: &World) {
    let marks = world.index().marks(0, usize::MAX).unwrap();
    assert_eq!(world.loaded.discarded, None);
    assert_eq!(world.loaded.marks, marks.len() as u64);
    let found = State::of(&world.loaded, marks);
    assert!(world.flushed.contains(&found), "{found:?}");
}

/// Everything that can be asked has the right answer. It is an error if something is not answered.
fn check(world: &World) -> Result<(), IndexError> {
    let reader = world.reader();
    let conversations = all_conversations();
    let mut together = Vec::new();
    for conversation in &conversations {
        let all = world.messages_of(conversation);
        let last = world.state.conversations.get(conversation);
        assert_eq!(
            reader.last_of(conversation),
            last.copied().unwrap_or_default()
        );
        let found = reader.history(conversation, None, usize::MAX, MessageId::MAX)?;
        let said = all.iter().filter(|message| message.changes().is_none());
        assert!(found.iter().eq(said));
        together.extend(all);
    }
    together.sort_unstable_by_key(|message| message.id);
    let last = together.len() as u64;
    for (after, up_to, most) in [
        (0, u64::MAX, usize::MAX),
        (last / 3, last / 2, usize::MAX),
        (last / 2, u64::MAX, 7),
        (last + 9, u64::MAX, 7),
    ] {
        let wanted = together
            .iter()
            .filter(|m| m.id.0 > after && m.id.0 <= up_to);
        let wanted: Vec<_> = wanted.take(most).collect();
        let mut found = Vec::new();
        let visit = &mut |message| {
            found.push(message);
            found.len() < most
        };
        let up_to = MessageId(up_to);
        reader.timeline(&conversations, MessageId(after), up_to, visit)?;
        assert_eq!(found.iter().collect::<Vec<_>>(), wanted);
    }
    // Tags of forgotten messages may be there or not.
    let floor = world.floor();
    let kept = |tags: &[TagEntry]| {
        let tags = tags.iter().filter(|tag| tag.id >= floor);
        tags.copied().collect::<Vec<_>>()
    };
    for n in 0..USERS {
        let all = world.tags_of(&user(n));
        let (index, user) = (world.index(), user(n));
        let found = index.tags(&user, MessageId(0), usize::MAX)?;
        assert_eq!(kept(&found), kept(&all));
        let newest = all.iter().filter(|tag| tag.id.0 >= last / 2);
        let newest: Vec<_> = newest.copied().collect();
        let newest = &newest[newest.len().saturating_sub(5)..];
        let found = index.tags(&user, MessageId(last / 2), 5)?;
        assert_eq!(kept(&found), kept(newest));
        let near = MessageId(last / 4)..=MessageId(last / 2);
        let wanted = all.iter().filter(|tag| near.contains(&tag.id));
        let wanted: Vec<_> = wanted.copied().collect();
        let found = index.tags_near(&user, &near)?;
        assert_eq!(kept(&found), kept(&wanted));
    }
    check_revisions(world, MessageId::MAX)?;
    check_revisions(world, MessageId(last / 2))?;
    assert!(world.alarm.is_empty());
    Ok(())
}

/// What became of messages by what was said up to one.
fn check_revisions(world: &World, up_to: MessageId) -> Result<(), IndexError> {
    let latest = world.state.changed.iter().max_by_key(|(_, last)| **last);
    let Some((conversation, last)) = latest else {
        return Ok(());
    };
    let of: Vec<_> = (1..last.0.min(400)).map(MessageId).collect();
    let found = world
        .reader()
        .revisions(conversation, &of, (up_to, up_to))?;
    let floor = world.floor();
    for (of, found) in of.into_iter().zip(found) {
        // What the log has dropped may be known or not.
        assert!(of < floor || found == world.revision(of, up_to), "{of}");
    }
    Ok(())
}

#[test]
fn readers_miss_no_message_while_messages_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(folder.path());
    let (reader, is_done) = (world.reader(), AtomicBool::new(false));
    let conversations = all_conversations();
    let all = &conversation(1);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    let last = reader.last_of(all).0;
                    let newest = reader.history(all, None, 150, MessageId::MAX).unwrap();
                    let ids: Vec<_> = newest.iter().map(|message| message.id.0).collect();
                    let end = ids.last().copied().unwrap_or_default();
                    assert!(end >= last);
                    assert!(ids.into_iter().eq(end.saturating_sub(149).max(1)..=end));
                    let mut next = last / 2 + 1;
                    let after = MessageId(next - 1);
                    let visit = &mut |message: Message| {
                        assert_eq!(message.id.0, next);
                        next += 1;
                        true
                    };
                    reader
                        .timeline(&conversations, after, MessageId::MAX, visit)
                        .unwrap();
                    assert!(next > end);
                }
            });
        }
        for n in 0..60 {
            let run = |k: usize| (user(k % 2), target(1 - k % 2), 1 + k % 3, 1 + k % 3, false);
            world.send(&(0..40).map(run).collect::<Vec<_>>());
            if n % 3 == 0 {
                world.flush();
            }
        }
        is_done.store(true, Ordering::Relaxed);
    });
    check(&world).unwrap();
}

/// `MENSAGEIRO_INDEX_HISTORIES` says how many; by default few.
fn histories() -> u32 {
    let count = std::env::var("MENSAGEIRO_INDEX_HISTORIES").ok();
    count.and_then(|count| count.parse().ok()).unwrap_or(16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(histories()))]

    #[test]
    fn answers_are_right_whatever_happens(happenings in prop::collection::vec(happening(), 1..80)) {
        let folders = tempfile::tempdir().unwrap();
        let mut world = World::new(&tempfile::tempdir_in(folders.path()).unwrap().keep());
        for happening in &happenings {
            happen(&mut world, folders.path(), happening);
        }
        check(&world).unwrap();
        world.flush();
        world.index().wait_until_written().unwrap();
        check(&world).unwrap();
        let folder = world.folder.clone();
        world.reopen(&folder);
        check_loaded(&world);
        check(&world).unwrap();
    }
}
