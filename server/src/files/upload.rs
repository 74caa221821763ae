//! A file that is coming.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use mensageiro_protocol::live::{FileHash, FileToken};
use thiserror::Error;

use super::{
    FileRefusal, FileStore, Slot, SlotState,
    folder::{remove, sync},
};
use crate::{file_rights, rename::rename};

/// How long an older upload of the same file may take to end when a newer one begins.
const END: Duration = Duration::from_secs(5);

/// After so many bytes it is looked whether the disk still has room.
const LOOK_BYTES: u64 = 16 * 1024 * 1024;

/// Bytes that are read at a time of what has come before.
const BLOCK_BYTES: usize = 128 * 1024;

/// One connection that uploads a file. Another one for the same file interrupts it.
pub struct Upload<'a> {
    store: &'a FileStore,
    slot: Arc<Slot>,
    file: File,
    hasher: blake3::Hasher,
    offset: u64,
    /// When the disk is looked at next.
    look_at: u64,
}

/// Why an upload does not begin or end as it should.
#[derive(Debug, Error)]
pub enum UploadRefusal {
    /// There is no such slot.
    #[error("there is no such file")]
    Unknown,
    /// All of it is here already.
    #[error("the file is here already")]
    IsWhole,
    /// It has to go on elsewhere.
    #[error("{0} bytes of the file are here")]
    Offset(u64),
    /// Another connection uploads it and does not end.
    #[error("another connection uploads this file")]
    Busy,
    /// What has come is not what was announced. It is dropped.
    #[error("what was uploaded does not have the hash that was announced; begin anew")]
    Hash,
    /// It cannot be stored.
    #[error(transparent)]
    Refused(#[from] FileRefusal),
}

impl From<io::Error> for UploadRefusal {
    fn from(error: io::Error) -> Self {
        FileRefusal::from(error).into()
    }
}

impl FileStore {
    /// Begins to take a file, at `from` bytes, which must not be more than are here. What is here after that is dropped.
    /// `interrupt` ends the connection when a newer one uploads the same file.
    ///
    /// # Errors
    /// [`UploadRefusal`] says why not.
    pub fn begin_upload(
        &self,
        token: &FileToken,
        from: u64,
        interrupt: impl Fn() + Send + 'static,
    ) -> Result<Upload<'_>, UploadRefusal> {
        let slot = self.take_turn(token, interrupt)?;
        let path = self.folder.upload(token);
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        // From here on the upload ends its turn when it is dropped.
        let opened = file_rights::open_or_create(&options, &path);
        let file = opened.inspect_err(|_| self.end_turn(token))?;
        let mut upload = Upload {
            store: self,
            slot,
            file,
            hasher: blake3::Hasher::new(),
            offset: 0,
            look_at: LOOK_BYTES,
        };
        let here = upload.file.metadata()?.len().min(upload.slot.size);
        if from > here {
            return Err(UploadRefusal::Offset(here));
        }
        upload.go_to(from)?;
        Ok(upload)
    }

    /// Waits until nobody else uploads the file.
    fn take_turn(
        &self,
        token: &FileToken,
        interrupt: impl Fn() + Send + 'static,
    ) -> Result<Arc<Slot>, UploadRefusal> {
        let deadline = Instant::now() + END;
        let mut state = self.state.lock();
        while let Some(interrupt_other) = state.uploading.get(token) {
            interrupt_other();
            if self.ended.wait_until(&mut state, deadline).timed_out() {
                return Err(UploadRefusal::Busy);
            }
        }
        let slot = state.slots.get(token).ok_or(UploadRefusal::Unknown)?;
        if slot.is_whole() {
            return Err(UploadRefusal::IsWhole);
        }
        let slot = slot.clone();
        state.uploading.insert(*token, Box::new(interrupt));
        Ok(slot)
    }

    fn end_turn(&self, token: &FileToken) {
        self.state.lock().uploading.remove(token);
        self.ended.notify_all();
    }
}

impl Upload<'_> {
    /// The slot.
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    /// How many bytes are here.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Reads what came before once more, for its hash.
    fn go_to(&mut self, from: u64) -> io::Result<()> {
        self.file.set_len(from)?;
        self.file.seek(SeekFrom::Start(0))?;
        let mut block = vec![0; BLOCK_BYTES];
        while self.offset < from {
            let most = usize::try_from(from - self.offset)
                .map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
            self.file.read_exact(&mut block[..most])?;
            self.hasher.update(&block[..most]);
            self.offset += most as u64;
        }
        Ok(())
    }

    /// Takes more of the file. The caller gives no more than its size.
    ///
    /// # Errors
    /// When the disk is full or fails. What has come stays, and can be continued.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), FileRefusal> {
        if self.offset >= self.look_at {
            self.store.has_disk(0)?;
            self.look_at = self.offset + LOOK_BYTES;
        }
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Makes a whole file of it, once all has come, and returns it: then a power cut cannot undo it.
    ///
    /// # Errors
    /// [`UploadRefusal::Offset`] if something is missing, [`UploadRefusal::Hash`] if it is not what was announced, or the
    /// disk failed.
    pub fn finish(self) -> Result<Arc<Slot>, UploadRefusal> {
        let Self {
            store,
            slot,
            file,
            hasher,
            offset,
            ..
        } = &self;
        if *offset != slot.size {
            return Err(UploadRefusal::Offset(*offset));
        }
        let folder = &store.folder;
        let upload = folder.upload(&slot.file);
        let hash = FileHash(*hasher.finalize().as_bytes());
        if slot.hash.is_some_and(|announced| announced != hash) {
            remove(&upload)?;
            return Err(UploadRefusal::Hash);
        }
        file.sync_all()?;
        let content = folder.content(&hash);
        let held = {
            // With the lock: nobody must remove the same content of another slot just then.
            let mut state = store.state.lock();
            rename(&upload, &content)?;
            state.hold(hash, slot.size);
            state.contents.get(&hash).cloned()
        };
        // Without it: somebody may be reading the content to verify it.
        if let Some(held) = held {
            held.set_verified();
        }
        let complete = Arc::new(Slot {
            hash: Some(hash),
            ..slot.becoming(SlotState::Complete)
        });
        let stored = sync(&folder.contents()).and_then(|()| folder.store(&complete));
        let mut state = store.state.lock();
        match stored {
            Ok(()) => {
                state.complete(complete.clone());
                store.received.fetch_add(1, Relaxed);
                Ok(complete)
            }
            Err(error) => {
                state.let_go(&hash, slot.size);
                if !state.contents.contains_key(&hash) {
                    remove(&content)?;
                }
                Err(error.into())
            }
        }
    }
}

impl Drop for Upload<'_> {
    fn drop(&mut self) {
        self.store.end_turn(&self.slot.file);
    }
}
