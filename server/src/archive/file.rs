//! The file `messages.csv`: repairs its end, and appends rows in one write. The file is opened again for each write, so that
//! people may move or edit it while the server runs.

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

/// The file, and whether all of it is on the disk.
#[derive(Debug)]
pub(super) struct RowsFile {
    path: PathBuf,
    /// The file that was appended to last. It is synced even if it was moved away since. On Windows an open file would
    /// block spreadsheets, so there only the file that has the name now is synced.
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

    /// Opens the file, and creates it if it is missing. Refuses a file that rows would damage.
    pub(super) fn open(&self) -> Result<File, ArchiveError> {
        self.with_path(open(&self.path))
    }

    /// Ensures that the file exists, has a header, and does not end with NUL bytes, which a power cut may leave.
    pub(super) fn begin(&self) -> Result<(), ArchiveError> {
        self.with_path(begin(&self.path))
    }

    /// Truncates the file durably: later rows must not mix with the old bytes.
    pub(super) fn cut(&self, length: u64) -> Result<(), ArchiveError> {
        let mut file = self.open()?;
        self.with_path(cut(&mut file, length))
    }

    /// Truncates the file, and keeps the removed bytes in another file. Returns its path.
    pub(super) fn move_aside(&self, from: u64) -> Result<PathBuf, ArchiveError> {
        let aside = self.path.with_extension("damaged.csv");
        let mut file = self.open()?;
        self.with_path(copy(&mut file, from, &aside).and_then(|()| cut(&mut file, from)))?;
        Ok(aside)
    }

    /// Appends complete rows. Returns the new length of the file, and whether it had to be created.
    pub(super) fn append(&mut self, rows: &[u8]) -> Result<(u64, bool), ArchiveError> {
        let mut file = self.open()?;
        let appended = self.with_path(append(&mut file, rows))?;
        let held = self.hold(file);
        self.with_path(held)?;
        Ok(appended)
    }

    /// Syncs everything that was appended.
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

    /// Remembers the file for the next sync.
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

    /// Adds the path of the file to an error.
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

/// The encoding of the file, if it is not compatible with ASCII.
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

/// Syncs the name of a new file. Windows does that with the file.
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
    // In one write, which is the fastest: until it is complete, other programs see a part of the rows.
    file.write_all(rows)?;
    Ok((length + rows.len() as u64, is_new))
}
