//! A log that learns a record's position only when the record is acknowledged, as a stream on another computer does:
//! a thread takes payloads, gives them numbers among those of others, and acknowledges them.

use std::{
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread,
};

use mensageiro_server::log::{Appended, Log, LogError, MAX_PAYLOAD, Position, Record, Records};
use parking_lot::RwLock;

/// See the module. Only every third number or so is of this log.
#[derive(Debug)]
pub struct LateLog {
    stream: Arc<RwLock<Vec<Record>>>,
    appends: Sender<Append>,
}

#[derive(Debug)]
struct Append {
    payload: Vec<u8>,
    acknowledge: Sender<Appended>,
}

impl LateLog {
    pub fn start() -> Self {
        let stream = Arc::<RwLock<Vec<Record>>>::default();
        let (appends, waiting) = mpsc::channel();
        let of_server = stream.clone();
        thread::spawn(move || serve(&of_server, &waiting));
        Self { stream, appends }
    }
}

fn serve(stream: &RwLock<Vec<Record>>, waiting: &Receiver<Append>) {
    let mut next = 0;
    let mut others = 1_u64;
    for Append {
        payload,
        acknowledge,
    } in waiting
    {
        // Others write into the same stream.
        others = others
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let position = Position(next + (others >> 33) % 5);
        next = position.0 + 1;
        let appended = Appended {
            position,
            next: Position(next),
        };
        stream.write().push(Record {
            position,
            next: appended.next,
            payload,
        });
        acknowledge.send(appended).unwrap();
    }
}

impl Log for LateLog {
    fn append(&self, payload: &[u8]) -> Result<Appended, LogError> {
        if payload.is_empty() || payload.len() > MAX_PAYLOAD {
            return Err(LogError::Length(payload.len()));
        }
        let (acknowledge, acknowledged) = mpsc::channel();
        let append = Append {
            payload: payload.to_vec(),
            acknowledge,
        };
        self.appends.send(append).map_err(|_| LogError::Closed)?;
        acknowledged.recv().map_err(|_| LogError::Closed)
    }

    fn read_from(&self, position: Position) -> Result<Records<'_>, LogError> {
        if position > self.end() {
            return Err(LogError::Missing(position));
        }
        let stream = self.stream.read();
        let from = stream.partition_point(|record| record.position < position);
        let records = stream[from..].to_vec();
        Ok(Box::new(records.into_iter().map(Ok)))
    }

    fn start(&self) -> Position {
        Position::START
    }

    fn end(&self) -> Position {
        let stream = self.stream.read();
        stream.last().map_or(Position::START, |record| record.next)
    }
}
