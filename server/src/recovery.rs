//! The one recovery procedure: take the last checkpoint, then apply what follows in the log. It is the same after a
//! clean stop, a crash, a power cut or the loss of the index; only how much follows differs.

use std::collections::HashMap;

use jiff::Timestamp;
use mensageiro_protocol::Login;
use thiserror::Error;
use tracing::info;

use crate::{
    index::{Index, IndexError, Loaded},
    log::{Log, LogError},
    model::{
        codec::{self, CodecError},
        event::{Event, Target},
        message::ReadMark,
    },
    state::{State, Tags},
};

/// So many records take a moment.
const MANY: u64 = 10_000;

/// What a server begins with.
pub struct Recovered {
    /// The state after the last record of the log.
    pub state: State,
    /// When users were last there.
    pub seen: HashMap<Login, Timestamp>,
}

/// Why a store cannot be recovered.
#[derive(Debug, Error)]
pub enum RecoveryError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The index cannot be written.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A record is whole, but says nothing that this program understands.
    #[error(
        "the record at position {position} of the log cannot be understood: {source}; it may be of a newer version, so start that one, or restore the data folder from a backup"
    )]
    Record {
        /// Where it is.
        position: u64,
        /// What is wrong with it.
        source: CodecError,
    },
}

/// Brings the state to the end of the log. `marks` gets what was read, and says up to which number all of that is
/// archived; `progress` is told how far the log has been read, and where it ends.
///
/// # Errors
/// [`RecoveryError`] when the log or the index cannot be used.
pub fn recover(
    log: &dyn Log,
    index: &Index,
    loaded: Loaded,
    mut marks: impl FnMut(&[ReadMark]) -> u64,
    mut progress: impl FnMut(u64, u64),
) -> Result<Recovered, RecoveryError> {
    let Loaded {
        header,
        conversations,
        changed,
        cursors,
        groups,
        rosters,
        seen,
        devices,
        epochs,
        holders,
        settings,
        ..
    } = loaded;
    let mut seen: HashMap<_, _> = seen.into_iter().collect();
    let mut state = State::from_checkpoint(header, rosters, devices, epochs);
    for holder in holders {
        state.load_holder(holder);
    }
    for setting in settings {
        state.load_setting(setting);
    }
    state.log_begins_at(log.start());
    for (conversation, last) in &conversations {
        state.load_conversation(conversation, *last);
    }
    for (conversation, last) in &changed {
        state.load_changed(conversation, *last);
    }
    for cursor in cursors {
        state.load_cursor(cursor);
    }
    for group in groups {
        state.load_group(group);
    }
    state.end_loading();
    let mut tags = Tags::default();
    let end = log.end();
    let mut records = 0_u64;
    for record in log.read_from(header.position.max(log.start()))? {
        let record = record?;
        let batch = codec::read_batch(&record.payload);
        let batch = batch.map_err(|source| RecoveryError::Record {
            position: record.position.0,
            source,
        })?;
        for event in &batch.events {
            match event {
                Event::Seen { login, at } => drop(seen.insert(login.clone(), *at)),
                Event::Back {
                    who: Target::User(login),
                    keeps: false,
                } => drop(seen.remove(login)),
                _ => {}
            }
        }
        let where_it_is = (record.position, record.next);
        let effects = state.apply(batch, where_it_is, &mut tags, index)?;
        effects.add_to(index);
        let archived = marks(&effects.marks);
        if index.wants_flush() {
            let mut changes = state.take_changes();
            changes.archived = archived;
            index.flush(changes)?;
        }
        records += 1;
        progress(record.next.0, end.0);
    }
    if records >= MANY {
        info!("{records} records of the log were applied");
    }
    Ok(Recovered { state, seen })
}
