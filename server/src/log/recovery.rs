//! Opens a log: compares it with what was acknowledged, and reads the last segment to its end.
//!
//! Incomplete records at the end, which a crash has left and which were never acknowledged, are cut off. Everything else
//! that cannot be read was damaged later: the log does not open, or continues without it when loss is accepted. Nothing is
//! changed before that is decided, and every later step can be interrupted and repeated.

use tracing::warn;

use super::{
    Durability, Identity, LogError, Loss, Position, Progress, Settings,
    acknowledged::{Acknowledged, Ends},
    disk::{Access, Lock},
    folder::{Folder, io_error, offset},
    identity::{Found, IdentityFile},
    record::RECORD_HEADER,
    repair,
    segment::{BadHeader, SEGMENT_HEADER, SegmentHeader},
    survey::{Damage, Meter, Survey, survey},
    writer::{State, Writer},
};

/// A log that is ready to be used.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) identity: Identity,
    pub(super) bases: Vec<u64>,
    pub(super) writer: Writer,
    pub(super) lock: Box<dyn Lock>,
}

/// What will be done with a log; made before anything is changed.
#[derive(Debug)]
struct Plan {
    file: IdentityFile,
    /// The file must be written.
    is_file_new: bool,
    /// Something acknowledged may be missing, so the epoch rises.
    is_other_history: bool,
    /// Segments that should have been dropped.
    dropped: Vec<u64>,
    bases: Vec<u64>,
    /// The store was last used by a program of an earlier format.
    is_older: bool,
    /// Segments to be rewritten, with their damages.
    damaged: Vec<(u64, Survey)>,
    /// The positions up to which everything was acknowledged and synced.
    ends: Ends,
    /// The position of the next record.
    end: u64,
    /// A crash has left something after the end.
    is_torn: bool,
}

pub(super) fn open(
    folder: &Folder,
    settings: &Settings,
    progress: &mut Progress<'_>,
) -> Result<Recovered, LogError> {
    let made = folder.disk.create_folder(&folder.log);
    made.map_err(io_error(&folder.log))?;
    let lock = folder.lock()?;
    let found = IdentityFile::read(&*folder.disk, &folder.store);
    let found = found.map_err(io_error(&folder.store))?;
    let mut plan = match (found, folder.bases()?) {
        (Found::Newer(by), _) => {
            let file = IdentityFile::path(&folder.store);
            return Err(LogError::Newer { file, by });
        }
        (found, bases) if bases.is_empty() => without_segments(folder, found, settings.loss)?,
        (found, bases) => with_segments(folder, found, bases)?,
    };
    look(folder, settings, &mut plan, progress)?;
    folder.remove_unfinished()?;
    let writer = carry_out(folder, settings, &mut plan)?;
    Ok(Recovered {
        identity: plan.file.identity,
        bases: plan.bases,
        writer,
        lock,
    })
}

/// The plan for a new log, or for one that has lost all its segments.
fn without_segments(folder: &Folder, found: Found, loss: Loss) -> Result<Plan, LogError> {
    if found != Found::Missing && loss == Loss::Refused {
        return Err(LogError::Damaged {
            file: folder.log.clone(),
            offset: 0,
            reason: "all segments of the log are missing".into(),
        });
    }
    let (identity, base) = match found {
        Found::File(file) => {
            let ends = ends(folder, &file.identity)?;
            (file.identity, ends.acknowledged.max(file.start))
        }
        _ => {
            let identity = Identity::random();
            (identity.map_err(io_error(&folder.store))?, 0)
        }
    };
    let header = SegmentHeader { base, identity };
    let made = header.create(&*folder.disk, &folder.log);
    made.map_err(io_error(&folder.segment(base)))?;
    folder.sync_above()?;
    let mut plan = Plan::new(identity, base, vec![base]);
    plan.is_other_history = found != Found::Missing;
    Ok(plan)
}

/// The plan so far: the store that the segments belong to, and where they begin.
fn with_segments(folder: &Folder, found: Found, bases: Vec<u64>) -> Result<Plan, LogError> {
    let header = newest_header(folder, &bases)?;
    let Found::File(file) = found else {
        let Some(header) = header else {
            return Err(LogError::Damaged {
                file: IdentityFile::path(&folder.store),
                offset: 0,
                reason: "neither this file nor the header of any segment can be read".into(),
            });
        };
        // It is no loss only if the log was just being created.
        let is_new = found == Found::Missing && is_empty(folder, &bases)?;
        let mut plan = Plan::new(header.identity, bases[0], bases);
        plan.is_other_history = !is_new;
        if !is_new {
            let file = IdentityFile::path(&folder.store);
            warn!("{}: missing or damaged; made anew", file.display());
        }
        return Ok(plan);
    };
    let mut identity = file.identity;
    if let Some(header) = header {
        if header.identity.id != identity.id {
            return Err(LogError::Foreign(folder.segment(header.base)));
        }
        identity.epoch = identity.epoch.max(header.identity.epoch);
    }
    let kept = bases.iter().position(|&base| base >= file.start);
    let (dropped, bases) = match kept {
        Some(kept) if bases[kept] == file.start => bases.split_at(kept),
        _ => bases.split_at(0),
    };
    let mut plan = Plan::new(identity, file.start, bases.to_vec());
    plan.dropped = dropped.to_vec();
    plan.is_older = file.is_older;
    plan.is_file_new = identity != file.identity || file.is_older;
    plan.is_other_history = file.is_backup;
    Ok(plan)
}

/// The header of the newest segment whose header can be read.
fn newest_header(folder: &Folder, bases: &[u64]) -> Result<Option<SegmentHeader>, LogError> {
    for &base in bases.iter().rev() {
        let file = folder.open(base, Access::Read)?;
        match folder.header(base, &*file)? {
            Ok(header) => return Ok(Some(header)),
            Err(BadHeader::Damaged) => {}
            Err(BadHeader::Newer(by)) => {
                let file = folder.segment(base);
                return Err(LogError::Newer { file, by });
            }
        }
    }
    Ok(None)
}

fn is_empty(folder: &Folder, bases: &[u64]) -> Result<bool, LogError> {
    let length = length(folder, bases[0])?;
    Ok(bases.len() == 1 && bases[0] == 0 && length == SEGMENT_HEADER)
}

fn length(folder: &Folder, base: u64) -> Result<u64, LogError> {
    let file = folder.open(base, Access::Read)?;
    file.length().map_err(io_error(&folder.segment(base)))
}

fn ends(folder: &Folder, identity: &Identity) -> Result<Ends, LogError> {
    let read = Acknowledged::read(&*folder.disk, &folder.log, identity);
    Ok(read.map_err(io_error(&folder.log))?.unwrap_or_default())
}

/// Looks for damage in the last segment, and in all segments if loss is accepted.
fn look(
    folder: &Folder,
    settings: &Settings,
    plan: &mut Plan,
    progress: &mut Progress<'_>,
) -> Result<(), LogError> {
    let first = plan.bases[0];
    if plan.file.start < first {
        let error = LogError::Lost {
            file: folder.log.clone(),
            offset: plan.file.start,
            missing: first - plan.file.start,
        };
        plan.accept(settings.loss == Loss::Accepted, error)?;
    }
    if plan.file.start != first {
        plan.file.start = first;
        plan.is_file_new = true;
    }
    let mut lengths = Vec::new();
    for &base in &plan.bases {
        lengths.push(length(folder, base)?);
    }
    let identity = plan.file.identity;
    let reads_all = settings.loss == Loss::Accepted;
    let total = match reads_all {
        true => lengths.iter().sum(),
        false => lengths.last().copied().unwrap_or_default(),
    };
    let mut meter = Meter::new(total, progress);
    let bases = plan.bases.clone();
    for (pair, &length) in bases.windows(2).zip(&lengths) {
        // The others are verified when they are read, but each must have the length with which it was sealed.
        if !reads_all && length == offset(pair[0], pair[1]) {
            continue;
        }
        let segment = (pair[0], Some(pair[1]));
        let found = survey(folder, &identity, segment, &mut meter, &mut |_, _| Ok(()))?;
        for damage in &found.damages {
            plan.accept(reads_all, damage.into())?;
        }
        if !found.damages.is_empty() {
            plan.damaged.push((pair[0], found));
        }
    }
    look_at_last(folder, settings, plan, &mut meter)
}

fn look_at_last(
    folder: &Folder,
    settings: &Settings,
    plan: &mut Plan,
    meter: &mut Meter<'_, '_>,
) -> Result<(), LogError> {
    let is_accepted = settings.loss == Loss::Accepted || settings.durability == Durability::Relaxed;
    let identity = plan.file.identity;
    let base = plan.bases[plan.bases.len() - 1];
    plan.ends = ends(folder, &identity)?;
    let acknowledged = plan.ends.acknowledged.max(settings.reached.0);
    let mut found = survey(folder, &identity, (base, None), meter, &mut |_, _| Ok(()))?;
    for damage in &found.damages {
        plan.accept(is_accepted, damage.into())?;
    }
    plan.end = found.end;
    plan.is_torn = found.torn.is_some();
    if found.end < acknowledged {
        let (file, at) = (folder.segment(base), offset(base, found.end));
        let error = match found.torn {
            Some(reason) => LogError::Damaged {
                file: file.clone(),
                offset: at,
                reason: reason.into(),
            },
            None => LogError::Lost {
                file: file.clone(),
                offset: at,
                missing: acknowledged - found.end,
            },
        };
        plan.accept(is_accepted, error)?;
        // Positions are never reused.
        plan.end = acknowledged.max(found.end + RECORD_HEADER as u64);
        found.damages.push(Damage {
            file,
            offset: at,
            positions: Position(found.end)..Position(plan.end),
            reason: String::new(),
        });
    }
    if !found.damages.is_empty() {
        plan.damaged.push((base, found));
    }
    Ok(())
}

/// Carries out the plan.
fn carry_out(folder: &Folder, settings: &Settings, plan: &mut Plan) -> Result<Writer, LogError> {
    // The epoch rises first: after an interruption it rises once more, which does no harm.
    if plan.is_other_history {
        plan.file.identity = plan.file.identity.raised();
    }
    let identity = plan.file.identity;
    // An earlier run may have been interrupted before its renames were synced.
    for part in [&folder.log, &folder.store] {
        let synced = folder.disk.sync_folder(part);
        synced.map_err(io_error(part))?;
    }
    if plan.is_other_history || plan.is_file_new {
        let written = plan.file.write(&*folder.disk, &folder.store);
        written.map_err(io_error(&IdentityFile::path(&folder.store)))?;
    }
    let base = plan.bases[plan.bases.len() - 1];
    for (damaged, survey) in &plan.damaged {
        let next = plan.bases.iter().copied().find(|base| base > damaged);
        let lost = survey.damages.iter().map(|damage| &damage.positions);
        let lost = lost.filter(|lost| !lost.is_empty());
        let gaps: Vec<_> = lost.map(|lost| lost.start.0..lost.end.0).collect();
        repair::rewrite(folder, identity, *damaged, next.unwrap_or(plan.end), &gaps)?;
    }
    for &base in &plan.dropped {
        let file = folder.segment(base);
        folder.disk.remove(&file).map_err(io_error(&file))?;
    }
    let mut writer = open_last(folder, settings, plan, base)?;
    let header = folder.header(base, &*writer.file)?;
    if header.map(|header| header.identity) != Ok(identity) || plan.is_older {
        // Each epoch begins with a new segment, so that the epoch is in more than one file. So does each format.
        writer.rotate(folder, identity)?;
        if writer.base != base {
            plan.bases.push(writer.base);
        }
    }
    Ok(writer)
}

/// Opens the last segment for appending.
fn open_last(
    folder: &Folder,
    settings: &Settings,
    plan: &Plan,
    base: u64,
) -> Result<Writer, LogError> {
    let path = folder.segment(base);
    let file = folder.open(base, Access::Write)?;
    let end = offset(base, plan.end);
    if plan.is_torn && plan.damaged.iter().all(|(damaged, _)| *damaged != base) {
        file.set_length(end).map_err(io_error(&path))?;
    }
    let length = file.length().map_err(io_error(&path))?;
    // After a failed sync the system may show data that it never writes to the disk. So data that may not be on the disk
    // is written once more before it counts.
    let synced = plan.ends.synced.clamp(base, plan.end);
    let unsure = offset(base, synced)..end;
    repair::copy(&*file, &*file, unsure).map_err(io_error(&path))?;
    let mut ends = Ends {
        acknowledged: plan.end,
        synced,
    };
    if settings.durability == Durability::Sync {
        file.sync().map_err(io_error(&path))?;
        ends.synced = plan.end;
    }
    let acknowledged = Acknowledged::open(&*folder.disk, &folder.log, &plan.file.identity);
    let acknowledged = acknowledged.map_err(io_error(&folder.log))?;
    acknowledged.write(ends).map_err(io_error(&folder.log))?;
    Ok(Writer {
        file,
        base,
        end: plan.end,
        synced: ends.synced,
        length,
        acknowledged,
        durability: settings.durability,
        segment_bytes: settings.segment_bytes,
        state: State::Open,
        buffer: Vec::new(),
    })
}

impl Plan {
    fn new(identity: Identity, start: u64, bases: Vec<u64>) -> Self {
        Self {
            file: IdentityFile {
                identity,
                is_backup: false,
                start,
                is_older: false,
            },
            is_older: false,
            is_file_new: true,
            is_other_history: false,
            dropped: Vec::new(),
            bases,
            damaged: Vec::new(),
            ends: Ends::default(),
            end: 0,
            is_torn: false,
        }
    }

    /// Continues without something if loss is accepted, otherwise fails with `error`.
    fn accept(&mut self, is_accepted: bool, error: LogError) -> Result<(), LogError> {
        if !is_accepted {
            return Err(error);
        }
        self.is_other_history = true;
        match error {
            LogError::Damaged {
                file,
                offset,
                reason,
            } => {
                let file = file.display();
                warn!("{file}: damaged at byte {offset}: {reason}; going on without it");
            }
            LogError::Lost {
                file,
                offset,
                missing,
            } => {
                let file = file.display();
                warn!(
                    "{file}: {missing} bytes are missing after byte {offset}; going on without them"
                );
            }
            other => return Err(other),
        }
        Ok(())
    }
}
