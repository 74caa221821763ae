//! Reads a whole log to verify it, also while a server uses it.

use std::{io, path::Path, sync::Arc};

use super::{
    Damage, Identity, LogError, Position, Progress,
    acknowledged::Acknowledged,
    disk::{Access, Disk},
    folder::{Folder, io_error, offset},
    identity::{Found, IdentityFile},
    segment::BadHeader,
    survey::{Meter, Visit, survey},
};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The store that the log belongs to.
    pub identity: Identity,
    /// The number of records that can be read.
    pub records: u64,
    /// The position of the first record.
    pub start: Position,
    /// The position where the last record ends.
    pub end: Position,
    /// The number of damages: that many times `found` was called.
    pub damages: u64,
}

/// Reads everything in the log of a store, and changes nothing. A server may use the log meanwhile. `visit` gets each
/// record, and returns what is wrong with it if its content cannot be decoded. `found` gets each damage.
///
/// # Errors
/// When the disk fails, when the store has no identity, and when `progress` cancels the check. Damage is no error.
pub fn check(
    store: &Path,
    disk: Arc<dyn Disk>,
    visit: &mut Visit<'_>,
    found: &mut dyn FnMut(Damage),
    progress: &mut Progress<'_>,
) -> Result<Checked, LogError> {
    let folder = Folder::new(disk, store);
    let mut damages = 0;
    let mut report = |damage| {
        damages += 1;
        found(damage);
    };
    let bases = folder.bases_to_read()?;
    let (file, reason) = identity(&folder, &bases)?;
    if let Some(reason) = reason {
        report(Damage::at(IdentityFile::path(store), 0, reason));
    }
    // Read first: what is appended meanwhile comes after this position.
    let acknowledged = Acknowledged::read(&*folder.disk, &folder.log, &file.identity);
    let acknowledged = acknowledged
        .map_err(io_error(&folder.log))?
        .map_or(0, |ends| ends.acknowledged);
    // Segments that a server has dropped but not removed yet are skipped.
    let bases: Vec<_> = bases
        .into_iter()
        .filter(|&base| base >= file.start)
        .collect();
    let first = bases
        .first()
        .copied()
        .unwrap_or(acknowledged.max(file.start));
    if bases.is_empty() || first > file.start {
        report(Damage {
            positions: Position(file.start)..Position(first),
            ..Damage::at(folder.log.clone(), 0, "segments of the log are missing")
        });
    }
    let mut checked = Checked {
        identity: file.identity,
        records: 0,
        start: Position(first),
        end: Position(first),
        damages: 0,
    };
    let mut meter = Meter::new(folder.length(&bases)?, progress);
    for (index, &base) in bases.iter().enumerate() {
        let next = bases.get(index + 1).copied();
        let mut counted = |position, payload: &[u8]| {
            checked.records += 1;
            visit(position, payload)
        };
        let found = survey(
            &folder,
            &file.identity,
            (base, next),
            &mut meter,
            &mut counted,
        );
        let found = match found {
            // A server has dropped this segment meanwhile.
            Err(LogError::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound && is_dropped(&folder, base)? =>
            {
                continue;
            }
            found => found?,
        };
        checked.end = Position(next.unwrap_or(found.end));
        found.damages.into_iter().for_each(&mut report);
        if next.is_none() && found.end < acknowledged {
            let at = offset(base, found.end);
            let reason = found.torn.unwrap_or("acknowledged records are missing");
            report(Damage {
                positions: Position(found.end)..Position(acknowledged),
                ..Damage::at(folder.segment(base), at, reason)
            });
        }
    }
    checked.damages = damages;
    Ok(checked)
}

/// The content of the identity file; or what it should be, and what is wrong with the file.
fn identity(
    folder: &Folder,
    bases: &[u64],
) -> Result<(IdentityFile, Option<&'static str>), LogError> {
    let path = IdentityFile::path(&folder.store);
    let reason = match IdentityFile::read(&*folder.disk, &folder.store) {
        Ok(Found::File(file)) => return Ok((file, None)),
        Ok(Found::Newer(by)) => return Err(LogError::Newer { file: path, by }),
        Ok(Found::Missing) => "the file is missing",
        Ok(Found::Damaged) => "the file cannot be read",
        Err(error) => return Err(io_error(&path)(error)),
    };
    for &base in bases {
        let file = folder.open(base, Access::Read)?;
        match folder.header(base, &*file)? {
            Ok(header) => {
                let file = IdentityFile {
                    identity: header.identity,
                    is_backup: false,
                    start: bases[0],
                    is_older: false,
                };
                return Ok((file, Some(reason)));
            }
            Err(BadHeader::Damaged) => {}
            Err(BadHeader::Newer(by)) => {
                let file = folder.segment(base);
                return Err(LogError::Newer { file, by });
            }
        }
    }
    match bases {
        [] => Err(LogError::NoLog(folder.store.clone())),
        _ => Err(LogError::Damaged {
            file: path,
            offset: 0,
            reason: reason.into(),
        }),
    }
}

fn is_dropped(folder: &Folder, base: u64) -> Result<bool, LogError> {
    Ok(folder.bases()?.first().is_none_or(|&first| first > base))
}
