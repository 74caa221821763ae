//! Reads records while others are appended.

use super::{
    LogError, Position, Record,
    folder::{io_error, offset},
    record::{Scan, Step},
    segments::Segments,
};

/// The records from a position on, up to what was durable when this was created.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    segments: &'a Segments,
    at: u64,
    end: u64,
    /// The scan of the current segment, and the position where that begins.
    scan: Option<(u64, Scan)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(segments: &'a Segments, position: Position) -> Self {
        Self {
            segments,
            at: position.0,
            end: segments.end(),
            scan: None,
        }
    }

    fn read(&mut self) -> Result<Option<Record>, LogError> {
        while self.at < self.end {
            let Some((base, scan)) = &mut self.scan else {
                self.enter()?;
                continue;
            };
            let path = self.segments.folder().segment(*base);
            match scan.step().map_err(io_error(&path))? {
                Step::Record {
                    position,
                    next,
                    payload,
                } => {
                    self.at = next;
                    return Ok(Some(Record {
                        position: Position(position),
                        next: Position(next),
                        payload: payload.to_vec(),
                    }));
                }
                Step::Gap { next } => self.at = next,
                Step::End => self.scan = None,
                Step::Bad(reason) => return Err(self.diagnose(reason)?),
            }
        }
        Ok(None)
    }

    /// Opens the next segment.
    fn enter(&mut self) -> Result<(), LogError> {
        match self.segments.find(self.at)? {
            Some(segment) => {
                let limit = segment.next.unwrap_or(self.end).min(self.end);
                let seed = self.segments.seed();
                let scan = Scan::new(segment.file, seed, segment.base, self.at..limit);
                self.scan = Some((segment.base, scan));
            }
            // The segment has been dropped.
            None => self.at = self.segments.start().max(self.at),
        }
        Ok(())
    }

    /// The error when no record can be read here.
    fn diagnose(&self, reason: &str) -> Result<LogError, LogError> {
        let missing = LogError::Missing(Position(self.at));
        let Some(segment) = self.segments.find(self.at)? else {
            return Ok(missing);
        };
        let path = self.segments.folder().segment(segment.base);
        let seed = self.segments.seed();
        let range = segment.base..self.end;
        let mut before = Scan::new(segment.file, seed, segment.base, range);
        while before.at() < self.at {
            match before.step().map_err(io_error(&path))? {
                Step::Bad(_) | Step::End => break,
                Step::Record { .. } | Step::Gap { .. } => {}
            }
        }
        // A record that extends past the position is intact, so none ever began here.
        if before.at() > self.at {
            return Ok(missing);
        }
        Ok(LogError::Damaged {
            file: path,
            offset: offset(segment.base, self.at),
            reason: reason.into(),
        })
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Record, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.read();
        if read.is_err() {
            self.at = self.end;
        }
        read.transpose()
    }
}
