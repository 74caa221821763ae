//! Backups, dropping and checking while a log is appended to.

use std::{
    ops::ControlFlow,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use jiff::{SignedDuration, Timestamp};
use mensageiro_server::{
    log::{
        Backup, Done, FileLog, Keep, Log, LogError, Loss, Part, Position, Settings, check,
        disk::{Access, Disk, SystemDisk},
    },
    options::Durability,
};

use super::{
    fill,
    on_disk::{DATA, STORE, drop_before, open_in, open_on, payloads_of, try_backup, try_check},
    open, payload, read,
    simulated::{Chance, Fault, SimulatedDisk},
};

fn with_records(count: usize) -> (SimulatedDisk, FileLog) {
    let disk = SimulatedDisk::default();
    let log = open_on(&disk, Durability::Sync, Loss::Refused).unwrap();
    fill(&log, 0..count);
    (disk, log)
}

#[test]
fn backup_of_an_open_log_has_everything_and_opens_with_another_epoch() {
    for do_links_fail in [false, true] {
        let (disk, log) = with_records(30);
        if do_links_fail {
            disk.let_links_fail();
        }
        for name in ["users.csv", "messages.csv"] {
            let file = Path::new(DATA).join(name);
            let file = disk.open(&file, Access::Create).unwrap();
            file.write_at(name.as_bytes(), 0).unwrap();
        }
        let made = try_backup(&disk, "/backup".as_ref()).unwrap();
        assert_eq!(
            (made.linked > 0, made.copied > 1),
            (!do_links_fail, do_links_fail)
        );
        assert_eq!(made.positions, Position::START..log.end());
        assert_eq!(
            disk.content("/backup/users.csv".as_ref()).unwrap(),
            b"users.csv"
        );
        assert_eq!(
            disk.content("/backup/messages.csv".as_ref()).unwrap(),
            b"messages.csv"
        );
        let (checked, damages) = try_check(&disk, "/backup".as_ref()).unwrap();
        assert_eq!((checked.records, damages), (30, vec![]));
        // What comes later is not in it, whatever happens to either of them.
        fill(&log, 30..60);
        let backup =
            || open_in(&disk, "/backup".as_ref(), Durability::Sync, Loss::Refused).unwrap();
        let opened = backup();
        assert_eq!(payloads_of(&opened, Position::START).len(), 30);
        assert_eq!(opened.identity().id, log.identity().id);
        assert!(opened.identity().epoch > log.identity().epoch);
        fill(&opened, 200..230);
        let epoch = opened.identity().epoch;
        drop(opened);
        assert_eq!(backup().identity().epoch, epoch);
        assert_eq!(read(&log, Position::START).len(), 60);
        drop(log);
        let log = open_on(&disk, Durability::Sync, Loss::Refused).unwrap();
        assert_eq!(log.identity().epoch, 1);
        assert_eq!(read(&log, Position::START).len(), 60);
    }
}

#[test]
fn backup_that_was_cut_is_noticed() {
    let (disk, _log) = with_records(3);
    try_backup(&disk, "/backup".as_ref()).unwrap();
    let last = Path::new("/backup")
        .join(STORE)
        .join("log/00000000000000000000.log");
    disk.spoil(&last, |content| content.truncate(content.len() - 1));
    let (_, damages) = try_check(&disk, "/backup".as_ref()).unwrap();
    assert_eq!(damages.len(), 1);
}

#[test]
fn backup_goes_to_a_new_or_an_empty_folder_only() {
    let (disk, _log) = with_records(3);
    disk.create_folder("/empty".as_ref()).unwrap();
    try_backup(&disk, "/empty".as_ref()).unwrap();
    let again = try_backup(&disk, "/empty".as_ref());
    assert!(matches!(again, Err(LogError::NotEmpty(_))), "{again:?}");
}

#[test]
fn backup_that_ends_before_any_call_to_the_disk_leaves_nothing_or_all_of_it() {
    for is_power_cut in [false, true] {
        for at in 0.. {
            let (disk, log) = with_records(12);
            drop(log);
            disk.set_fault(Some(Fault::Stop(at)));
            let made = try_backup(&disk, "/backup".as_ref());
            disk.restart();
            if is_power_cut {
                disk.cut_power(&mut Chance::new(at));
            }
            let is_there = disk.list("/backup".as_ref()).is_ok();
            assert!(is_there || made.is_err());
            if is_there && !is_power_cut {
                let (checked, damages) = try_check(&disk, "/backup".as_ref()).unwrap();
                assert_eq!((checked.records, damages), (12, vec![]), "{at}");
            } else if !is_there {
                try_backup(&disk, "/backup".as_ref()).unwrap();
            }
            let log = open_in(&disk, "/backup".as_ref(), Durability::Sync, Loss::Refused).unwrap();
            assert_eq!(payloads_of(&log, Position::START).len(), 12);
            if made.is_ok() {
                assert!(at > 15);
                break;
            }
        }
    }
}

#[test]
fn backup_that_is_cancelled_or_fails_leaves_nothing() {
    let (disk, log) = with_records(12);
    for most in 0.. {
        let mut calls = 0;
        let backup = Backup {
            data: DATA.as_ref(),
            store: STORE,
            files: &[],
            folders: &[],
            to: "/backup".as_ref(),
            disk: Arc::new(disk.clone()),
        };
        let made = backup.run(&mut |Done { bytes, total }| {
            assert!(bytes <= total);
            calls += 1;
            if calls > most {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if made.is_ok() {
            assert!(most > 2);
            break;
        }
        assert!(matches!(made, Err(LogError::Cancelled)), "{made:?}");
        let left = disk.paths();
        assert!(
            !left.iter().any(|path| path.starts_with("/backup")),
            "{left:?}"
        );
        let folders = disk.list("/".as_ref()).unwrap();
        assert!(
            !folders.iter().any(|name| name.starts_with("backup")),
            "{folders:?}"
        );
    }
    drop(log);
}

#[test]
fn old_segments_are_dropped_up_to_what_is_needed() {
    let (disk, log) = with_records(40);
    let records = read(&log, Position::START);
    let hour =
        |number: usize| Timestamp::from_second(1_700_000_000 + 3600 * number as i64).unwrap();
    // The record of a number is that many hours old.
    let time_of = |found: &[u8]| (0..40).find(|&number| payload(number) == found).map(hour);
    let keep = |before| Keep {
        now: hour(40),
        keep: SignedDuration::from_hours(20),
        before,
        time_of: &time_of,
    };
    assert_eq!(log.drop_old(&keep(Position::START)).unwrap(), 0);
    log.drop_old(&keep(records[10].position)).unwrap();
    let left = read(&log, Position::START);
    assert!((30..40).contains(&left.len()), "{}", left.len());
    log.drop_old(&keep(log.end())).unwrap();
    let left = read(&log, Position::START);
    assert!((20..25).contains(&left.len()), "{}", left.len());
    assert_eq!(left, records[40 - left.len()..]);
    assert_eq!(log.start(), left[0].position);
    let part = Part {
        offset: 0,
        length: 1,
    };
    let gone = log.read_part(records[3].position, part);
    assert!(matches!(gone, Err(LogError::Missing(_))));
    assert_eq!(read(&log, records[3].position), left);
    drop(log);
    let log = open_on(&disk, Durability::Sync, Loss::Refused).unwrap();
    assert_eq!(
        (read(&log, Position::START), log.identity().epoch),
        (left, 1)
    );
    assert_eq!(try_check(&disk, DATA.as_ref()).unwrap().1, []);
}

#[test]
fn log_that_grows_slowly_is_sealed_by_age_so_that_it_can_be_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), 1 << 30);
    fill(&log, 0..5);
    assert!(drop_before(&log, log.end()).unwrap() == 0);
    fill(&log, 5..9);
    assert!(drop_before(&log, log.end()).unwrap() > 0);
    assert_eq!(read(&log, Position::START).len(), 4);
}

#[test]
fn beginning_that_was_deleted_is_told_from_one_that_was_dropped() {
    let (disk, log) = with_records(40);
    drop_before(&log, read(&log, Position::START)[20].position).unwrap();
    let start = log.start();
    drop(log);
    let first = Path::new(DATA)
        .join(STORE)
        .join(format!("log/{:020}.log", start.0));
    disk.delete(&first);
    let (_, damages) = try_check(&disk, DATA.as_ref()).unwrap();
    assert_eq!(damages[0].positions.start, start);
    let refused = open_on(&disk, Durability::Sync, Loss::Refused);
    assert!(matches!(refused, Err(LogError::Lost { .. })), "{refused:?}");
    let log = open_on(&disk, Durability::Sync, Loss::Accepted).unwrap();
    assert!(log.start() > start && log.identity().epoch > 1);
}

#[test]
fn check_says_whose_content_cannot_be_understood_and_changes_nothing() {
    let (disk, _log) = with_records(20);
    let before = disk.contents();
    let mut damages = Vec::new();
    let checked = check(
        &Path::new(DATA).join(STORE),
        Arc::new(disk.clone()),
        &mut |_, found| match found == payload(7) {
            true => Err("not understood".into()),
            false => Ok(()),
        },
        &mut |damage| damages.push(damage),
        &mut |_| ControlFlow::Continue(()),
    );
    assert_eq!((checked.unwrap().records, damages.len()), (20, 1));
    assert_eq!(damages[0].reason, "not understood");
    assert_eq!(disk.contents(), before);
}

#[test]
fn backups_of_a_log_that_is_appended_to_and_dropped_from_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let log = open(&data.join(STORE), 4096 + 2000);
    fill(&log, 0..20);
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 20;
            while !is_done.load(Ordering::Relaxed) {
                fill(&log, number..number + 20);
                number += 20;
            }
        });
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                let needed = log.end().0.saturating_sub(20_000);
                drop_before(&log, Position(needed)).unwrap();
                thread::yield_now();
            }
        });
        for number in 0..15 {
            let to = folder.path().join(format!("backup-{number}"));
            let (start, end) = (log.start(), log.end());
            let backup = Backup {
                data: &data,
                store: STORE,
                files: &[],
                folders: &[],
                to: &to,
                disk: Arc::new(SystemDisk),
            };
            let made = backup.run(&mut |_| ControlFlow::Continue(())).unwrap();
            assert!(made.positions.start >= start && made.positions.end >= end);
            let mut damages = Vec::new();
            let checked = check(
                &to.join(STORE),
                Arc::new(SystemDisk),
                &mut |_, _| Ok(()),
                &mut |damage| damages.push(damage),
                &mut |_| ControlFlow::Continue(()),
            );
            let checked = checked.unwrap();
            assert_eq!((&*damages, checked.end), (&[][..], made.positions.end));
            let settings = Settings::new(Durability::Sync, Loss::Refused);
            let log = FileLog::open(&to.join(STORE), &settings, &mut |_| {
                ControlFlow::Continue(())
            });
            let records = read(&log.unwrap(), Position::START);
            assert_eq!(records.len() as u64, checked.records);
            assert!(records.is_sorted_by(|one, other| one.next == other.position));
        }
        is_done.store(true, Ordering::Relaxed);
    });
}
