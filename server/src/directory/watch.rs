use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use thiserror::Error;
use tracing::{info, warn};

use super::{Change, Directory};

/// An edit is complete once the file has been left alone for this long.
const SETTLED: Duration = Duration::from_millis(300);

/// Reads the directory again whenever one of its files is edited. Costs nothing while it is not. Ends when
/// dropped.
pub struct Watch {
    _watcher: RecommendedWatcher,
}

/// The files cannot be watched; the server works, but edits count from its next start only.
#[derive(Debug, Error)]
#[error("{folder}: edits of users.csv and groups.csv will not be noticed: {reason}")]
pub struct WatchError {
    folder: PathBuf,
    reason: String,
}

impl Watch {
    /// Starts watching. `changed` is called after each reading that brought another list.
    ///
    /// # Errors
    /// When the system cannot watch the folder.
    pub fn start(
        directory: Arc<Directory>,
        changed: impl Fn() + Send + 'static,
    ) -> Result<Self, WatchError> {
        let files = directory.files().clone();
        let folder = files[0].parent().unwrap_or(Path::new(".")).to_owned();
        let failed = |reason: String| WatchError {
            folder: folder.clone(),
            reason,
        };
        // One place is enough: an edit that comes while one is waiting is part of it.
        let (edited, edits) = bounded(1);
        let mut watcher = notify::recommended_watcher(on_event(files, edited))
            .map_err(|error| failed(error.to_string()))?;
        watcher
            .watch(&folder, RecursiveMode::NonRecursive)
            .map_err(|error| failed(error.to_string()))?;
        thread::Builder::new()
            .name("directory".into())
            .spawn(move || follow(&directory, &edits, changed))
            .map_err(|error: io::Error| failed(error.to_string()))?;
        Ok(Self { _watcher: watcher })
    }
}

fn on_event(files: [PathBuf; 2], edited: Sender<()>) -> impl Fn(notify::Result<Event>) {
    let is_ours = move |path: &PathBuf| {
        files
            .iter()
            .any(|file| file.file_name() == path.file_name())
    };
    move |event| {
        let Ok(event) = event else { return };
        let is_edit = !matches!(event.kind, EventKind::Access(_));
        if is_edit && event.paths.iter().any(&is_ours) {
            match edited.try_send(()) {
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        }
    }
}

fn follow(directory: &Directory, edits: &Receiver<()>, changed: impl Fn()) {
    while edits.recv().is_ok() {
        while edits.recv_timeout(SETTLED).is_ok() {}
        match directory.reload() {
            Ok(Change {
                added: 0,
                removed: 0,
                groups: false,
            }) => {}
            Ok(Change {
                added,
                removed,
                groups: _,
            }) => {
                let people = directory.people();
                let (users, groups) = (people.users.len(), people.groups.len());
                info!(
                    "the directory was edited: {added} users added, {removed} removed; \
                     {users} users and {groups} groups now"
                );
                changed();
            }
            Err(error) => warn!("the directory was edited, the old one is kept: {error}"),
        }
    }
}
