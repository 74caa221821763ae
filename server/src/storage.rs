//! Everything that lasts: opens the log, brings index and state to its end, and opens messages.csv.

use std::{
    collections::HashMap,
    io,
    ops::ControlFlow,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use mensageiro_protocol::{Login, live::StoreId};
use thiserror::Error;
use tracing::{info, warn};

use crate::{
    alarm::Alarm,
    archive::{Archive, ArchiveError, Marks},
    commit::PendingMarks,
    file_rights,
    index::{Index, IndexError, Loaded, Messages},
    log::{Durability, FileLog, Log, LogError, Loss, Settings},
    migration::{self, ArchivePosition, MigrationError},
    model::event::{Event, LastNumbers},
    options::Options,
    progress::{Bar, Interrupt},
    recovery::{Recovered, RecoveryError, recover},
    state::State,
};

/// How far ahead of the log messages.csv may be believed to be: a person can write any number
/// into it.
const FURTHEST_AHEAD: u64 = 1_000_000_000;

/// The file in the store that says how far messages.csv is.
const ARCHIVE: &str = "archive";

/// What a server works with, before any of its threads but the index's has started.
pub(crate) struct Storage {
    pub(crate) log: Arc<FileLog>,
    pub(crate) index: Arc<Index>,
    pub(crate) messages: Messages,
    pub(crate) marks: Arc<PendingMarks>,
    pub(crate) state: State,
    /// When users were last there.
    pub(crate) seen: HashMap<Login, Timestamp>,
    pub(crate) archive: Archive,
    /// The numbers that are in use.
    pub(crate) last: LastNumbers,
}

/// Why the store cannot be used.
#[derive(Debug, Error)]
pub enum StorageError {
    /// Its folder cannot be made.
    #[error(
        "the message store in {folder} cannot be used: {source}; check the disk and who may write there"
    )]
    Folder {
        /// Which one.
        folder: std::path::PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A store of an older format cannot be converted.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// The log cannot be used.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The index cannot be used.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The log cannot be applied.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// messages.csv cannot be used.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
}

impl Storage {
    /// Opens what is there, or makes it.
    pub(crate) fn open(
        (store, messages_csv): (&Path, &Path),
        options: &Options,
        alarm: &Alarm,
    ) -> Result<Self, StorageError> {
        let loss = match options.repair {
            true => Loss::Accepted,
            false => Loss::Refused,
        };
        migrate(store, options, loss)?;
        file_rights::create_folder(store).map_err(|source| StorageError::Folder {
            folder: store.to_owned(),
            source,
        })?;
        let (log, index, loaded) = open_log(store, options.durability, loss, alarm)?;
        let (log, index) = (Arc::new(log), Arc::new(index));
        index.forget_before(log.start());
        let messages = Messages::new(index.clone(), log.clone());
        let marks = Arc::new(PendingMarks::new(index.clone(), messages.clone()));
        let archive = Archive::open(messages_csv.to_owned(), store.join(ARCHIVE))?;
        // Before the log tells of them once more: of a long log they would be many.
        Marks::archived(&*marks, archive.last_numbers().read_mark);
        let recovered = recover(
            &*log,
            &index,
            loaded,
            |new| marks.add(new),
            progress("reading the log"),
        )?;
        let Recovered { state, seen } = recovered;
        let last = last_numbers(&state, &archive);
        Ok(Self {
            log,
            index,
            messages,
            marks,
            state,
            seen,
            archive,
            last,
        })
    }

    /// Which store this is.
    pub(crate) fn id(&self) -> StoreId {
        StoreId(self.log.identity().id)
    }

    /// What the log does not say yet: the epoch of the store, and what a mailbox takes.
    pub(crate) fn news(&self, options: &Options) -> Vec<Event> {
        let mut news = Vec::new();
        let epoch = self.log.identity().epoch;
        if self
            .state
            .epochs()
            .last()
            .is_none_or(|last| last.number < epoch)
        {
            news.push(Event::Epoch {
                number: epoch,
                after: None,
            });
        }
        let limits = options.mailbox_limits();
        if self.state.header().limits != Some(limits) {
            news.push(Event::Limits(limits));
        }
        news
    }
}

/// Opens the log and its index. An index that is ahead shows that the log has lost its end, even if its own note of what
/// was acknowledged was lost together with that, as in a power cut with `--durability relaxed`.
fn open_log(
    store: &Path,
    durability: Durability,
    loss: Loss,
    alarm: &Alarm,
) -> Result<(FileLog, Index, Loaded), StorageError> {
    let mut settings = Settings::new(durability, loss);
    let mut go_on = |_| ControlFlow::Continue(());
    let mut log = FileLog::open(store, &settings, &mut go_on)?;
    let opened = match Index::open(store, log.identity(), log.end(), alarm.clone()) {
        Err(IndexError::Ahead(position)) => {
            settings.reached = position;
            drop(log);
            log = FileLog::open(store, &settings, &mut go_on)?;
            Index::open(store, log.identity(), log.end(), alarm.clone())
        }
        opened => opened,
    };
    let (index, loaded) = opened?;
    Ok((log, index, loaded))
}

/// Shows how far a long log has been read.
fn progress(what: &'static str) -> impl FnMut(u64, u64) {
    let begin = Instant::now();
    let mut bar = None;
    let mut reported = begin;
    move |read, end| {
        // Most are read before anybody could see it.
        if begin.elapsed() < REPORT_EVERY || read >= end {
            bar = None;
            return;
        }
        let bar = bar.get_or_insert_with(|| Bar::bytes(what, Interrupt::default()));
        // Ctrl-C ends the program where it is: the next start begins anew.
        let _ = bar.show_count(read, end);
        if bar.is_hidden() && reported.elapsed() >= REPORT_EVERY {
            reported = Instant::now();
            info!("{what}: {} % is applied", read * 100 / end.max(1));
        }
    }
}

/// How often a long conversion is reported where nobody sees a bar.
const REPORT_EVERY: Duration = Duration::from_secs(2);

/// Converts a store of an older format.
fn migrate(store: &Path, options: &Options, loss: Loss) -> Result<(), MigrationError> {
    // What is written now is on the disk when the new store takes the place of the old one.
    let settings = Settings::new(Durability::Relaxed, Loss::Refused);
    let create = |folder: &Path| {
        let mut go_on = |_| ControlFlow::Continue(());
        FileLog::open(folder, &settings, &mut go_on)
    };
    let finish = |folder: &Path, ArchivePosition { last_mark, bytes }| {
        Archive::begin_at(folder.join(ARCHIVE), last_mark, bytes)
    };
    let loss = match (loss, options.durability) {
        (Loss::Accepted, _) => migration::Loss::Accepted,
        (Loss::Refused, Durability::Relaxed) => migration::Loss::OfTheEnd,
        (Loss::Refused, Durability::Sync) => migration::Loss::Refused,
    };
    let mut bar = Some(Bar::messages("converting"));
    let mut reported = Instant::now();
    let mut watch = |migration::Progress { message, last }| {
        if message >= last {
            // What is said next must not stand behind the bar.
            bar = None;
        }
        let Some(bar) = &bar else {
            return ControlFlow::Continue(());
        };
        if bar.is_hidden() && reported.elapsed() >= REPORT_EVERY {
            reported = Instant::now();
            info!("message {message} of {last} is converted");
        }
        bar.show_count(message.0, last.0)
    };
    migration::run(store, loss, create, finish, &mut watch).map(drop)
}

/// The numbers that are in use. After a power cut that took messages of a server with
/// `--durability relaxed`, the archive may know of more than the log.
fn last_numbers(state: &State, archive: &Archive) -> LastNumbers {
    let there = state.header().last;
    let archived = archive.last_numbers();
    let mut last = there;
    let ahead = archived.message.0.saturating_sub(there.message.0);
    if (1..=FURTHEST_AHEAD).contains(&ahead) {
        warn!(
            "messages.csv has numbers of messages up to {}, and the log up to {}; none of them is used again",
            archived.message, there.message
        );
        last.message = archived.message;
    }
    last.read_mark = last.read_mark.max(archived.read_mark);
    last
}
