//! Rewrites a segment without what is damaged in it.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use tracing::warn;

use super::{
    Identity, LogError, NEW,
    disk::{Access, DiskFile},
    folder::{Folder, io_error, offset},
    record::Seed,
    segment::SegmentHeader,
};

/// Bytes that are copied at a time.
const CHUNK: u64 = 1024 * 1024;

/// The most copies of a damaged segment that are kept.
const COPIES: u32 = 1000;

/// Rewrites the segment that begins at `base`, up to `end`, with gaps at the positions `gaps`. The old file is kept beside
/// it. After a crash the segment is either the old or the new one.
///
/// One message could be erased in the same way: a shorter record and a gap replace the record. Readers that have the old
/// file open continue with the old file.
///
/// # Errors
/// When the disk fails.
pub(super) fn rewrite(
    folder: &Folder,
    identity: Identity,
    base: u64,
    end: u64,
    gaps: &[Range<u64>],
) -> Result<(), LogError> {
    let path = folder.segment(base);
    let new = path.with_added_extension(&NEW[1..]);
    let from = folder.open(base, Access::Read)?;
    keep(folder, &path, &*from)?;
    let to = folder.disk.open(&new, Access::Create);
    let to = to.map_err(io_error(&new))?;
    write(&*from, &*to, identity, base..end, gaps).map_err(io_error(&new))?;
    drop((from, to));
    let rename = folder.disk.rename(&new, &path);
    rename.map_err(io_error(&path))?;
    let sync = folder.disk.sync_folder(&folder.log);
    sync.map_err(io_error(&folder.log))
}

fn write(
    from: &dyn DiskFile,
    to: &dyn DiskFile,
    identity: Identity,
    positions: Range<u64>,
    gaps: &[Range<u64>],
) -> std::io::Result<()> {
    let base = positions.start;
    let header = SegmentHeader { base, identity };
    to.write_at(&header.encode(), 0)?;
    to.set_length(offset(base, positions.end))?;
    let mut at = base;
    for gap in gaps {
        copy(from, to, offset(base, at)..offset(base, gap.start))?;
        for (position, header) in Seed::of(&identity).gaps(gap.clone()) {
            to.write_at(&header, offset(base, position))?;
        }
        at = gap.end;
    }
    copy(from, to, offset(base, at)..offset(base, positions.end))?;
    to.sync()
}

/// Copies a range of bytes of a file to the same range of another file.
pub(super) fn copy(
    from: &dyn DiskFile,
    to: &dyn DiskFile,
    bytes: Range<u64>,
) -> std::io::Result<()> {
    let mut at = bytes.start;
    while at < bytes.end {
        let mut chunk = vec![0; (bytes.end - at).min(CHUNK) as usize];
        let read = from.read_at(&mut chunk, at)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        to.write_at(&chunk[..read], at)?;
        at += read as u64;
    }
    Ok(())
}

/// Keeps a copy of a damaged file beside it.
fn keep(folder: &Folder, path: &Path, from: &dyn DiskFile) -> Result<(), LogError> {
    let names = folder.disk.list(&folder.log);
    let names = names.map_err(io_error(&folder.log))?;
    let mut copies = (0..COPIES).map(|copy| match copy {
        0 => path.with_added_extension("damaged"),
        copy => path.with_added_extension(format!("damaged.{copy}")),
    });
    let is_free = |copy: &PathBuf| {
        let name = copy.file_name().and_then(|name| name.to_str());
        !names.iter().any(|taken| Some(&**taken) == name)
    };
    let Some(kept) = copies.find(is_free) else {
        return Ok(());
    };
    let kept_whole = || {
        let to = folder.disk.open(&kept, Access::Create)?;
        copy(from, &*to, 0..from.length()?)?;
        to.sync()
    };
    kept_whole().map_err(io_error(&kept))?;
    warn!("{} is kept as {}", path.display(), kept.display());
    Ok(())
}
