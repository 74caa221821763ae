//! What every [`Log`] must do. Another implementation passes it by one more line in `every_log`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod crashes;
mod damage;
mod histories;
mod interrupted;
mod late;
mod on_disk;
mod operations;
mod simulated;

use std::{ops::ControlFlow, path::Path, sync::Arc, thread};

use late::LateLog;
use mensageiro_server::{
    log::{
        Appended, FileLog, Log, LogError, Loss, MAX_PAYLOAD, MemoryLog, Part, Position, Record,
        Settings,
    },
    options::Durability,
};

fn open(folder: &Path, segment_bytes: u64) -> FileLog {
    let mut settings = Settings::new(Durability::Sync, Loss::Refused);
    settings.segment_bytes = segment_bytes;
    FileLog::open(folder, &settings, &mut |_| ControlFlow::Continue(())).unwrap()
}

/// Each implementation, empty. A file's segments are so short that they change often.
fn every_log(check: impl Fn(Arc<dyn Log>)) {
    let folder = tempfile::tempdir().unwrap();
    check(Arc::new(open(&folder.path().join("short"), 4096 + 300)));
    check(Arc::new(open(&folder.path().join("long"), 1 << 30)));
    check(Arc::new(MemoryLog::default()));
    check(Arc::new(LateLog::start()));
}

fn payload(number: usize) -> Vec<u8> {
    let length = 1 + number * 37 % 200;
    (0..length).map(|index| (number + index) as u8).collect()
}

fn fill(log: &dyn Log, numbers: std::ops::Range<usize>) -> Vec<Record> {
    let records = numbers.map(|number| {
        let payload = payload(number);
        let Appended { position, next } = log.append(&payload).unwrap();
        Record {
            position,
            next,
            payload,
        }
    });
    records.collect()
}

fn read(log: &dyn Log, from: Position) -> Vec<Record> {
    let records = log.read_from(from).unwrap();
    // What lies between records belongs to the record before it, or the one behind it.
    records.map(Result::unwrap).collect()
}

fn payloads(records: &[Record]) -> Vec<&[u8]> {
    records.iter().map(|record| &*record.payload).collect()
}

#[test]
fn log_in_files_is_found_again_with_its_identity() {
    let folder = tempfile::tempdir().unwrap();
    let (mut expected, mut identity) = (Vec::new(), None);
    for number in 0..9 {
        let log = open(folder.path(), 4096 + 500);
        assert_eq!(*identity.get_or_insert(log.identity()), log.identity());
        assert_eq!(read(&log, Position::START), expected);
        expected.extend(fill(&log, number * 7..number * 7 + 7));
    }
    assert_eq!(identity.unwrap().epoch, 1);
}

#[test]
fn log_in_files_is_opened_once_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), 1 << 20);
    let settings = Settings::new(Durability::Sync, Loss::Refused);
    let again = || FileLog::open(folder.path(), &settings, &mut |_| ControlFlow::Continue(()));
    assert!(matches!(again(), Err(LogError::InUse(_))));
    drop(log);
    assert!(again().is_ok());
}

#[test]
fn empty_log_has_no_records() {
    every_log(|log| {
        assert_eq!(read(&*log, Position::START), []);
        assert_eq!(read(&*log, log.end()), []);
        assert_eq!(log.start(), Position::START);
    });
}

#[test]
fn records_are_read_as_they_were_appended_with_rising_positions() {
    every_log(|log| {
        let appended = fill(&*log, 0..60);
        let found = read(&*log, Position::START);
        assert_eq!(payloads(&found), payloads(&appended));
        for (found, appended) in found.iter().zip(&appended) {
            assert_eq!(found.position, appended.position);
            assert!(found.position < found.next && found.next <= log.end());
        }
        assert!(found.is_sorted_by(|one, other| one.next <= other.position));
    });
}

#[test]
fn reading_goes_on_from_the_next_of_any_record_and_of_any_append() {
    every_log(|log| {
        let appended = fill(&*log, 0..40);
        let found = read(&*log, Position::START);
        for (index, (found, appended)) in found.iter().zip(&appended).enumerate() {
            for next in [found.next, appended.next] {
                let rest = read(&*log, next);
                assert!(
                    rest.iter()
                        .map(|record| &record.payload)
                        .eq((index + 1..40).map(payload).collect::<Vec<_>>().iter())
                );
            }
        }
        assert_eq!(payloads(&read(&*log, appended[7].position))[0], payload(7));
    });
}

#[test]
fn records_that_come_later_are_not_among_those_read_before() {
    every_log(|log| {
        fill(&*log, 0..5);
        let records = log.read_from(Position::START).unwrap();
        fill(&*log, 5..50);
        assert_eq!(records.count(), 5);
        assert_eq!(read(&*log, Position::START).len(), 50);
    });
}

#[test]
fn parts_of_a_record_are_read_alone() {
    every_log(|log| {
        let appended = fill(&*log, 0..50);
        for record in &appended {
            let length = record.payload.len() as u32;
            for (from, to) in [(0, length), (length / 2, length), (length / 3, length / 2)] {
                let part = Part {
                    offset: from,
                    length: to - from,
                };
                let found = log.read_part(record.position, part).unwrap();
                assert_eq!(found, record.payload[part.range()]);
            }
        }
    });
}

#[test]
fn what_is_not_there_is_missing() {
    every_log(|log| {
        let appended = fill(&*log, 0..9);
        let part = |offset, length| Part { offset, length };
        let is_missing = |found| matches!(found, Err(LogError::Missing(_)));
        let length = appended[3].payload.len() as u32;
        let position = appended[3].position;
        assert!(is_missing(log.read_part(position, part(0, length + 1))));
        assert!(is_missing(
            log.read_part(position, part(u32::MAX, u32::MAX))
        ));
        let far = Position(log.end().0 + 1000);
        for position in [log.end(), far, Position(u64::MAX)] {
            assert!(is_missing(log.read_part(position, part(0, 1))));
        }
        assert!(matches!(log.read_from(far), Err(LogError::Missing(_))));
    });
}

#[test]
fn records_of_no_bytes_and_of_too_many_are_refused_and_change_nothing() {
    every_log(|log| {
        fill(&*log, 0..3);
        let end = log.end();
        assert!(matches!(log.append(&[]), Err(LogError::Length(0))));
        let too_long = vec![0; MAX_PAYLOAD + 1];
        assert!(matches!(log.append(&too_long), Err(LogError::Length(_))));
        assert_eq!(log.end(), end);
        fill(&*log, 3..6);
        assert_eq!(read(&*log, Position::START).len(), 6);
    });
}

#[test]
fn long_records_are_read_whole() {
    every_log(|log| {
        let long: Vec<_> = (0..3_000_000_u32).map(|byte| byte as u8).collect();
        fill(&*log, 0..2);
        let appended = log.append(&long).unwrap();
        fill(&*log, 2..4);
        let found = read(&*log, appended.position);
        assert_eq!(found.len(), 3);
        assert!(found[0].payload == long);
        let part = Part {
            offset: 2_999_990,
            length: 10,
        };
        let part = log.read_part(appended.position, part).unwrap();
        assert_eq!(part, long[2_999_990..]);
    });
}

#[test]
fn many_threads_append_and_every_reader_sees_the_same_order() {
    every_log(|log| {
        let writers = (0..4_usize).map(|writer| {
            let log = log.clone();
            thread::spawn(move || {
                let append = |number| log.append(&payload(writer * 1000 + number)).unwrap();
                (0..50).map(append).collect::<Vec<_>>()
            })
        });
        let writers: Vec<_> = writers.collect();
        // Reads on and on, each time from where it has come to.
        let (mut seen, mut at) = (Vec::new(), Position::START);
        while seen.len() < 200 {
            for record in log.read_from(at).unwrap() {
                let record = record.unwrap();
                at = record.next;
                seen.push(record);
            }
            thread::yield_now();
        }
        assert_eq!(seen, read(&*log, Position::START));
        for (writer, appended) in writers.into_iter().enumerate() {
            for (number, Appended { position, .. }) in appended.join().unwrap().iter().enumerate() {
                let found = seen.iter().find(|record| record.position == *position);
                assert_eq!(found.unwrap().payload, payload(writer * 1000 + number));
            }
        }
    });
}
