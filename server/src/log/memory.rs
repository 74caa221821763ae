//! A log in memory, for tests.

use parking_lot::RwLock;

use super::{Appended, Log, LogError, MAX_PAYLOAD, Part, Position, Record, Records};

/// A log that is lost when it is dropped. Positions increase by one.
#[derive(Debug, Default)]
pub struct MemoryLog(RwLock<Vec<Vec<u8>>>);

impl Log for MemoryLog {
    fn append(&self, payload: &[u8]) -> Result<Appended, LogError> {
        if payload.is_empty() || payload.len() > MAX_PAYLOAD {
            return Err(LogError::Length(payload.len()));
        }
        let mut records = self.0.write();
        records.push(payload.to_vec());
        let next = records.len() as u64;
        Ok(Appended {
            position: Position(next - 1),
            next: Position(next),
        })
    }

    fn read_from(&self, position: Position) -> Result<Records<'_>, LogError> {
        let end = self.end();
        if position > end {
            return Err(LogError::Missing(position));
        }
        let record = |at: u64| {
            let payload = self.0.read()[at as usize].clone();
            Ok(Record {
                position: Position(at),
                next: Position(at + 1),
                payload,
            })
        };
        Ok(Box::new((position.0..end.0).map(record)))
    }

    fn read_part(&self, position: Position, part: Part) -> Result<Vec<u8>, LogError> {
        let records = self.0.read();
        let record = usize::try_from(position.0).ok();
        let record = record.and_then(|index| records.get(index));
        let bytes = record.and_then(|payload| payload.get(part.range()));
        Ok(bytes.ok_or(LogError::Missing(position))?.to_vec())
    }

    fn start(&self) -> Position {
        Position::START
    }

    fn end(&self) -> Position {
        Position(self.0.read().len() as u64)
    }
}
