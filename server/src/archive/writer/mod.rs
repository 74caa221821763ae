//! The steps of the archive: find the rows that exist, append those that are missing, store the position.

#[cfg(test)]
mod edits;
#[cfg(test)]
mod power;

use std::{ops::ControlFlow, path::PathBuf};

use tracing::warn;

use super::{
    ArchiveError,
    file::RowsFile,
    finding::{Finder, Verdict},
    position::{Position, PositionFile},
    row::Rows,
    source::{Limits, Marks, Progress, scan},
};
use crate::model::message::MessageId;

/// The most that is appended in one write: a number of marks, or of messages (up to the end of a mark), or of bytes (up to
/// the end of a row).
const MARKS: usize = 4096;
const MESSAGES: usize = 16 * 1024;
const BYTES: usize = 16 * 1024 * 1024;

/// Writes messages.csv. It has no thread of its own.
#[derive(Debug)]
pub(super) struct Writer {
    file: RowsFile,
    recorded: PositionFile,
    /// All rows before this are in the file.
    progress: Progress,
    /// The length of the file at that time, in bytes; 0 if it is unknown.
    length: u64,
    /// The highest id of these rows.
    newest: MessageId,
    /// Some of the next rows may be in the file already.
    finder: Option<Finder>,
    /// A write has failed halfway, so the end of the file must be checked.
    is_suspect: bool,
    /// The stored position does not belong to the current file.
    is_urgent: bool,
}

impl Writer {
    /// Repairs the file, as far as possible without knowing what was read.
    pub(super) fn open(csv: PathBuf, position: PathBuf) -> Result<Self, ArchiveError> {
        let recorded = PositionFile::read(position.clone());
        let recorded = recorded.map_err(|source| ArchiveError::Io {
            file: position,
            source,
        })?;
        let Position {
            mark,
            length,
            newest,
        } = recorded.position();
        let mut writer = Self {
            file: RowsFile::new(csv),
            recorded,
            progress: Progress {
                mark,
                message: MessageId(0),
            },
            length,
            newest,
            finder: None,
            is_suspect: true,
            is_urgent: true,
        };
        match writer.inspect() {
            // The thread logs it, and tries again until somebody has corrected it.
            Err(ArchiveError::NotCsv { .. }) => {}
            inspected => inspected?,
        }
        Ok(writer)
    }

    pub(super) fn file(&self) -> &RowsFile {
        &self.file
    }

    /// The last mark that is known to be in the file, and the highest id in it.
    pub(super) fn newest(&self) -> (u64, MessageId) {
        (self.progress.mark, self.newest)
    }

    /// Begins to look for rows that are in the file already.
    fn inspect(&mut self) -> Result<(), ArchiveError> {
        if let Some(finder) = self.finder.take() {
            (self.progress, self.length) = (finder.from, finder.known);
        }
        // First of all: somebody may have it open for hours.
        self.file.begin()?;
        let mut file = self.file.open()?;
        let (progress, length) = (self.progress, self.length);
        let begun = Finder::new(&mut file, progress, length)
            .and_then(|finder| Ok((finder.survey(&mut file)?, finder)));
        let ((newest, gap), mut finder) = self.file.with_path(begun)?;
        self.newest = self.newest.max(newest);
        if let Some(gap) = gap {
            let aside = self.file.move_aside(gap)?;
            warn!(
                "{}: what was written last has gaps, as a power cut leaves them; its rows are written again, and what was there is kept in {}",
                self.file.path().display(),
                aside.display()
            );
            let cut = Finder::new(&mut file, progress, length);
            finder = self.file.with_path(cut)?;
        }
        self.length = finder.end;
        if finder.is_empty() && self.recorded.position().length != finder.end {
            // So that the first rows are compared with something in any case.
            self.write_position()?;
        }
        self.finder = Some(finder);
        self.is_suspect = false;
        Ok(())
    }

    /// Looks for the next rows in the file.
    fn find(&mut self, marks: &dyn Marks) -> Result<(), ArchiveError> {
        while let Some(finder) = &mut self.finder
            && finder.until() == self.progress
        {
            if finder.is_over() {
                self.finder = None;
                self.is_urgent &= self.has_news();
                return Ok(());
            }
            finder.gather(marks)?;
            loop {
                let mut file = self.file.open()?;
                let Some(tail) = self.file.with_path(finder.search(&mut file))? else {
                    break;
                };
                match finder.compare(marks, tail)? {
                    Verdict::SearchAll => {}
                    Verdict::Whole => break,
                    Verdict::Torn(start) => {
                        warn!(
                            "{}: the last row had not been written completely; it is written again",
                            self.file.path().display()
                        );
                        self.file.cut(start)?;
                        self.length = start;
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Appends the rows of new marks. Returns whether more are likely to follow; `None` if there were none.
    pub(super) fn append(&mut self, marks: &dyn Marks) -> Result<Option<bool>, ArchiveError> {
        if self.is_suspect {
            self.inspect()?;
        }
        self.is_suspect = true;
        self.find(marks)?;
        let finder = self.finder.as_ref();
        let limits = Limits {
            until: finder.map(Finder::until),
            marks: MARKS,
            messages: MESSAGES,
            whole_moments: false,
        };
        let (mut rows, mut newest) = (Rows::default(), self.newest);
        let scanned = scan(marks, self.progress, limits, &mut |mark, message| {
            newest = newest.max(message.id);
            if finder.is_none_or(|finder| finder.is_missing(message.id, &mark.reader)) {
                rows.push(message, mark);
            }
            if rows.bytes.len() < BYTES {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        })?;
        rows.end_moment();
        if !rows.bytes.is_empty() {
            let (length, is_new) = self.file.append(&rows.bytes)?;
            self.length = length;
            self.is_urgent |= is_new;
        }
        self.is_suspect = false;
        if scanned.at == self.progress {
            return Ok(None);
        }
        (self.progress, self.newest) = (scanned.at, newest);
        Ok(Some(!scanned.is_all))
    }

    /// Whether the position must be stored.
    pub(super) fn has_news(&self) -> bool {
        let is_whole = self.finder.is_none() && self.progress.message == MessageId(0);
        // A different length alone is not enough: the file may have rows of deleted marks, which come back when the index is
        // rebuilt. They can be told from new rows only while they come after the stored position.
        is_whole && self.progress.mark > self.recorded.position().mark
    }

    /// Whether the position should be stored at once.
    pub(super) fn is_urgent(&self) -> bool {
        self.is_urgent && self.has_news()
    }

    fn position(&self) -> Position {
        Position {
            mark: self.progress.mark,
            length: self.length,
            newest: self.newest,
        }
    }

    /// Syncs the file, stores its position, and allows the marks to be deleted.
    pub(super) fn record(&mut self, marks: &dyn Marks) -> Result<(), ArchiveError> {
        if !self.has_news() {
            return Ok(());
        }
        self.file.sync()?;
        self.write_position()?;
        self.is_urgent = false;
        marks.archived(self.progress.mark);
        Ok(())
    }

    fn write_position(&mut self) -> Result<(), ArchiveError> {
        let written = self.recorded.write(self.position());
        written.map_err(|source| ArchiveError::Io {
            file: self.recorded.path().to_owned(),
            source,
        })
    }

    /// Allows the marks up to the stored position to be deleted.
    pub(super) fn tell_recorded(&self, marks: &dyn Marks) {
        marks.archived(self.recorded.position().mark);
    }
}
