//! Notices edits of the files while the server runs.
//!
//! The system reports an edit at once where it can. It cannot do so behind a link, in a file that
//! is mounted by itself, or on many network file systems. So the files are also checked regularly.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use mensageiro_protocol::Login;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tracing::{info, warn};

use super::{Directory, People, ReadError, stamp::Stamp};
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

/// How many of the missing users the log names.
const NAMED: usize = 5;

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
        let mut follower = Follower::new(directory, edits);
        thread::Builder::new()
            .name("directory".into())
            .spawn(move || follower.run(&edited_files))?;
        Ok(Self {
            _watcher: watcher,
            edited,
        })
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

    fn run(&mut self, edited: &Receiver<()>) {
        loop {
            let is_told = match edited.recv_timeout(self.pause()) {
                Ok(()) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return,
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
                self.read(false);
            } else if self.is_open && waited.is_none() && age >= STABLE {
                self.is_open = self.read(true);
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

    /// Reads the files. Returns whether they must be read again although nothing changes.
    fn read(&mut self, is_stable: bool) -> bool {
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
                self.compare(&old, new, is_stable);
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

    fn compare(&mut self, old: &People, mut new: People, is_stable: bool) {
        if !is_stable {
            new.users.leave_out_unfinished(&old.users);
        }
        if new == *old {
            self.gone = None;
            if self.told.take().is_some() {
                info!("the directory is in order again; nothing has changed");
            }
            return;
        }
        let gone = Gone::between(old, &new);
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

/// What an edit takes from somebody.
#[derive(Clone, PartialEq, Eq)]
struct Gone {
    /// The removed users, in order.
    users: Vec<Login>,
    /// The number of removed group memberships.
    members: usize,
}

impl Gone {
    fn between(old: &People, new: &People) -> Self {
        let mut users: Vec<_> = old.users.not_in(&new.users).cloned().collect();
        users.sort_unstable();
        let members = old.groups.not_in(&new.groups).count();
        Self { users, members }
    }

    fn is_nobody(&self) -> bool {
        self.users.is_empty() && self.members == 0
    }

    fn described(&self, old: &People) -> String {
        let (gone, all) = (self.users.len(), old.users.len());
        let mut names: Vec<_> = self.users.iter().take(NAMED).map(Login::as_str).collect();
        if gone > NAMED {
            names.push("…");
        }
        let users = format!("{gone} of {all} users ({})", names.join(", "));
        let members = format!("{} members of groups", self.members);
        match (gone, self.members) {
            (0, _) => members,
            (_, 0) => users,
            _ => format!("{users} and {members}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    /// Counts them.
    struct Counted(Arc<AtomicUsize>);

    impl Edits for Counted {
        fn prepare(&self, _: &People, _: &People) -> bool {
            true
        }

        fn done(&self, _: &People, _: &People) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reads these users one after the other, each time after that many seconds, and compares how
    /// many users there are then.
    fn check(is_stable: bool, edits: &[(&str, u64, usize)]) {
        let folder = tempfile::tempdir().unwrap();
        let files = ["users.csv", "groups.csv"].map(|file| folder.path().join(file));
        fs::write(&files[0], "ana\nbruno\ncarla\n").unwrap();
        let directory = Arc::new(Directory::open(&files[0], &files[1]).unwrap());
        let changes = Arc::<AtomicUsize>::default();
        let mut follower = Follower::new(directory.clone(), Counted(changes.clone()));
        let mut expected_changes = 0;
        for &(users, seconds, expected) in edits {
            fs::write(&files[0], users).unwrap();
            if let Some((_, since)) = &mut follower.gone {
                *since = since.checked_sub(Duration::from_secs(seconds)).unwrap();
            }
            let before = directory.people();
            follower.read(is_stable);
            let people = directory.people();
            assert_eq!(people.users.len(), expected, "{users:?}");
            expected_changes += usize::from(people != before);
            assert_eq!(
                changes.load(Ordering::Relaxed),
                expected_changes,
                "{users:?}"
            );
        }
    }

    #[test]
    fn who_is_gone_from_files_that_go_on_changing_is_removed_after_a_minute() {
        check(
            false,
            &[
                ("ana\nbruno\n", 0, 3),
                ("ana\nbruno\nzoe\n", 40, 4),
                ("ana\nbruno\nzoe\nyara\n", 21, 4),
            ],
        );
        // Different users are missing each time.
        check(false, &[("ana\nbruno\n", 0, 3), ("ana\ncarla\n", 61, 3)]);
        check(
            false,
            &[
                ("ana\n", 0, 3),
                ("ana\nbruno\ncarla\n", 0, 3),
                ("ana\n", 61, 3),
            ],
        );
    }

    #[test]
    fn who_is_new_does_not_wait_for_those_who_are_gone() {
        check(
            false,
            &[
                ("ana\nzoe\n", 0, 4),
                ("ana\nzoe\nyara\n", 40, 5),
                // Nobody may be confused with a user who is still there.
                ("ana\nzoe\nyara\nBruno\n", 1, 5),
            ],
        );
    }

    #[test]
    fn half_a_login_at_the_end_is_nobody_until_the_file_is_stable() {
        let half = "ana\nbruno\ncarla\nzo";
        check(false, &[(half, 0, 3), ("ana\nbruno\ncarla\nzoe\n", 0, 4)]);
        check(true, &[(half, 0, 4)]);
        // A user who is known stays known.
        check(false, &[("ana\nbruno\ncarla", 0, 3), ("ana\nbruno", 0, 3)]);
    }

    #[test]
    fn who_is_new_counts_at_once_and_nothing_of_a_bad_file_does() {
        let edits = [
            ("ana\nbruno\ncarla\nzoe\n", 0, 4),
            ("", 0, 4),
            ("login\n", 61, 4),
            ("ana\nbruno\n\"carla\nzoe\nyara\n", 61, 4),
            ("zoe\nyara\nbruno\ncarla\nana\n", 0, 5),
        ];
        check(false, &edits);
        // Nor if the file stays as it is.
        check(true, &edits);
    }
}
