//! Whatever happens to the files: the answers are right, or it is noticed and the index is built anew.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::ErrorCode;

use super::{
    super::{
        Changes, IndexError, RunEntry, Series, memtable::Memtable, opening, schema, writer::Writer,
    },
    USERS, check, check_loaded, conversation, group, target, user,
    world::{LOG, State, World},
};
use crate::{
    log::{Identity, Part, Position},
    model::{cursor::Cursor, message::MessageId},
};

/// How many damages of each kind are tried: few by default, as `MENSAGEIRO_INDEX_DAMAGES` says in full.
fn damages() -> usize {
    let count = std::env::var("MENSAGEIRO_INDEX_DAMAGES").ok();
    count.and_then(|count| count.parse().ok()).unwrap_or(25)
}

/// Numbers below `end`, spread evenly but for the rest of a division.
fn spread(end: usize, count: usize) -> impl Iterator<Item = usize> {
    let step = (end / count.max(1)).max(1);
    (0..end)
        .step_by(step)
        .enumerate()
        .map(move |(n, at)| (at + n * 7 % step).min(end - 1))
}

/// Sends, and changes everything that there is to be changed.
fn live(world: &mut World, rounds: usize) {
    for n in 0..rounds {
        if n % 5 == 0 {
            let some = (0..USERS).filter(|one| (one + n / 5) % 3 != 0).map(user);
            world.change_group(&group(n % 2), Some(some.collect()));
        }
        let runs = (0..30).map(|k| {
            let texts = 1 + k % 3;
            (
                user((n + k) % 2),
                target((n * 3 + k) % (USERS + 2)),
                texts,
                texts,
                k % 2 == 0,
            )
        });
        world.send(&runs.collect::<Vec<_>>());
        for k in 0..4 {
            let of = MessageId((n * 31 + k * 7) as u64 % 300 + 1);
            world.change((&user(k % 2), &target((n + k) % (USERS + 2))), of, k == 3);
        }
        let cursor = Cursor {
            read: MessageId(n as u64),
            ..Cursor::default()
        };
        world.cursor(&conversation(n % 6), &user(n % USERS), cursor);
        world.seen(&user(n % USERS));
        world.epoch();
        world.holder(&target(n % USERS));
        world.device(&user(n % USERS), "phone", vec![n as u8; 9]);
        world.setting(&user(n % USERS), &Some(conversation(n % 6)), n as u64);
        world.mark(&user(n % USERS), &conversation(n % 6));
    }
    world.archived(rounds as u64 / 2);
}

/// A world whose index is written and closed, and its folder.
fn written(folders: &Path, rounds: usize) -> (World, PathBuf) {
    let mut world = World::new(&new_folder(folders));
    live(&mut world, rounds);
    world.flush();
    world.index().wait_until_written().unwrap();
    world.close();
    let folder = world.folder.clone();
    (world, folder)
}

fn new_folder(folders: &Path) -> PathBuf {
    tempfile::tempdir_in(folders).unwrap().keep()
}

fn database(folder: &Path) -> PathBuf {
    folder.join("index.sqlite")
}

fn log_of_database(folder: &Path) -> PathBuf {
    folder.join("index.sqlite-wal")
}

/// Opens an index that may be damaged, asks everything, writes to it and asks again. Returns whether damage was noticed.
fn is_right_or_noticed(world: &mut World, folder: &Path) -> bool {
    world.reopen(folder);
    let mut is_noticed = world.loaded.discarded.is_some();
    let is_empty = world.loaded.header.position == Position::START;
    if !is_empty {
        let marks = world.index().marks(0, usize::MAX);
        is_noticed |= match marks {
            Ok(marks) => {
                let found = State::of(&world.loaded, marks);
                assert!(
                    world.flushed.contains(&found),
                    "loaded what never was: {found:?}"
                );
                false
            }
            Err(error) => is_damage(world, &error),
        };
    }
    is_noticed |= is_answer_right_or_noticed(world, folder);
    world.send(&[
        (user(0), target(1), 2, 2, true),
        (user(1), target(4), 1, 1, false),
    ]);
    world.seen(&user(1));
    world.flush();
    if world.index().wait_until_written().is_err() {
        is_noticed = true;
        assert!(world.alarm.try_recv().is_ok());
    }
    is_noticed |= is_answer_right_or_noticed(world, folder);
    world.reopen(folder);
    is_noticed |= world.loaded.discarded.is_some();
    is_noticed |= is_answer_right_or_noticed(world, folder);
    is_noticed
}

fn is_damage(world: &World, error: &IndexError) -> bool {
    assert!(matches!(error, IndexError::Damaged { .. }), "{error}");
    assert!(world.alarm.try_recv().is_ok(), "{error}");
    true
}

/// If damage is noticed, the index that is opened next is right.
fn is_answer_right_or_noticed(world: &mut World, folder: &Path) -> bool {
    let Err(error) = check(world) else {
        return false;
    };
    is_damage(world, &error);
    world.reopen(folder);
    assert!(world.loaded.discarded.is_some(), "{error}");
    assert_eq!(world.loaded.header.position, Position::START);
    check(world).unwrap();
    true
}

#[test]
fn a_flipped_bit_gives_no_wrong_answer() {
    let folders = tempfile::tempdir().unwrap();
    let (mut world, folder) = written(folders.path(), 12);
    let sound = fs::read(database(&folder)).unwrap();
    let mut noticed = 0;
    for at in spread(sound.len() * 8, damages()) {
        let mut bytes = sound.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        let folder = new_folder(folders.path());
        fs::write(database(&folder), bytes).unwrap();
        noticed += usize::from(is_right_or_noticed(&mut world, &folder));
        world.close();
        fs::remove_dir_all(folder).unwrap();
    }
    println!("{} bytes, noticed {noticed}", sound.len());
    assert!(noticed > 0);
}

#[test]
fn a_flipped_bit_in_the_databases_own_log_gives_no_wrong_answer() {
    let folders = tempfile::tempdir().unwrap();
    let mut world = World::new(&new_folder(folders.path()));
    let crashed = new_folder(folders.path());
    for _ in 0..3 {
        live(&mut world, 3);
        world.flush();
        world.index().wait_until_written().unwrap();
    }
    super::copy(&world.folder, &crashed);
    let sound = fs::read(log_of_database(&crashed)).unwrap();
    for at in spread(sound.len() * 8, damages()) {
        let mut bytes = sound.clone();
        bytes[at / 8] ^= 1 << (at % 8);
        let folder = new_folder(folders.path());
        super::copy(&crashed, &folder);
        fs::write(log_of_database(&folder), bytes).unwrap();
        is_right_or_noticed(&mut world, &folder);
        world.close();
        fs::remove_dir_all(folder).unwrap();
    }
}

#[test]
fn a_file_that_was_cut_gives_no_wrong_answer() {
    let folders = tempfile::tempdir().unwrap();
    let (mut world, folder) = written(folders.path(), 12);
    let length = fs::metadata(database(&folder)).unwrap().len() as usize;
    for at in spread(length, damages()).chain((0..length).step_by(4_096)) {
        let cut = new_folder(folders.path());
        super::copy(&folder, &cut);
        let file = File::options().write(true).open(database(&cut)).unwrap();
        file.set_len(at as u64).unwrap();
        is_right_or_noticed(&mut world, &cut);
        world.close();
        fs::remove_dir_all(cut).unwrap();
    }
}

#[test]
fn a_page_of_another_time_gives_no_wrong_answer() {
    const PAGE: usize = 4_096;
    let folders = tempfile::tempdir().unwrap();
    let (mut world, folder) = written(folders.path(), 8);
    let old = fs::read(database(&folder)).unwrap();
    world.reopen(&folder);
    live(&mut world, 4);
    world.flush();
    world.close();
    let new = fs::read(database(&folder)).unwrap();
    let mut noticed = 0;
    for (page, old) in old.chunks_exact(PAGE).enumerate() {
        let mut bytes = new.clone();
        let at = page * PAGE..(page + 1) * PAGE;
        if bytes[at.clone()] == *old {
            continue;
        }
        bytes[at].copy_from_slice(old);
        let folder = new_folder(folders.path());
        fs::write(database(&folder), bytes).unwrap();
        let is_noticed = is_right_or_noticed(&mut world, &folder);
        assert!(is_noticed || page == 0, "page {page}");
        noticed += usize::from(is_noticed);
        world.close();
        fs::remove_dir_all(folder).unwrap();
    }
    assert!(noticed > 5, "{noticed}");
}

#[test]
fn files_that_are_missing_are_made_anew() {
    let folders = tempfile::tempdir().unwrap();
    let mut world = World::new(&new_folder(folders.path()));
    live(&mut world, 3);
    world.flush();
    world.index().wait_until_written().unwrap();
    let crashed = new_folder(folders.path());
    super::copy(&world.folder, &crashed);
    for missing in [
        vec!["index.sqlite"],
        vec!["index.sqlite-wal"],
        vec!["index.sqlite", "index.sqlite-wal"],
    ] {
        let folder = new_folder(folders.path());
        super::copy(&crashed, &folder);
        for name in missing {
            fs::remove_file(folder.join(name)).unwrap();
        }
        world.reopen(&folder);
        assert_eq!(world.loaded.header.position, Position::START);
        check(&world).unwrap();
        world.flush();
        world.reopen(&folder);
        check_loaded(&world);
        check(&world).unwrap();
    }
}

#[test]
fn an_index_of_another_log_or_format_is_made_anew() {
    let folders = tempfile::tempdir().unwrap();
    let (mut world, folder) = written(folders.path(), 3);
    let end = world.end();
    let reason = |log, end| {
        opening::open(&database(&folder), log, end)
            .unwrap()
            .loaded
            .discarded
    };
    assert_eq!(reason(LOG, end), None);
    let ahead = opening::open(&database(&folder), LOG, Position(end.0 - 1));
    assert!(matches!(ahead.err(), Some(IndexError::Ahead(position)) if position == end));
    assert_eq!(reason(LOG, end), None, "it is kept");
    let epoch = LOG.epoch + 1;
    assert_eq!(
        reason(Identity { epoch, ..LOG }, end).unwrap(),
        "it is of another log"
    );
    assert_eq!(reason(LOG, end).unwrap(), "it is of another log");
    let connection = rusqlite::Connection::open(database(&folder)).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert_eq!(reason(LOG, end).unwrap(), "it has format 99");
    fs::write(
        database(&folder),
        "this was never a database, but it is longer than its header: ".repeat(9),
    )
    .unwrap();
    assert!(reason(LOG, end).unwrap().starts_with("damaged: "));
    world.reopen(&folder);
    check(&world).unwrap();
}

#[test]
fn a_write_that_fails_rings_the_alarm_and_what_was_added_can_still_be_read() {
    let folders = tempfile::tempdir().unwrap();
    let mut world = World::new(&new_folder(folders.path()));
    live(&mut world, 3);
    world.flush();
    world.index().wait_until_written().unwrap();
    live(&mut world, 1);
    // No log says this: a message that comes before one that is written.
    let wrong = RunEntry {
        first: MessageId(1),
        count: 1,
        record: Position(0),
        part: Part {
            offset: 0,
            length: 0,
        },
        text: 0,
        roster: 0,
    };
    let nowhere = crate::model::conversation::Conversation::pair(&user(8), &user(9));
    let index = world.index().clone();
    index.add_run(
        &nowhere,
        Series::Said,
        RunEntry {
            first: MessageId(2),
            ..wrong
        },
    );
    index.add_run(&nowhere, Series::Said, wrong);
    index.flush(Changes::default()).unwrap();
    assert!(index.wait_until_written().is_err());
    world.alarm.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(matches!(
        index.flush(Changes::default()),
        Err(IndexError::Closed)
    ));
    check(&world).unwrap();
    drop(index);
    let folder = world.folder.clone();
    world.reopen(&folder);
    let discarded = world.loaded.discarded.as_deref();
    assert_eq!(discarded, Some("damage was found while it was used"));
    check(&world).unwrap();
}

#[test]
fn a_full_disk_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = schema::file_in(folder.path());
    let opened = opening::open(&file, LOG, Position::START).unwrap();
    let pages: i64 = opened
        .connection
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    opened
        .connection
        .pragma_update(None, "max_page_count", pages + 2)
        .unwrap();
    let mut writer = Writer::new(file.clone(), opened.connection, opened.kept.stored);
    let mut memtable = Memtable::default();
    let entry = |n: u64| RunEntry {
        first: MessageId(n + 1),
        count: 1,
        record: Position(n * 70_000),
        part: Part {
            offset: 7,
            length: 90,
        },
        text: 0,
        roster: 0,
    };
    for n in 0..10_000 {
        memtable.add_run(&conversation(1), Series::Said, entry(n));
    }
    let mut changes = Changes::default();
    changes.header.position = Position(9);
    let failed = writer
        .write(&memtable, &changes, Position::START, &|_| None)
        .unwrap_err();
    let IndexError::Sqlite { source, .. } = &failed else {
        panic!("{failed}");
    };
    assert_eq!(source.sqlite_error_code(), Some(ErrorCode::DiskFull));
    changes.header.position = Position(5);
    writer
        .write(&Memtable::default(), &changes, Position::START, &|_| None)
        .unwrap();
    drop(writer);
    let opened = opening::open(&file, LOG, Position(10)).unwrap();
    assert_eq!(opened.loaded.discarded, None);
    assert_eq!(opened.loaded.header.position, Position(5));
    assert_eq!(opened.loaded.conversations, []);
}
