//! A log on a simulated disk, with segments of a few records.

use std::{ops::ControlFlow, path::Path, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use mensageiro_server::{
    log::{
        BackedUp, Backup, Checked, Damage, FileLog, Keep, Log, LogError, Loss, Position, Settings,
        check,
    },
    options::Durability,
};

use super::simulated::SimulatedDisk;

pub const DATA: &str = "/data";
pub const STORE: &str = "store";
pub const SEGMENT_BYTES: u64 = 4096 + 450;

pub fn settings(disk: &SimulatedDisk, durability: Durability, loss: Loss) -> Settings {
    Settings {
        segment_bytes: SEGMENT_BYTES,
        disk: Arc::new(disk.clone()),
        ..Settings::new(durability, loss)
    }
}

pub fn open_on(
    disk: &SimulatedDisk,
    durability: Durability,
    loss: Loss,
) -> Result<FileLog, LogError> {
    open_in(disk, Path::new(DATA), durability, loss)
}

pub fn open_in(
    disk: &SimulatedDisk,
    data: &Path,
    durability: Durability,
    loss: Loss,
) -> Result<FileLog, LogError> {
    let settings = settings(disk, durability, loss);
    FileLog::open(&data.join(STORE), &settings, &mut |_| {
        ControlFlow::Continue(())
    })
}

pub fn payloads_of(log: &dyn Log, from: Position) -> Vec<Vec<u8>> {
    let records = log.read_from(from).unwrap();
    records.map(|record| record.unwrap().payload).collect()
}

pub fn try_backup(disk: &SimulatedDisk, to: &Path) -> Result<BackedUp, LogError> {
    let backup = Backup {
        data: Path::new(DATA),
        store: STORE,
        files: &["users.csv", "messages.csv"],
        folders: &[],
        to,
        disk: Arc::new(disk.clone()),
    };
    backup.run(&mut |_| ControlFlow::Continue(()))
}

pub fn try_check(disk: &SimulatedDisk, data: &Path) -> Result<(Checked, Vec<Damage>), LogError> {
    let mut damages = Vec::new();
    let checked = check(
        &data.join(STORE),
        Arc::new(disk.clone()),
        &mut |_, _| Ok(()),
        &mut |damage| damages.push(damage),
        &mut |_| ControlFlow::Continue(()),
    )?;
    assert_eq!(checked.damages, damages.len() as u64);
    Ok((checked, damages))
}

/// Drops what is before a position: to the clock, all of it is old.
pub fn drop_before(log: &FileLog, before: Position) -> Result<u64, LogError> {
    log.drop_old(&Keep {
        now: Timestamp::from_second(2_000_000_000).unwrap(),
        keep: SignedDuration::from_hours(1),
        before,
        time_of: &|_| Some(Timestamp::UNIX_EPOCH),
    })
}
