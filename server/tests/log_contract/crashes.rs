//! The program or the power ends between any two calls to the disk; a call fails.

use std::path::Path;

use mensageiro_server::{
    log::{Appended, Identity, Log, LogError, Loss, Position},
    options::Durability,
};

use super::{
    on_disk::{STORE, drop_before, open_on, payloads_of, try_backup},
    payload,
    simulated::{Chance, Fault, SimulatedDisk},
};

/// What a program has been told.
#[derive(Debug, Default)]
struct Told {
    acknowledged: Vec<Vec<u8>>,
    /// Appended without an answer.
    doubtful: Option<Vec<u8>>,
    identity: Option<Identity>,
    /// So many of the first records may have been dropped.
    dropped: usize,
    has_backup: bool,
}

const BACKUP: &str = "/backup";

/// Everything that a log does: it is made, appended to, rotated, closed, opened, dropped from, backed up.
fn act(disk: &SimulatedDisk, told: &mut Told) -> Result<(), LogError> {
    let mut number = 0;
    for _ in 0..2 {
        let log = open_on(disk, Durability::Sync, Loss::Refused)?;
        told.identity = Some(log.identity());
        let mut ends = Vec::new();
        for _ in 0..7 {
            let payload = payload(number);
            number += 1;
            told.doubtful = Some(payload.clone());
            let Appended { next, .. } = log.append(&payload)?;
            ends.push(next);
            told.acknowledged.extend(told.doubtful.take());
        }
        if number == 14 {
            told.dropped = 4;
            // The fourth record of the first program ends about here.
            drop_before(&log, ends[0])?;
            try_backup(disk, Path::new(BACKUP))?;
            told.has_backup = true;
        }
    }
    Ok(())
}

/// Whether a log has exactly what was acknowledged, or what was doubtful as well.
fn check(found: &[Vec<u8>], told: &Told, what: &str) {
    let missing = (0..=told.acknowledged.len()).find(|&missing| {
        let rest = &told.acknowledged[missing..];
        found.starts_with(rest) && {
            let more = &found[rest.len()..];
            more.is_empty() || (more.len() == 1 && Some(&more[0]) == told.doubtful.as_ref())
        }
    });
    let missing = missing.unwrap_or_else(|| panic!("{what}: found {found:?} after {told:?}"));
    let allowed = if told.dropped > 0 { 8 } else { 0 };
    assert!(missing <= allowed, "{what}: {missing} records are missing");
}

/// What holds after whatever has happened, and after another power cut.
fn check_again(disk: &SimulatedDisk, told: &mut Told, seed: u64, what: &str) {
    let log = open_on(disk, Durability::Sync, Loss::Refused);
    let log = log.unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = payloads_of(&log, Position::START);
    check(&found, told, what);
    if let Some(identity) = told.identity {
        assert_eq!(log.identity(), identity, "{what}");
    }
    assert_eq!(log.identity().epoch, 1, "{what}");
    // What was seen once stays.
    told.acknowledged = found;
    told.doubtful = None;
    log.append(b"after it").unwrap();
    told.acknowledged.push(b"after it".to_vec());
    drop(log);
    disk.restart();
    disk.cut_power(&mut Chance::new(seed));
    let log = open_on(disk, Durability::Sync, Loss::Refused).unwrap();
    let found = payloads_of(&log, Position::START);
    assert_eq!(
        found, told.acknowledged,
        "{what}, and the power went once more"
    );
    if told.has_backup {
        let backup = disk.content(&Path::new(BACKUP).join(STORE).join("identity"));
        assert!(backup.is_some(), "{what}: a backup that was whole is not");
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_program_ends_before_any_call_to_the_disk() {
    for power in [None, Some(1), Some(2), Some(3)] {
        for at in 0.. {
            let disk = SimulatedDisk::default();
            disk.set_fault(Some(Fault::Stop(at)));
            let mut told = Told::default();
            let acted = act(&disk, &mut told);
            if acted.is_ok() {
                assert!(at > 60, "all of it took only {at} calls");
                break;
            }
            assert!(disk.is_stopped(), "{acted:?}");
            disk.restart();
            if let Some(seed) = power {
                disk.cut_power(&mut Chance::new(seed * 1000 + at));
            }
            let what = format!("stopped before call {at}, power {power:?}");
            check_again(&disk, &mut told, at, &what);
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_any_call_to_the_disk_fails_once() {
    for at in 0.. {
        let disk = SimulatedDisk::default();
        disk.set_fault(Some(Fault::Failure(at)));
        let mut told = Told::default();
        let acted = act(&disk, &mut told);
        let calls = disk.calls().all;
        if calls <= at {
            break;
        }
        disk.restart();
        if acted.is_err() {
            check_again(&disk, &mut told, at, &format!("call {at} failed"));
        }
    }
}

#[test]
fn nothing_is_accepted_after_a_sync_that_failed_and_it_is_not_believed_later() {
    for append in 0..6 {
        let disk = SimulatedDisk::default();
        let log = open_on(&disk, Durability::Sync, Loss::Refused).unwrap();
        let mut told = Told::default();
        for number in 0..append {
            log.append(&payload(number)).unwrap();
            told.acknowledged.push(payload(number));
        }
        // The first call is the write, the second one the sync, unless a segment is begun before.
        for fault in 1..8 {
            let disk = disk.copy();
            let log = open_on(&disk, Durability::Sync, Loss::Refused).unwrap();
            disk.set_fault(Some(Fault::Failure(fault)));
            let mut told = Told {
                acknowledged: told.acknowledged.clone(),
                doubtful: Some(payload(append)),
                ..Told::default()
            };
            if log.append(&payload(append)).is_ok() {
                continue;
            }
            assert!(matches!(log.append(b"more"), Err(LogError::Closed)));
            assert!(matches!(log.sync(), Err(LogError::Closed)));
            assert_eq!(payloads_of(&log, Position::START), told.acknowledged);
            drop(log);
            disk.restart();
            check_again(&disk, &mut told, fault, &format!("sync {fault} failed"));
        }
    }
}

#[test]
fn an_append_is_one_write_and_one_sync_and_a_note_of_it() {
    let disk = SimulatedDisk::default();
    for (durability, syncs) in [(Durability::Sync, 1), (Durability::Relaxed, 0)] {
        let log = open_on(&disk, durability, Loss::Refused).unwrap();
        let mut rotations = 0;
        for number in 0..40 {
            disk.set_fault(None);
            log.append(&payload(number)).unwrap();
            let calls = disk.calls();
            if calls.all != 2 + syncs {
                rotations += 1;
                continue;
            }
            assert_eq!((calls.writes, calls.syncs), (2, syncs));
        }
        assert!((5..20).contains(&rotations), "{rotations}");
    }
}
