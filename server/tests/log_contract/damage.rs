//! Files that were changed, cut or deleted behind the log's back: it is noticed, and repair keeps everything else.
//! `MENSAGEIRO_LOG_DAMAGE=1` damages every byte instead of some.

use std::{
    env,
    path::{Path, PathBuf},
};

use mensageiro_server::{
    log::{FileLog, Log, LogError, Loss, Position, Record},
    options::Durability,
};

use super::{
    fill,
    on_disk::{DATA, open_on, try_check},
    simulated::SimulatedDisk,
};

/// A log of several segments.
struct Whole {
    disk: SimulatedDisk,
    records: Vec<Record>,
    end: Position,
    id: u128,
}

const RECORDS: usize = 14;

fn whole() -> Whole {
    let disk = SimulatedDisk::default();
    let log = open_on(&disk, Durability::Sync, Loss::Refused).unwrap();
    let records = fill(&log, 0..RECORDS);
    Whole {
        end: log.end(),
        id: log.identity().id,
        records,
        disk: {
            drop(log);
            disk
        },
    }
}

fn step() -> usize {
    if env::var_os("MENSAGEIRO_LOG_DAMAGE").is_some() {
        1
    } else {
        31
    }
}

fn is_segment(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "log")
}

fn base(file: &Path) -> u64 {
    file.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

impl Whole {
    fn files(&self) -> Vec<PathBuf> {
        self.disk.paths()
    }

    /// The records of a segment that are not as they were.
    fn lost(&self, file: &Path, spoiled: Option<Vec<u8>>) -> Vec<Position> {
        if !is_segment(file) {
            return Vec::new();
        }
        let (whole, base) = (self.disk.content(file).unwrap(), base(file));
        let spoiled = spoiled.unwrap_or_default();
        let is_lost = |record: &&Record| {
            let at = |position: Position| Some((position.0.checked_sub(base)? + 4096) as usize);
            let bytes = at(record.position).and_then(|start| Some(start..at(record.next)?));
            let before = bytes.and_then(|bytes| Some((bytes.clone(), whole.get(bytes)?)));
            before.is_some_and(|(bytes, before)| spoiled.get(bytes) != Some(before))
        };
        let lost = self.records.iter().filter(is_lost);
        lost.map(|record| record.position).collect()
    }
}

fn readable(log: &FileLog) -> (Vec<Record>, Option<LogError>) {
    let (mut records, mut failed) = (Vec::new(), None);
    for record in log.read_from(log.start()).unwrap() {
        match record {
            Ok(record) => records.push(record),
            Err(error) => failed = Some(error),
        }
    }
    (records, failed)
}

/// Opens a log that was damaged where `lost` begin, without and with repair.
fn check(whole: &Whole, disk: &SimulatedDisk, lost: &[Position], is_noticed: bool, what: &str) {
    let checked = try_check(disk, DATA.as_ref());
    let damages = checked
        .as_ref()
        .map_or(usize::MAX, |(_, damages)| damages.len());
    assert_eq!(damages > 0, is_noticed, "{what}: {checked:?}");
    let before = disk.copy();
    match open_on(disk, Durability::Sync, Loss::Refused) {
        Ok(log) => {
            let (records, failed) = readable(&log);
            assert!(whole.records.starts_with(&records), "{what}: other records");
            let is_all = records.len() == RECORDS;
            assert_eq!(failed.is_none(), is_all, "{what}: {failed:?}");
            assert!(lost.is_empty() || !is_all, "{what}: not noticed");
            let message = failed.map_or_else(String::new, |error| error.to_string());
            assert!(
                message.is_empty() || message.contains("damaged at byte"),
                "{message}"
            );
        }
        Err(error) => {
            let message = error.to_string();
            assert!(message.contains("--repair"), "{what}: {message}");
            assert_eq!(
                before.contents(),
                disk.contents(),
                "{what}: refused, and changed something"
            );
        }
    }
    let log = open_on(disk, Durability::Sync, Loss::Accepted);
    let log = log.unwrap_or_else(|error| panic!("{what}, repair: {error}"));
    let (records, failed) = readable(&log);
    assert!(failed.is_none(), "{what}: {failed:?}");
    let expected = whole
        .records
        .iter()
        .filter(|record| !lost.contains(&record.position));
    assert!(
        records.iter().eq(expected),
        "{what}: repair keeps {records:?}"
    );
    let identity = log.identity();
    assert_eq!(identity.id, whole.id, "{what}");
    assert!(lost.is_empty() || identity.epoch > 1, "{what}");
    assert!(
        log.end() >= whole.end,
        "{what}: positions would be used again"
    );
    let more = fill(&log, 100..103);
    drop(log);
    let log = open_on(disk, Durability::Sync, Loss::Refused);
    let log = log.unwrap_or_else(|error| panic!("{what}, after repair: {error}"));
    assert_eq!(log.identity(), identity, "{what}");
    let (again, failed) = readable(&log);
    assert!(
        failed.is_none() && again == [records, more].concat(),
        "{what}: {failed:?}"
    );
    drop(log);
    let (checked, damages) = try_check(disk, DATA.as_ref()).unwrap();
    assert!(damages.is_empty(), "{what}: {damages:?}");
    assert_eq!(checked.records, again.len() as u64, "{what}");
}

#[test]
fn flipped_bits_are_noticed_and_repair_keeps_every_other_record() {
    let whole = whole();
    for file in whole.files() {
        let length = whole.disk.content(&file).unwrap().len();
        for place in (0..length).step_by(step()) {
            let disk = whole.disk.copy();
            disk.spoil(&file, |content| content[place] ^= 1 << (place % 8));
            let what = format!("{}, byte {place} flipped", file.display());
            let lost = whole.lost(&file, disk.content(&file));
            let is_in_header = is_segment(&file) && place < 4096;
            let is_noticed = !lost.is_empty() || is_in_header || file.ends_with("identity");
            check(&whole, &disk, &lost, is_noticed, &what);
            if !lost.is_empty() || is_in_header {
                let kept = file.with_added_extension("damaged");
                let kept = disk.content(&kept).unwrap();
                assert_eq!(kept.len(), length, "{what}");
                assert_ne!(kept, whole.disk.content(&file).unwrap(), "{what}");
            }
        }
    }
}

#[test]
fn sectors_of_zeros_are_noticed_and_repair_keeps_every_other_record() {
    let whole = whole();
    for file in whole.files().iter().filter(|file| is_segment(file)) {
        let length = whole.disk.content(file).unwrap().len();
        for start in (4096..length).step_by(step()) {
            let end = length.min(start + 100);
            let disk = whole.disk.copy();
            disk.spoil(file, |content| content[start..end].fill(0));
            let lost = whole.lost(file, disk.content(file));
            let what = format!("{}, zeros from {start} to {end}", file.display());
            check(&whole, &disk, &lost, !lost.is_empty(), &what);
        }
    }
}

#[test]
fn files_cut_anywhere_are_noticed_and_repair_keeps_what_is_left() {
    let whole = whole();
    for file in whole.files() {
        let length = whole.disk.content(&file).unwrap().len();
        for cut in (0..length).step_by(step()) {
            let disk = whole.disk.copy();
            disk.spoil(&file, |content| content.truncate(cut));
            let lost = whole.lost(&file, disk.content(&file));
            let is_in_header = is_segment(&file) && cut < 4096;
            let is_noticed = !lost.is_empty() || is_in_header || file.ends_with("identity");
            let what = format!("{} cut after {cut} bytes", file.display());
            check(&whole, &disk, &lost, is_noticed, &what);
        }
    }
}

#[test]
fn files_that_are_deleted_are_noticed_and_repair_keeps_the_others() {
    let whole = whole();
    for file in whole.files() {
        let disk = whole.disk.copy();
        disk.delete(&file);
        let lost = whole.lost(&file, None);
        let is_noticed = is_segment(&file) || file.ends_with("identity");
        let what = format!("{} deleted", file.display());
        check(&whole, &disk, &lost, is_noticed, &what);
    }
}

#[test]
fn log_that_has_lost_all_its_segments_is_noticed_and_goes_on_behind_them() {
    let whole = whole();
    let disk = whole.disk.copy();
    let files = whole.files();
    files
        .iter()
        .filter(|file| is_segment(file))
        .for_each(|file| disk.delete(file));
    let all: Vec<_> = whole.records.iter().map(|record| record.position).collect();
    check(&whole, &disk, &all, true, "all segments deleted");
}

#[test]
fn segment_of_another_store_is_refused() {
    let (whole, other) = (whole(), whole());
    for file in whole.files().iter().filter(|file| is_segment(file)) {
        let disk = whole.disk.copy();
        let foreign = other.disk.content(file).unwrap();
        disk.spoil(file, |content| *content = foreign);
        let checked = try_check(&disk, DATA.as_ref());
        assert!(matches!(checked, Err(LogError::Foreign(_))), "{checked:?}");
        if let Ok(log) = open_on(&disk, Durability::Sync, Loss::Refused) {
            let (records, failed) = readable(&log);
            assert!(whole.records.starts_with(&records) && failed.is_some());
        }
    }
}
