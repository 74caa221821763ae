//! Repair, and the first start on a backup, that end before any call to the disk are done by the next start.

use std::path::{Path, PathBuf};

use mensageiro_server::{
    log::{Log, LogError, Loss, Position, Record},
    options::Durability,
};

use super::{
    fill,
    on_disk::{DATA, STORE, open_in, open_on, payloads_of, try_backup, try_check},
    read,
    simulated::{Chance, Fault, SimulatedDisk},
};

/// A log with a record that cannot be read in a sealed segment, one in the last segment, and another one missing at
/// the end; and the records that are left.
fn damaged() -> (SimulatedDisk, Vec<Record>) {
    let disk = SimulatedDisk::default();
    let log = open_on(&disk, Durability::Sync, Loss::Refused).unwrap();
    let mut records = Vec::new();
    let (segments, base_of_last, in_last) = loop {
        records.extend(fill(&log, records.len()..records.len() + 1));
        let segments: Vec<PathBuf> = disk
            .paths()
            .into_iter()
            .filter(|path| is_segment(path))
            .collect();
        let base_of_last = base(segments.last().unwrap());
        let in_last = records.partition_point(|record| record.position.0 < base_of_last);
        if segments.len() >= 4 && records.len() - in_last == 3 {
            break (segments, base_of_last, in_last);
        }
    };
    drop(log);
    let last = segments.last().unwrap();
    let all = records.len();
    let end = records.pop().unwrap().position.0 - base_of_last + 4096;
    disk.spoil(last, |content| {
        content.truncate(end as usize);
        content[4096 + 24] ^= 1;
    });
    records.remove(in_last);
    disk.spoil(&segments[1], |content| content[4096 + 24] ^= 1);
    let sealed = Position(base(&segments[1]));
    records.retain(|record| record.position != sealed);
    assert_eq!(records.len(), all - 3);
    (disk, records)
}

fn base(segment: &Path) -> u64 {
    segment
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .parse()
        .unwrap()
}

fn is_segment(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "log")
}

#[test]
fn repair_that_ends_before_any_call_to_the_disk_is_done_by_the_next_one() {
    let (damaged, left) = damaged();
    for is_power_cut in [false, true] {
        for at in 0.. {
            let disk = damaged.copy();
            disk.set_fault(Some(Fault::Stop(at)));
            let repaired = open_on(&disk, Durability::Sync, Loss::Accepted);
            let is_done = repaired.is_ok();
            drop(repaired);
            disk.restart();
            if is_power_cut {
                disk.cut_power(&mut Chance::new(at));
            }
            // Without being asked to, nobody goes on without what is lost before the devices can notice.
            match open_on(&disk, Durability::Sync, Loss::Refused) {
                Ok(log) => {
                    let records: Vec<_> = log.read_from(Position::START).unwrap().collect();
                    if records.iter().all(Result::is_ok) {
                        assert_eq!(read(&log, Position::START), left, "{at}");
                        assert!(log.identity().epoch > 1, "{at}");
                    }
                }
                Err(error) => {
                    let is_meant =
                        matches!(error, LogError::Damaged { .. } | LogError::Lost { .. });
                    assert!(is_meant && !is_done, "{at}: {error}");
                }
            }
            let log = open_on(&disk, Durability::Sync, Loss::Accepted).unwrap();
            assert_eq!(read(&log, Position::START), left, "{at}");
            assert!(log.identity().epoch > 1, "{at}");
            fill(&log, 50..53);
            drop(log);
            assert_eq!(try_check(&disk, DATA.as_ref()).unwrap().1, [], "{at}");
            if is_done {
                assert!(at > 15, "all of it took only {at} calls");
                break;
            }
        }
    }
}

#[test]
fn first_start_on_a_backup_raises_the_epoch_wherever_it_ends() {
    let whole = SimulatedDisk::default();
    let log = open_on(&whole, Durability::Sync, Loss::Refused).unwrap();
    fill(&log, 0..12);
    let to = Path::new("/backup");
    try_backup(&whole, to).unwrap();
    drop(log);
    assert!(whole.content(&to.join(STORE).join("identity")).is_some());
    for is_power_cut in [false, true] {
        for at in 0.. {
            let disk = whole.copy();
            disk.set_fault(Some(Fault::Stop(at)));
            let opened = open_in(&disk, to, Durability::Sync, Loss::Refused);
            let epoch = opened.as_ref().ok().map(|log| log.identity().epoch);
            let is_done = epoch.is_some();
            drop(opened);
            disk.restart();
            if is_power_cut {
                disk.cut_power(&mut Chance::new(at));
            }
            let log = open_in(&disk, to, Durability::Sync, Loss::Refused).unwrap();
            assert!(log.identity().epoch > 1, "{at}");
            assert_eq!(payloads_of(&log, Position::START).len(), 12, "{at}");
            // Once it has been told to devices, it stays.
            if let Some(epoch) = epoch {
                assert_eq!(log.identity().epoch, epoch, "{at}");
            }
            if is_done {
                break;
            }
        }
    }
}
