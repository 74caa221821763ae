//! Finds the damages of a segment.

use std::{ops::Range, path::PathBuf};

use super::{
    Done, Identity, LogError, Position, Progress,
    disk::{Access, DiskFile},
    folder::{Folder, io_error, offset},
    record::{Scan, Seed, Step},
    segment::{BadHeader, SEGMENT_HEADER},
};

/// A damaged part of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The segment's file.
    pub file: PathBuf,
    /// The offset of its beginning in the file, in bytes.
    pub offset: u64,
    /// The positions that cannot be read; empty if no record is lost.
    pub positions: Range<Position>,
    /// What is wrong there.
    pub reason: String,
}

impl Damage {
    pub(super) fn at(file: PathBuf, offset: u64, reason: &str) -> Self {
        Self {
            file,
            offset,
            positions: Position::START..Position::START,
            reason: reason.into(),
        }
    }
}

/// The result for one segment.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) damages: Vec<Damage>,
    /// Where its last record ends.
    pub(super) end: u64,
    /// What follows the last record, if it is not only zeros. Only for the last segment.
    pub(super) torn: Option<&'static str>,
}

/// Counts processed bytes and reports progress.
pub(super) struct Meter<'a, 'b> {
    done: Done,
    progress: &'a mut Progress<'b>,
}

/// Called with each record and its position; an error says what is wrong with the record.
pub type Visit<'a> = dyn FnMut(Position, &[u8]) -> Result<(), String> + 'a;

impl From<&Damage> for LogError {
    fn from(damage: &Damage) -> Self {
        Self::Damaged {
            file: damage.file.clone(),
            offset: damage.offset,
            reason: damage.reason.clone(),
        }
    }
}

impl<'a, 'b> Meter<'a, 'b> {
    /// A meter for about so many bytes in total.
    pub(super) fn new(total: u64, progress: &'a mut Progress<'b>) -> Self {
        let done = Done { bytes: 0, total };
        Self { done, progress }
    }

    /// Counts processed bytes.
    ///
    /// # Errors
    /// [`LogError::Cancelled`] when the caller cancels the task.
    pub(super) fn advance(&mut self, bytes: u64) -> Result<(), LogError> {
        self.done.bytes += bytes;
        self.done.total = self.done.total.max(self.done.bytes);
        match (self.progress)(self.done).is_continue() {
            true => Ok(()),
            false => Err(LogError::Cancelled),
        }
    }
}

/// What is wrong with the header of a segment; `None` if it is intact.
///
/// # Errors
/// When the segment belongs to another store or has a newer format.
pub(super) fn header_damage(
    folder: &Folder,
    identity: &Identity,
    base: u64,
    file: &dyn DiskFile,
) -> Result<Option<&'static str>, LogError> {
    match folder.header(base, file)? {
        Ok(header) if header.identity.id == identity.id => Ok(None),
        Ok(_) => Err(LogError::Foreign(folder.segment(base))),
        Err(BadHeader::Damaged) => Ok(Some("the header of the segment cannot be read")),
        Err(BadHeader::Newer(by)) => Err(LogError::Newer {
            file: folder.segment(base),
            by,
        }),
    }
}

/// Reads the whole segment that begins at `base`. `next` is where the next segment begins; `None` if this is the last.
///
/// # Errors
/// When the disk fails, or the segment belongs to another log.
pub(super) fn survey(
    folder: &Folder,
    identity: &Identity,
    (base, next): (u64, Option<u64>),
    meter: &mut Meter<'_, '_>,
    visit: &mut Visit<'_>,
) -> Result<Survey, LogError> {
    let path = folder.segment(base);
    let damage = |positions: Range<u64>, reason: &str| Damage {
        positions: Position(positions.start)..Position(positions.end),
        ..Damage::at(path.clone(), offset(base, positions.start), reason)
    };
    let file = folder.open(base, Access::Read)?;
    let length = file.length().map_err(io_error(&path))?;
    let mut survey = Survey {
        damages: Vec::new(),
        end: base,
        torn: None,
    };
    if let Some(reason) = header_damage(folder, identity, base, &*file)? {
        survey.damages.push(Damage {
            offset: 0,
            ..damage(base..base, reason)
        });
    }
    let file_end = base + length.saturating_sub(SEGMENT_HEADER);
    let limit = next.map_or(file_end, |next| next.min(file_end));
    let mut scan = Scan::new(file, Seed::of(identity), base, base..limit);
    loop {
        let at = scan.at();
        match scan.step().map_err(io_error(&path))? {
            Step::Record {
                position,
                next,
                payload,
            } => {
                if let Err(reason) = visit(Position(position), payload) {
                    survey.damages.push(damage(position..next, &reason));
                }
                survey.end = next;
            }
            Step::Gap { next } => survey.end = next,
            Step::End => break,
            Step::Bad(reason) => {
                let mut rest = scan.through(at..limit);
                if rest.is_rest_zero().map_err(io_error(&path))? {
                    break;
                }
                if !scan.resume().map_err(io_error(&path))? {
                    survey.torn = Some(reason);
                    break;
                }
                survey.damages.push(damage(at..scan.at(), reason));
            }
        }
        meter.advance(scan.at() - at)?;
    }
    let Some(next) = next else {
        return Ok(survey);
    };
    if survey.end < next {
        let reason = survey.torn.take().unwrap_or("the segment ends too early");
        survey.damages.push(damage(survey.end..next, reason));
    } else if scan
        .through(next..file_end)
        .finds_record()
        .map_err(io_error(&path))?
    {
        // Without a record there, it is only a rest that was about to be cut off.
        let reason = "the segment is longer than it was";
        survey.damages.push(Damage {
            offset: offset(base, next),
            ..damage(next..next, reason)
        });
    }
    Ok(survey)
}
