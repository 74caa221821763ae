//! All files: what was announced, what is whole, who has how much.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use jiff::{SignedDuration, Timestamp};
use mensageiro_protocol::{
    Login,
    live::{Attachment, FileHash, FileToken, Preview, SlotRequest},
};
use parking_lot::{Condvar, Mutex};
use tracing::{info, warn};

use super::{
    FileRefusal, MOST_OPEN, SLOT_HOURS, Slot, SlotState,
    content::Content,
    folder::{self, Folder},
};
use crate::rename::rename;

/// What is allowed. 0 stands for any number, except for a file's size.
#[derive(Clone, Copy, Debug)]
pub struct FileLimits {
    /// Bytes of one file; 0: no files are taken.
    pub file_bytes: u64,
    /// Bytes of the files of one login.
    pub quota: u64,
    /// Bytes of all files.
    pub total_quota: u64,
    /// Bytes of the disk that are left alone.
    pub min_free: u64,
    /// How long files are kept; `None`: for ever.
    pub keep: Option<SignedDuration>,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileTotals {
    /// Files that are whole.
    pub files: usize,
    /// Bytes of all contents, and of what is announced.
    pub bytes: u64,
    /// Files that are being uploaded now.
    pub uploading: usize,
    /// Files that were uploaded since the start.
    pub received: u64,
    /// Files that were sent to the end since the start.
    pub sent: u64,
}

/// All files of a server. Its methods may be called by any thread.
#[derive(Debug)]
pub struct FileStore {
    pub(super) folder: Folder,
    pub(super) limits: FileLimits,
    pub(super) state: Mutex<State>,
    /// Every document could be read. Otherwise no content is taken for garbage.
    is_all_known: bool,
    /// Held while a slot is named or removed: who is told that one is named may rely on it.
    naming: Mutex<()>,
    /// An upload has ended.
    pub(super) ended: Condvar,
    pub(super) received: AtomicU64,
    sent: AtomicU64,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) slots: HashMap<FileToken, Arc<Slot>>,
    pub(super) contents: HashMap<FileHash, Arc<Content>>,
    /// Bytes of the slots of each login; none is 0.
    used: HashMap<Login, u64>,
    /// The files that are being uploaded, and how to interrupt that.
    pub(super) uploading: HashMap<FileToken, Box<dyn Fn() + Send>>,
    total: u64,
}

impl FileStore {
    /// Opens the files in a data folder, and finishes what a crash has left half done.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(data: &Path, limits: FileLimits) -> io::Result<Arc<Self>> {
        let folder = Folder::of(data);
        folder.create()?;
        let mut state = State::default();
        let mut is_all_known = true;
        let mut missing = 0;
        for entry in fs::read_dir(folder.slots())? {
            let file = entry?.path();
            if file.extension().is_none_or(|extension| extension != "json") {
                // What a crash has left beside its document.
                folder::remove(&file)?;
                continue;
            }
            match Slot::read(&file) {
                Ok(slot) if slot.is_whole() && !has_size(&folder, &slot) => missing += 1,
                Ok(slot) => state.add(Arc::new(slot)),
                Err(error) => {
                    is_all_known = false;
                    warn!(
                        "{}: a file that was sent is not offered: {error}",
                        file.display()
                    );
                }
            }
        }
        if missing > 0 {
            warn!(
                "{}: the contents of {missing} files are missing; copy them from a backup, or they stay missing",
                folder.path().display()
            );
        }
        // What an unknown document needs must not be taken for garbage.
        if is_all_known {
            state.collect(&folder)?;
        }
        Ok(Arc::new(Self {
            folder,
            limits,
            is_all_known,
            state: Mutex::new(state),
            naming: Mutex::new(()),
            ended: Condvar::new(),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        }))
    }

    /// The largest file in bytes; `None`: no files are taken.
    pub fn file_bytes(&self) -> Option<u64> {
        Some(self.limits.file_bytes).filter(|&most| most > 0)
    }

    /// Announces a file (rule V25). The same file of the same login gets the same slot as long as no message names it.
    ///
    /// # Errors
    /// [`FileRefusal`] says why it is not taken.
    pub fn reserve(&self, login: &Login, wanted: &SlotRequest) -> Result<Arc<Slot>, FileRefusal> {
        let SlotRequest {
            name, size, hash, ..
        } = wanted;
        let most = self.file_bytes().ok_or(FileRefusal::NoFiles)?;
        if *size > most {
            return Err(FileRefusal::TooLarge { size: *size, most });
        }
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let mut state = self.state.lock();
        let open: Vec<_> = state.waiting_of(login).cloned().collect();
        let same = open
            .iter()
            .filter(|_| hash.is_some())
            .find(|slot| slot.name == *name && slot.size == *size && slot.hash == *hash);
        if let Some(same) = same {
            return Ok(same.clone());
        }
        self.has_room(&state, login, *size)?;
        let oldest = match open.len() >= MOST_OPEN {
            true => Some(state.oldest_idle(&open).ok_or(FileRefusal::TooMany)?),
            false => None,
        };
        let slot = Arc::new(Slot {
            file: FileToken::new(random),
            login: login.clone(),
            name: name.clone(),
            size: *size,
            kind: wanted.kind.clone(),
            hash: *hash,
            state: SlotState::Open,
            since: Timestamp::now().as_millisecond(),
        });
        state.add(slot.clone());
        drop(state);
        let removed = oldest.map_or(Ok(()), |oldest| {
            self.remove_if(&oldest, |slot| slot.state != SlotState::Named)
                .map(drop)
        });
        let stored = removed.and_then(|()| self.folder.store(&slot));
        stored.inspect_err(|_| {
            self.state.lock().take(&slot.file);
        })?;
        Ok(slot)
    }

    fn has_room(&self, state: &State, login: &Login, size: u64) -> Result<(), FileRefusal> {
        let FileLimits {
            quota, total_quota, ..
        } = self.limits;
        let used = state.used.get(login).copied().unwrap_or(0);
        if quota > 0 && used.saturating_add(size) > quota {
            return Err(FileRefusal::Quota { used, most: quota });
        }
        if total_quota > 0 && state.total.saturating_add(size) > total_quota {
            return Err(FileRefusal::TotalQuota);
        }
        self.has_disk(size)
    }

    /// Whether the disk has room for so many bytes.
    pub(super) fn has_disk(&self, bytes: u64) -> Result<(), FileRefusal> {
        let free = fs4::available_space(self.folder.path()).ok();
        match free {
            Some(free) if free < self.limits.min_free.saturating_add(bytes) => {
                Err(FileRefusal::DiskFull)
            }
            _ => Ok(()),
        }
    }

    /// The slot of a file.
    pub fn slot(&self, token: &FileToken) -> Option<Arc<Slot>> {
        self.state.lock().slots.get(token).cloned()
    }

    /// How many bytes of a file are here.
    pub fn offset(&self, slot: &Slot) -> u64 {
        match slot.is_whole() {
            true => slot.size,
            false => self.folder.uploaded(&slot.file).min(slot.size),
        }
    }

    /// Until when a slot waits for its file, or a file for its message, in milliseconds since 1970 UTC.
    pub fn until(slot: &Slot) -> i64 {
        slot.since + SLOT_HOURS * 60 * 60 * 1000
    }

    /// Notes that a message of its owner names a file. When this returns, that is on disk: so no file of a message is taken
    /// for garbage.
    ///
    /// # Errors
    /// [`FileRefusal::Unknown`] if the user has uploaded no such file, or not all of it; or the disk failed.
    pub fn name(
        &self,
        token: &FileToken,
        login: &Login,
        preview: Option<Preview>,
    ) -> Result<Attachment, FileRefusal> {
        let _naming = self.naming.lock();
        let mut state = self.state.lock();
        let slot = state.slots.get(token);
        let slot = slot.filter(|slot| slot.login == *login && slot.is_whole());
        let slot = slot.ok_or(FileRefusal::Unknown)?.clone();
        if slot.state == SlotState::Named {
            return slot.attachment(preview).ok_or(FileRefusal::Unknown);
        }
        let named = Arc::new(slot.becoming(SlotState::Named));
        state.slots.insert(*token, named.clone());
        drop(state);
        match self.folder.store(&named) {
            Ok(()) => named.attachment(preview).ok_or(FileRefusal::Unknown),
            Err(error) => {
                self.state.lock().slots.insert(*token, slot);
                Err(error.into())
            }
        }
    }

    /// Removes a file that no message names any more. Its content goes with the last file that has it.
    pub fn forget(&self, token: &FileToken) {
        if let Err(error) = self.remove_if(token, |_| true) {
            warn!("a file of a deleted message cannot be removed: {error}");
        }
    }

    /// Removes a file if it is still one of these: a message may just be naming it. Returns whether it did.
    fn remove_if(&self, token: &FileToken, is_it: impl Fn(&Slot) -> bool) -> io::Result<bool> {
        let _naming = self.naming.lock();
        let mut state = self.state.lock();
        let is_idle = !state.uploading.contains_key(token);
        if !is_idle || !state.slots.get(token).is_some_and(|slot| is_it(slot)) {
            return Ok(false);
        }
        let Some(slot) = state.take(token) else {
            return Ok(false);
        };
        // The slot first: one without a content is a file that is missing, but a content without a slot is removed.
        folder::remove(&self.folder.slot(token))?;
        folder::remove(&self.folder.upload(token))?;
        match slot.content() {
            // With the lock: the same content may just be coming again.
            Some(hash) if self.is_all_known && !state.contents.contains_key(&hash) => {
                folder::remove(&self.folder.content(&hash))?;
            }
            _ => {}
        }
        Ok(true)
    }

    /// Removes what nobody has finished or named in time, and what is older than files are kept.
    pub(super) fn sweep(&self) {
        let now = Timestamp::now();
        let is_old = |slot: &Slot| match slot.state {
            SlotState::Named => self
                .limits
                .keep
                .is_some_and(|keep| slot.since < (now - keep).as_millisecond()),
            SlotState::Open | SlotState::Complete => Self::until(slot) < now.as_millisecond(),
        };
        let expired: Vec<_> = {
            let state = self.state.lock();
            let old = state.slots.values().filter(|slot| is_old(slot));
            old.map(|slot| slot.file).collect()
        };
        let mut removed = 0;
        for token in &expired {
            match self.remove_if(token, is_old) {
                Ok(was_removed) => removed += usize::from(was_removed),
                Err(error) => return warn!("old files are not removed: {error}"),
            }
        }
        if removed > 0 {
            info!("{removed} files were removed: too old, or never named by a message");
        }
    }

    /// Counts a file that was sent to its end.
    pub fn note_sent(&self) {
        self.sent.fetch_add(1, Relaxed);
    }

    /// How much there is.
    pub fn totals(&self) -> FileTotals {
        let state = self.state.lock();
        FileTotals {
            files: state.slots.values().filter(|slot| slot.is_whole()).count(),
            bytes: state.total,
            uploading: state.uploading.len(),
            received: self.received.load(Relaxed),
            sent: self.sent.load(Relaxed),
        }
    }
}

impl State {
    pub(super) fn add(&mut self, slot: Arc<Slot>) {
        *self.used.entry(slot.login.clone()).or_default() += slot.size;
        match slot.content() {
            Some(hash) => self.hold(hash, slot.size),
            None => self.total += slot.size,
        }
        self.slots.insert(slot.file, slot);
    }

    /// Removes a slot, and its content if no other slot has it.
    fn take(&mut self, token: &FileToken) -> Option<Arc<Slot>> {
        let slot = self.slots.remove(token)?;
        if let Some(used) = self.used.get_mut(&slot.login) {
            *used -= slot.size;
            if *used == 0 {
                self.used.remove(&slot.login);
            }
        }
        match slot.content() {
            Some(hash) => self.let_go(&hash, slot.size),
            None => self.total -= slot.size,
        }
        Some(slot)
    }

    /// One more slot has a content.
    pub(super) fn hold(&mut self, hash: FileHash, size: u64) {
        let total = &mut self.total;
        let content = self.contents.entry(hash).or_insert_with(|| {
            *total += size;
            Arc::default()
        });
        content.hold();
    }

    /// One slot less has it.
    pub(super) fn let_go(&mut self, hash: &FileHash, size: u64) {
        let is_last = self
            .contents
            .get(hash)
            .is_some_and(|content| content.let_go());
        if is_last {
            self.contents.remove(hash);
            self.total -= size;
        }
    }

    /// What was announced has come, and counts as a content from now on.
    pub(super) fn complete(&mut self, slot: Arc<Slot>) {
        self.total -= slot.size;
        self.slots.insert(slot.file, slot);
    }

    /// The files of a login that no message names yet.
    fn waiting_of(&self, login: &Login) -> impl Iterator<Item = &Arc<Slot>> {
        let slots = self.slots.values();
        slots.filter(move |slot| slot.state != SlotState::Named && slot.login == *login)
    }

    fn oldest_idle(&self, slots: &[Arc<Slot>]) -> Option<FileToken> {
        let idle = slots.iter();
        let idle = idle.filter(|slot| !self.uploading.contains_key(&slot.file));
        idle.min_by_key(|slot| slot.since).map(|slot| slot.file)
    }

    /// Removes contents and uploads that belong to no slot. A content whose upload was whole when the server crashed becomes
    /// an upload again, to be completed by whoever sends it.
    fn collect(&self, folder: &Folder) -> io::Result<()> {
        for entry in fs::read_dir(folder.contents())? {
            let file = entry?.path();
            let name = file.file_name().and_then(|name| name.to_str());
            let hash = name.and_then(FileHash::parse);
            if hash.is_some_and(|hash| self.contents.contains_key(&hash)) {
                continue;
            }
            let open = |slot: &&Arc<Slot>| !slot.is_whole() && slot.hash == hash;
            match self.slots.values().find(open).filter(|_| hash.is_some()) {
                Some(slot) => rename(&file, &folder.upload(&slot.file))?,
                None => folder::remove(&file)?,
            }
        }
        let open = self.slots.values().filter(|slot| !slot.is_whole());
        let tokens: HashSet<_> = open.map(|slot| slot.file.to_string()).collect();
        for entry in fs::read_dir(folder.uploads())? {
            let entry = entry?;
            if !entry
                .file_name()
                .to_str()
                .is_some_and(|name| tokens.contains(name))
            {
                folder::remove(&entry.path())?;
            }
        }
        Ok(())
    }
}

fn has_size(folder: &Folder, slot: &Slot) -> bool {
    let content = slot.content().map(|hash| folder.content(&hash));
    let content = content.and_then(|content| fs::metadata(content).ok());
    content.is_some_and(|content| content.len() == slot.size)
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("slots", &self.slots.len())
            .finish_non_exhaustive()
    }
}
