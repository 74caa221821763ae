//! A disk in memory that fails or stops at a chosen call, and loses at a power cut what was not synced.

mod file;
mod power;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use mensageiro_server::log::disk::{Access, Disk, DiskFile, Lock};
use parking_lot::Mutex;

pub use self::power::Chance;
use self::{
    file::{SimulatedFile, SimulatedLock},
    power::{Change, lose},
};

/// See the module. Clones are the same disk.
#[derive(Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    files: HashMap<u64, Content>,
    /// As programs see them, and as a power cut leaves them.
    names: BTreeMap<PathBuf, u64>,
    durable_names: BTreeMap<PathBuf, u64>,
    changes: Vec<NameChange>,
    folders: HashSet<PathBuf>,
    locks: HashSet<PathBuf>,
    last_file: u64,
    calls: Calls,
    fault: Option<Fault>,
    /// Once it is stopped, nothing has an effect any more.
    is_stopped: bool,
    has_failed: bool,
    links_fail: bool,
}

/// Calls that change something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    pub all: u64,
    pub writes: u64,
    pub syncs: u64,
}

/// What happens to a call, by its number among those that change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails; the calls behind it succeed.
    Failure(u64),
    /// It is not made, nor any call behind it.
    Stop(u64),
}

#[derive(Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    pending: Vec<Change>,
}

enum NameChange {
    Set(PathBuf, u64),
    Removed(PathBuf),
}

impl NameChange {
    fn path(&self) -> &Path {
        match self {
            Self::Set(path, _) | Self::Removed(path) => path,
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, u64>) {
        match self {
            Self::Set(path, file) => names.insert(path.clone(), *file),
            Self::Removed(path) => names.remove(path),
        };
    }
}

impl SimulatedDisk {
    pub fn set_fault(&self, fault: Option<Fault>) {
        let mut state = self.0.lock();
        state.fault = fault;
        state.calls = Calls::default();
        state.has_failed = false;
    }

    pub fn let_links_fail(&self) {
        self.0.lock().links_fail = true;
    }

    pub fn calls(&self) -> Calls {
        self.0.lock().calls
    }

    pub fn is_stopped(&self) -> bool {
        self.0.lock().is_stopped
    }

    /// The program has ended, in whatever way, and another one may begin.
    pub fn restart(&self) {
        let mut state = self.0.lock();
        state.is_stopped = false;
        state.fault = None;
        state.locks.clear();
    }

    /// The power goes and comes back: of what was not synced anything may be there or not.
    pub fn cut_power(&self, chance: &mut Chance) {
        let mut state = self.0.lock();
        let State {
            files,
            names,
            durable_names,
            changes,
            ..
        } = &mut *state;
        // Of each folder, a file system keeps the first changes.
        let mut folders: HashMap<PathBuf, bool> = HashMap::new();
        for change in changes.drain(..) {
            let folder = change.path().parent().unwrap().to_owned();
            let is_kept = folders.entry(folder).or_insert(true);
            *is_kept = *is_kept && !chance.one_in(3);
            if *is_kept {
                change.apply(durable_names);
            }
        }
        *names = durable_names.clone();
        let mut ids: Vec<_> = files.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            let file = files.get_mut(&id).unwrap();
            let fate = chance.below(4);
            let mut content = std::mem::take(&mut file.durable);
            for change in file.pending.drain(..) {
                lose(change, fate, &mut content, chance);
            }
            file.durable = content.clone();
            file.seen = content;
        }
    }

    /// Changes a file behind everybody's back, as if it had always been so.
    pub fn spoil(&self, path: &Path, spoil: impl FnOnce(&mut Vec<u8>)) {
        let mut state = self.0.lock();
        let id = state.names[path];
        let file = state.files.get_mut(&id).unwrap();
        spoil(&mut file.seen);
        file.durable = file.seen.clone();
        file.pending.clear();
    }

    /// Whether the fault was a call that failed, and was made.
    pub fn has_failed(&self) -> bool {
        self.0.lock().has_failed
    }

    /// All files with what is in them.
    pub fn contents(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let paths = self.paths().into_iter();
        paths
            .map(|path| (path.clone(), self.content(&path).unwrap()))
            .collect()
    }

    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let state = self.0.lock();
        let id = state.names.get(path)?;
        Some(state.files[id].seen.clone())
    }

    pub fn delete(&self, path: &Path) {
        let mut state = self.0.lock();
        state.names.remove(path);
        state.durable_names.remove(path);
    }

    /// All files, as they are now.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.0.lock().names.keys().cloned().collect()
    }

    /// Another disk with the same files.
    pub fn copy(&self) -> Self {
        let copy = Self::default();
        let state = self.0.lock();
        let mut other = copy.0.lock();
        other.names = state.names.clone();
        other.durable_names = state.names.clone();
        other.folders = state.folders.clone();
        other.last_file = state.last_file;
        for (id, file) in &state.files {
            let content = Content {
                seen: file.seen.clone(),
                durable: file.seen.clone(),
                pending: Vec::new(),
            };
            other.files.insert(*id, content);
        }
        drop(other);
        copy
    }
}

impl State {
    /// Counts a call that changes something, which may fail or not be made.
    fn change(&mut self) -> io::Result<()> {
        if self.is_stopped {
            return Err(io::Error::other("the program has ended"));
        }
        let number = self.calls.all;
        self.calls.all += 1;
        match self.fault {
            Some(Fault::Failure(at)) if at == number => {
                self.has_failed = true;
                Err(io::Error::other("injected"))
            }
            Some(Fault::Stop(at)) if at == number => {
                self.is_stopped = true;
                Err(io::Error::other("the program ends here"))
            }
            _ => Ok(()),
        }
    }

    fn rename(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.changes.push(change);
    }

    fn find(&self, path: &Path) -> io::Result<u64> {
        let found = self.names.get(path).copied();
        found.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Disk for SimulatedDisk {
    fn open(&self, file: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.0.lock();
        let open = |id| {
            Arc::new(SimulatedFile {
                disk: self.0.clone(),
                id,
            })
        };
        if access != Access::Create {
            return Ok(open(state.find(file)?));
        }
        state.change()?;
        if let Ok(id) = state.find(file) {
            let content = state.files.get_mut(&id).unwrap();
            content.seen.clear();
            content.pending.push(Change::Length(0));
            return Ok(open(id));
        }
        state.last_file += 1;
        let id = state.last_file;
        state.files.insert(id, Content::default());
        state.rename(NameChange::Set(file.to_owned(), id));
        Ok(open(id))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.change()?;
        if let Ok(id) = state.find(from) {
            state.rename(NameChange::Set(to.to_owned(), id));
            state.rename(NameChange::Removed(from.to_owned()));
            return Ok(());
        }
        // A folder: its content is synced by whoever renames it.
        if !state.folders.contains(from) || state.folders.contains(to) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let moved = |path: &PathBuf| Some(to.join(path.strip_prefix(from).ok()?));
        let State {
            names,
            durable_names,
            folders,
            ..
        } = &mut *state;
        for names in [names, durable_names] {
            *names = std::mem::take(names)
                .into_iter()
                .map(|(path, id)| (moved(&path).unwrap_or(path), id))
                .collect();
        }
        *folders = std::mem::take(folders)
            .into_iter()
            .map(|path| moved(&path).unwrap_or(path))
            .collect();
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.change()?;
        if state.links_fail {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        let id = state.find(from)?;
        state.rename(NameChange::Set(to.to_owned(), id));
        Ok(())
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.change()?;
        state.find(file)?;
        state.rename(NameChange::Removed(file.to_owned()));
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let state = self.0.lock();
        if !state.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let all = state.names.keys().chain(&state.folders);
        let inside = all.filter(|path| path.parent() == Some(folder));
        Ok(inside
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect())
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.change()?;
        for folder in folder.ancestors() {
            state.folders.insert(folder.to_owned());
        }
        Ok(())
    }

    fn create_new_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.change()?;
        match state.folders.insert(folder.to_owned()) {
            true => Ok(()),
            false => Err(io::ErrorKind::AlreadyExists.into()),
        }
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        if !self.list(folder)?.is_empty() {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        let mut state = self.0.lock();
        state.change()?;
        state.folders.remove(folder);
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let mut state = self.0.lock();
        state.change()?;
        let State {
            changes,
            durable_names,
            ..
        } = &mut *state;
        changes.retain(|change| {
            let is_here = change.path().parent() == Some(folder);
            if is_here {
                change.apply(durable_names);
            }
            !is_here
        });
        Ok(())
    }

    fn lock(&self, file: &Path) -> io::Result<Box<dyn Lock>> {
        match self.0.lock().locks.insert(file.to_owned()) {
            true => Ok(Box::new(SimulatedLock(self.clone(), file.to_owned()))),
            false => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("SimulatedDisk")
    }
}
