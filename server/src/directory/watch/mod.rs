//! Notices edits of the files while the server runs.
//!
//! The system reports an edit at once where it can. It cannot do so behind a link, in a file that
//! is mounted by itself, or on many network file systems. So the files are also checked regularly.

mod gone;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, bounded, select};
use mensageiro_protocol::Login;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tracing::{info, warn};

use self::gone::Gone;
use super::{Directory, Editor, People, ReadError, edit::Made, editor::News, stamp::Stamp};
use crate::logging::warn_of_each;

/// Files that have not changed for this long are read. Changes that take nothing from anybody count
/// then.
const QUIET: Duration = Duration::from_millis(300);

/// Files that keep changing are read after this time at the latest.
const LONGEST_UNREAD: Duration = Duration::from_secs(3);

/// Changes that take something from somebody count when the files have not changed for this long.
/// Until then, a program may still be writing the file, and the users who seem to be gone are yet
/// to come. This is longer than the two seconds within which some file systems give two edits the
/// same time.
const STABLE: Duration = Duration::from_secs(3);

/// If the same users and members are missing for this long, they count as gone although the files
/// keep changing.
const LONGEST_GONE: Duration = Duration::from_secs(60);

/// Time between two checks of files for which the system reports nothing.
const LOOK: Duration = Duration::from_secs(3);

/// What an edit leads to.
pub trait Edits: Send + 'static {
    /// An edit is about to take effect. `false`: it must not.
    fn prepare(&self, old: &People, new: &People) -> bool;

    /// It has.
    fn done(&self, old: &People, new: &People);
}

/// Reads the directory again whenever one of its files is edited. Stops when dropped.
pub struct Watch {
    _watcher: Option<RecommendedWatcher>,
    edited: Sender<()>,
    editor: Arc<Editor>,
}

impl Watch {
    /// Starts watching. `edits` is told of the lists before and after each edit that takes effect.
    ///
    /// # Errors
    /// When the system has no thread left. The server works without it, but edits count only from
    /// its next start on.
    pub fn start(directory: Arc<Directory>, edits: impl Edits) -> io::Result<Self> {
        let files = directory.files().clone();
        let folder = files[0].parent().unwrap_or(Path::new(".")).to_owned();
        // Room for one is enough: an edit that comes while one is waiting is part of it.
        let (edited, edited_files) = bounded(1);
        let watcher = watcher(&folder, on_event(files, edited.clone()))
            .inspect_err(|error| {
                let (folder, seconds) = (folder.display(), LOOK.as_secs());
                warn!("{folder}: edits are noticed only every {seconds} s: {error}");
            })
            .ok();
        let (editor, made) = Editor::new(directory.clone());
        let mut follower = Follower::new(directory, edits);
        thread::Builder::new()
            .name("directory".into())
            .spawn(move || follower.run(&edited_files, &made))?;
        Ok(Self {
            _watcher: watcher,
            edited,
            editor: Arc::new(editor),
        })
    }

    /// Edits the files so that it counts at once.
    pub fn editor(&self) -> Arc<Editor> {
        self.editor.clone()
    }

    /// Reads the files again although nothing reports an edit.
    pub fn look_again(&self) {
        // If one is already waiting, that is enough.
        let _ = self.edited.try_send(());
    }
}

fn watcher(
    folder: &Path,
    on_event: impl Fn(notify::Result<Event>) + Send + 'static,
) -> notify::Result<RecommendedWatcher> {
    // It panics if it cannot start its own thread.
    let probe = thread::Builder::new().spawn(|| ());
    let _ = probe.map_err(notify::Error::io)?.join();
    let mut watcher = notify::recommended_watcher(on_event)?;
    watcher.watch(folder, RecursiveMode::NonRecursive)?;
    Ok(watcher)
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
            let _ = edited.try_send(());
        }
    }
}

/// The state of the watching thread: what it has seen of the files, and what it has concluded.
struct Follower<E> {
    directory: Arc<Directory>,
    edits: E,
    stamps: [Stamp; 2],
    last_change: Instant,
    /// The first change since the last reading.
    unread_since: Option<Instant>,
    /// The last reading has not fully taken effect. It is repeated when the files are stable.
    is_open: bool,
    /// Who was missing in the last reading and in all readings since the given time.
    gone: Option<(Gone, Instant)>,
    /// The last reported problem, so that it is reported once.
    told: Option<String>,
}

impl<E: Edits> Follower<E> {
    fn new(directory: Arc<Directory>, edits: E) -> Self {
        Self {
            stamps: directory.stamps.clone(),
            directory,
            edits,
            last_change: Instant::now(),
            unread_since: None,
            is_open: false,
            gone: None,
            told: None,
        }
    }

    fn run(&mut self, edited: &Receiver<()>, made: &Receiver<News>) {
        loop {
            let is_told = select! {
                recv(edited) -> told => match told {
                    Ok(()) => true,
                    Err(_) => return,
                },
                recv(made) -> news => match news {
                    Ok(News { made, counts }) => {
                        self.read(false, Some(&made));
                        // Who does not wait any more need not know.
                        let _ = counts.try_send(());
                        false
                    }
                    Err(_) => return,
                },
                default(self.pause()) => false,
            };
            let stamps = Stamp::of_all(self.directory.files());
            if is_told || stamps != self.stamps {
                self.stamps = stamps;
                self.last_change = Instant::now();
                self.unread_since.get_or_insert(self.last_change);
            }
            let age = self.last_change.elapsed();
            let waited = self.unread_since.map(|since| since.elapsed());
            if waited.is_some_and(|waited| age >= QUIET || waited >= LONGEST_UNREAD) {
                self.unread_since = None;
                self.is_open = true;
                self.read(false, None);
            } else if self.is_open && waited.is_none() && age >= STABLE {
                self.is_open = self.read(true, None);
            }
        }
    }

    /// How long until there is something to do if nobody reports an edit.
    fn pause(&self) -> Duration {
        let age = self.last_change.elapsed();
        if self.unread_since.is_some() {
            QUIET.saturating_sub(age)
        } else if self.is_open && age < STABLE {
            (STABLE - age).min(LOOK)
        } else {
            LOOK
        }
    }

    /// Reads the files, after an edit of the server's own or of somebody else. Returns whether they must be read again although
    /// nothing changes.
    fn read(&mut self, is_stable: bool, made: Option<&Made>) -> bool {
        let old = self.directory.people();
        match self.directory.read() {
            Ok(new) if new.users.is_empty() && !old.users.is_empty() => {
                let file = self.directory.files()[0].display();
                self.tell(format!(
                    "{file}: there are no users in it, so the old ones are kept; write them into it again"
                ));
                false
            }
            Ok(new) => {
                self.compare(&old, new, (is_stable, made));
                false
            }
            Err(error) => {
                let may_pass = matches!(error, ReadError::Io { .. });
                self.tell(format!(
                    "the directory was edited, the old one is kept: {error}"
                ));
                may_pass
            }
        }
    }

    fn compare(&mut self, old: &People, mut new: People, (is_stable, made): (bool, Option<&Made>)) {
        if !is_stable {
            let is_added = |login: &Login| made.is_some_and(|made| made.has_added(login));
            new.users
                .leave_out_unfinished(|login| old.users.contains(login) || is_added(login));
        }
        if new == *old {
            self.gone = None;
            if self.told.take().is_some() {
                info!("the directory is in order again; nothing has changed");
            }
            return;
        }
        let gone = Gone::between(old, &new, made);
        if !gone.is_nobody() && !is_stable && !self.is_gone_for_long(&gone) {
            let (gone, seconds) = (gone.described(old), STABLE.as_secs());
            self.tell(format!(
                "the directory was edited and lacks {gone}; that counts in {seconds} s if the files \
                 stay as they are"
            ));
            // New users do not wait for that.
            if let Some(more) = new.and(old).filter(|more| more != old) {
                self.replace(old, more);
            }
            return;
        }
        (self.gone, self.told) = (None, None);
        self.replace(old, new);
    }

    fn replace(&self, old: &People, new: People) {
        if !self.edits.prepare(old, &new) {
            return;
        }
        let added = new.users.not_in(&old.users).count();
        let removed = old.users.not_in(&new.users).count();
        let (users, groups) = (new.users.len(), new.groups.len());
        self.directory.replace(new);
        info!(
            "the directory was edited: {added} users added, {removed} removed; \
             {users} users and {groups} groups now"
        );
        self.edits.done(old, &self.directory.people());
    }

    fn is_gone_for_long(&mut self, gone: &Gone) -> bool {
        let since = match &self.gone {
            Some((before, since)) if before == gone => *since,
            _ => Instant::now(),
        };
        self.gone = Some((gone.clone(), since));
        since.elapsed() >= LONGEST_GONE
    }

    fn tell(&mut self, problem: String) {
        if self.told.as_ref() != Some(&problem) {
            warn_of_each(&problem);
            self.told = Some(problem);
        }
    }
}

#[cfg(test)]
mod tests;
