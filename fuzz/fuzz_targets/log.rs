//! A log whose files were changed anywhere gives no wrong record, and goes on with repair.
#![no_main]

#[allow(dead_code)]
#[path = "../../server/tests/log_contract/simulated.rs"]
mod simulated;

use std::{
    ops::ControlFlow,
    path::Path,
    sync::{Arc, OnceLock},
};

use libfuzzer_sys::fuzz_target;
use mensageiro_server::log::{
    Durability, FileLog, Log, LogError, Loss, Position, Record, Settings, check,
};
use simulated::SimulatedDisk;

const STORE: &str = "/data/store";

struct Whole {
    disk: SimulatedDisk,
    records: Vec<Record>,
}

fn open(disk: &SimulatedDisk, loss: Loss) -> Result<FileLog, LogError> {
    let mut settings = Settings::new(Durability::Sync, loss);
    settings.segment_bytes = 4096 + 450;
    settings.disk = Arc::new(disk.clone());
    FileLog::open(Path::new(STORE), &settings, &mut |_| {
        ControlFlow::Continue(())
    })
}

fn whole() -> Whole {
    let disk = SimulatedDisk::default();
    let log = open(&disk, Loss::Refused).unwrap();
    for number in 0..16_u8 {
        let length = 1 + usize::from(number) * 37 % 200;
        log.append(&vec![number | 0x40; length]).unwrap();
    }
    let records = log.read_from(Position::START).unwrap();
    let records = records.map(Result::unwrap).collect();
    drop(log);
    Whole { disk, records }
}

/// Changes a file as five bytes say: which file, how, where, with what.
fn spoil(disk: &SimulatedDisk, change: &[u8; 5]) {
    let files = disk.paths();
    let &[file, how, high, low, value] = change;
    let file = &files[usize::from(file) % files.len()];
    disk.spoil(file, |content| {
        let at = usize::from(u16::from_be_bytes([high, low])) % content.len().max(1);
        let end = content.len().min(at + usize::from(value));
        match how % 4 {
            0 if at < content.len() => content[at] ^= value,
            1 => content.truncate(at),
            2 => content[at.min(end)..end].fill(0),
            _ => content.resize(end + usize::from(value), value),
        }
    });
}

/// Everything up to the first error; nothing else than what was appended.
fn read(log: &FileLog, whole: &Whole) -> (Vec<Record>, bool) {
    let mut found = Vec::new();
    for record in log.read_from(log.start()).unwrap() {
        let Ok(record) = record else {
            return (found, false);
        };
        assert!(whole.records.contains(&record), "a wrong record");
        found.push(record);
    }
    assert!(found.is_sorted_by(|one, other| one.next <= other.position));
    (found, true)
}

fuzz_target!(|data: &[u8]| {
    static WHOLE: OnceLock<Whole> = OnceLock::new();
    let whole = WHOLE.get_or_init(whole);
    let disk = whole.disk.copy();
    let changes = data.as_chunks().0;
    changes.iter().for_each(|change| spoil(&disk, change));
    // What a crash may have left at the end is cut, if the note of what was acknowledged is gone as well.
    let note = Path::new(STORE).join("log/acknowledged");
    let is_note_gone = disk.content(&note) != whole.disk.content(&note);
    let mut damages = 0;
    let checked = check(
        Path::new(STORE),
        Arc::new(disk.clone()),
        &mut |_, _| Ok(()),
        &mut |_| damages += 1,
        &mut |_| ControlFlow::Continue(()),
    );
    if let Ok(log) = open(&disk, Loss::Refused) {
        let (found, is_whole) = read(&log, whole);
        let is_noticed = checked.is_err() || damages > 0;
        assert!(is_noticed || is_note_gone || (is_whole && found == whole.records));
    }
    let Ok(log) = open(&disk, Loss::Accepted) else {
        return;
    };
    let (found, is_whole) = read(&log, whole);
    assert!(is_whole, "something is damaged after repair");
    let appended = log.append(b"after repair").unwrap();
    drop(log);
    let log = open(&disk, Loss::Refused).unwrap();
    let again = log.read_from(log.start()).unwrap();
    let again: Vec<_> = again.map(Result::unwrap).collect();
    let (last, again) = again.split_last().unwrap();
    assert!(again == found && last.position == appended.position);
});
