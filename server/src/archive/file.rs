//! `messages.csv` as a file: what is there is put in order, and rows are appended in one write. It is opened anew for each
//! write, so that it may be moved or edited while the server runs.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use tracing::warn;

use super::{
    ArchiveError,
    finding::{byte_at, header},
};
use crate::not_text::not_text;

/// The file, and what of it may not be on the disk yet.
#[derive(Debug)]
pub(super) struct RowsFile {
    path: PathBuf,
    /// What was appended to last. It may have been moved away since, and is synced nevertheless. On Windows an open
    /// file is in the way of spreadsheets, so there only the file is synced that has the name.
    #[cfg(unix)]
    appended_to: Option<File>,
}

impl RowsFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            #[cfg(unix)]
            appended_to: None,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it, making it when there is none. Nothing is appended to what rows would damage.
    pub(super) fn open(&self) -> Result<File, ArchiveError> {
        self.with_path(open(&self.path))
    }

    /// Makes sure that there is a file with a header, and no NUL bytes at its end, as a power cut may leave
    /// them.
    pub(super) fn begin(&self) -> Result<(), ArchiveError> {
        self.with_path(begin(&self.path))
    }

    /// Cuts it off, durably: what is written there next must not mix with what was there.
    pub(super) fn cut(&self, length: u64) -> Result<(), ArchiveError> {
        let mut file = self.open()?;
        self.with_path(cut(&mut file, length))
    }

    /// Cuts it off, and keeps what was there in another file. Returns which one.
    pub(super) fn move_aside(&self, from: u64) -> Result<PathBuf, ArchiveError> {
        let aside = self.path.with_extension("damaged.csv");
        let mut file = self.open()?;
        self.with_path(copy(&mut file, from, &aside).and_then(|()| cut(&mut file, from)))?;
        Ok(aside)
    }

    /// Appends whole rows. Returns how long the file is then, and whether it had to be made.
    pub(super) fn append(&mut self, rows: &[u8]) -> Result<(u64, bool), ArchiveError> {
        let mut file = self.open()?;
        let appended = self.with_path(append(&mut file, rows))?;
        let held = self.hold(file);
        self.with_path(held)?;
        Ok(appended)
    }

    /// Brings everything that was appended onto the disk.
    pub(super) fn sync(&mut self) -> Result<(), ArchiveError> {
        #[cfg(unix)]
        if let Some(file) = &self.appended_to {
            self.with_path(file.sync_data())?;
        }
        let synced = self.open()?.sync_data();
        self.with_path(synced.and_then(|()| sync_folder(&self.path)))?;
        #[cfg(unix)]
        {
            self.appended_to = None;
        }
        Ok(())
    }

    /// Remembers what was appended to.
    #[cfg(unix)]
    fn hold(&mut self, file: File) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt;

        let identity = |file: &File| file.metadata().map(|data| (data.dev(), data.ino()));
        if let Some(before) = &self.appended_to
            && identity(before)? != identity(&file)?
        {
            before.sync_data()?;
        }
        self.appended_to = Some(file);
        Ok(())
    }

    #[cfg(not(unix))]
    fn hold(&mut self, _: File) -> io::Result<()> {
        Ok(())
    }

    /// What the system said, with the file it said it of.
    pub(super) fn with_path<T>(&self, result: io::Result<T>) -> Result<T, ArchiveError> {
        result.map_err(|source| {
            let file = self.path.clone();
            if source.kind() == io::ErrorKind::InvalidData {
                let what = source.to_string();
                return ArchiveError::NotCsv { file, what };
            }
            ArchiveError::Io { file, source }
        })
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)?;
    let mut beginning = Vec::new();
    (&mut file).take(8).read_to_end(&mut beginning)?;
    match what_else(&beginning) {
        Some(what) => Err(io::Error::new(io::ErrorKind::InvalidData, what)),
        None => Ok(file),
    }
}

/// What the file is, if it is no CSV of one byte for each letter of ASCII.
fn what_else(beginning: &[u8]) -> Option<&'static str> {
    match beginning {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [1..=255, 0, 1..=255, 0, ..] => {
            Some("text in UTF-16 (\"Unicode\")")
        }
        _ => not_text(beginning),
    }
}

fn begin(path: &Path) -> io::Result<()> {
    let mut file = open(path)?;
    let length = file.seek(SeekFrom::End(0))?;
    let text = text_end(&mut file, length)?;
    if text < length {
        warn!("{}: the NUL bytes at its end were cut off", path.display());
        file.set_len(text)?;
    }
    if text == 0 {
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header())?;
    }
    if text < length || text == 0 {
        file.sync_data()?;
    }
    if length == 0 {
        sync_folder(path)?;
    }
    Ok(())
}

/// Brings the name of a new file onto the disk. On Windows that goes with the file.
fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) {
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// The length without the NUL bytes at the end.
fn text_end(file: &mut File, length: u64) -> io::Result<u64> {
    let mut chunk = vec![0; 64 * 1024];
    let mut end = length;
    while end > 0 {
        let size = end.min(chunk.len() as u64);
        let bytes = &mut chunk[..size as usize];
        file.seek(SeekFrom::Start(end - size))?;
        file.read_exact(bytes)?;
        end -= size;
        if let Some(last) = bytes.iter().rposition(|&byte| byte != 0) {
            return Ok(end + last as u64 + 1);
        }
    }
    Ok(0)
}

fn cut(file: &mut File, length: u64) -> io::Result<()> {
    file.set_len(length)?;
    file.sync_data()
}

fn copy(file: &mut File, from: u64, to: &Path) -> io::Result<()> {
    let mut aside = OpenOptions::new().append(true).create(true).open(to)?;
    file.seek(SeekFrom::Start(from))?;
    io::copy(file, &mut aside)?;
    aside.sync_data()
}

fn append(file: &mut File, rows: &[u8]) -> io::Result<(u64, bool)> {
    let mut length = file.seek(SeekFrom::End(0))?;
    let is_new = length == 0;
    let before = if is_new {
        header()
    } else if byte_at(file, length - 1)? != b'\n' {
        // Somebody saved it without the last line end.
        vec![b'\n']
    } else {
        Vec::new()
    };
    file.seek(SeekFrom::End(0))?;
    file.write_all(&before)?;
    length += before.len() as u64;
    // In one write, which takes the system the shortest time: until it is done, other programs see
    // a part of it, page by page.
    file.write_all(rows)?;
    Ok((length + rows.len() as u64, is_new))
}
