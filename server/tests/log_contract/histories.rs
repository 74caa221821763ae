//! Random histories of appending, ending in any way, losing power, failing calls and dropping, compared with a model.
//! `MENSAGEIRO_LOG_HISTORIES` says how many.

use std::{collections::HashMap, env};

use mensageiro_server::{
    log::{FileLog, Log, Loss, Part, Position, Record},
    options::Durability,
};

use super::{
    on_disk::{DATA, drop_before, open_on, try_check},
    simulated::{Chance, Fault, SimulatedDisk},
};

fn histories() -> u64 {
    let asked = env::var("MENSAGEIRO_LOG_HISTORIES").ok();
    asked.map_or(100, |count| count.parse().unwrap())
}

/// What the log should hold.
#[derive(Debug, Default)]
struct Model {
    records: Vec<(Position, Vec<u8>)>,
    doubtful: Option<Vec<u8>>,
    /// Records that begin before this may have been dropped.
    droppable: Position,
    number: u32,
    /// The first record that was appended without waiting for the disk and may be lost.
    unsure: usize,
}

impl Model {
    /// No two payloads are the same.
    fn payload(&mut self, chance: &mut Chance) -> Vec<u8> {
        self.number += 1;
        let length = match chance.below(10) {
            0 => 400 + chance.below(2000),
            _ => 1 + chance.below(120),
        };
        let mut payload = self.number.to_be_bytes().to_vec();
        payload.resize(4 + length, chance.below(256) as u8);
        payload
    }

    /// Compares the log with what it should hold, and goes on from what it holds.
    fn check(&mut self, log: &FileLog, what: &str) {
        let found = log.read_from(Position::START).unwrap();
        let found: Vec<Record> = found.map(Result::unwrap).collect();
        assert!(
            found.is_sorted_by(|one, other| one.next <= other.position),
            "{what}"
        );
        assert!(
            found.last().is_none_or(|last| last.next <= log.end()),
            "{what}"
        );
        let there: HashMap<_, _> = found
            .iter()
            .map(|record| (record.position, &record.payload))
            .collect();
        for (index, (position, payload)) in self.records.iter().enumerate() {
            let is_there = there.get(position) == Some(&payload);
            let is_lost = index >= self.unsure || *position < self.droppable;
            assert!(
                is_there || is_lost,
                "{what}: record {index} at {position:?} is lost"
            );
            assert!(
                is_there || !there.contains_key(position),
                "{what}: record {index} differs"
            );
        }
        let known: HashMap<_, _> = self
            .records
            .iter()
            .map(|(at, payload)| (*at, payload))
            .collect();
        for record in &found {
            let is_known = known.get(&record.position) == Some(&&record.payload)
                || Some(&record.payload) == self.doubtful.as_ref();
            assert!(
                is_known,
                "{what}: a record of nobody at {:?}",
                record.position
            );
        }
        let records = found
            .into_iter()
            .map(|record| (record.position, record.payload));
        self.records = records.collect();
        self.doubtful = None;
    }
}

/// One program's life; says whether it could open the log.
fn live(
    disk: &SimulatedDisk,
    model: &mut Model,
    durability: Durability,
    chance: &mut Chance,
    what: &str,
) -> bool {
    let log = match open_on(disk, durability, Loss::Refused) {
        Ok(log) => log,
        Err(error) => {
            let is_meant = disk.is_stopped() || disk.has_failed();
            assert!(is_meant, "{what}: {error}");
            return false;
        }
    };
    model.check(&log, what);
    model.unsure = match durability {
        Durability::Sync => usize::MAX,
        Durability::Relaxed => 0,
    };
    for _ in 0..chance.below(25) {
        match chance.below(12) {
            0 if !model.records.is_empty() => {
                let index = chance.below(model.records.len());
                model.droppable = model.droppable.max(model.records[index].0);
                if drop_before(&log, model.droppable).is_err() {
                    return true;
                }
            }
            1 if !model.records.is_empty() => {
                let (position, payload) = &model.records[chance.below(model.records.len())];
                let part = Part {
                    offset: 2,
                    length: chance.below(payload.len() - 2) as u32,
                };
                match log.read_part(*position, part) {
                    Ok(found) => assert_eq!(found, payload[part.range()], "{what}"),
                    Err(_) => assert!(*position < model.droppable, "{what}"),
                }
            }
            _ => {
                let payload = model.payload(chance);
                model.doubtful = Some(payload.clone());
                let Ok(appended) = log.append(&payload) else {
                    return true;
                };
                model.doubtful = None;
                model.records.push((appended.position, payload));
            }
        }
    }
    true
}

fn history(seed: u64, durability: Durability) {
    let mut chance = Chance::new(seed);
    let disk = SimulatedDisk::default();
    let mut model = Model::default();
    for life in 0..3 + chance.below(5) {
        let at = chance.below(60) as u64;
        disk.set_fault(match chance.below(3) {
            0 => None,
            1 => Some(Fault::Failure(at)),
            _ => Some(Fault::Stop(at)),
        });
        let what = format!("history {seed} ({durability:?}), life {life}");
        let was_opened = live(&disk, &mut model, durability, &mut chance, &what);
        disk.restart();
        match chance.below(3) {
            0 => {
                disk.cut_power(&mut chance);
                if durability == Durability::Relaxed {
                    model.unsure = 0;
                }
            }
            // Without a power cut nothing is lost, whatever an append waited for.
            _ if was_opened && !disk.has_failed() => {
                model.unsure = usize::MAX;
            }
            _ => {}
        }
    }
    let what = format!("history {seed} ({durability:?}), at its end");
    let log = open_on(&disk, durability, Loss::Refused);
    model.check(
        &log.unwrap_or_else(|error| panic!("{what}: {error}")),
        &what,
    );
    let (_, damages) = try_check(&disk, DATA.as_ref()).unwrap();
    assert_eq!(damages, [], "{what}");
}

#[test]
fn histories_with_crashes_power_cuts_and_failures_keep_everything_acknowledged() {
    (0..histories()).for_each(|seed| history(seed, Durability::Sync));
}

#[test]
fn histories_without_syncs_lose_nothing_but_what_a_power_cut_takes() {
    (0..histories()).for_each(|seed| history(seed, Durability::Relaxed));
}
