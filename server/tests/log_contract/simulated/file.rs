//! Files of the simulated disk, and locks on them.

use std::{fmt, io, path::PathBuf, sync::Arc};

use mensageiro_server::log::disk::{DiskFile, Lock};
use parking_lot::Mutex;

use super::{
    Content, SimulatedDisk, State,
    power::{Change, put},
};

pub(super) struct SimulatedFile {
    pub(super) disk: Arc<Mutex<State>>,
    pub(super) id: u64,
}

impl SimulatedFile {
    fn change<T>(&self, change: impl FnOnce(&mut Content) -> T) -> io::Result<T> {
        let mut state = self.disk.lock();
        state.change()?;
        Ok(change(state.files.get_mut(&self.id).unwrap()))
    }
}

impl fmt::Debug for SimulatedFile {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "SimulatedFile({})", self.id)
    }
}

impl DiskFile for SimulatedFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.disk.lock();
        let seen = &state.files[&self.id].seen;
        let from = seen.get(offset as usize..).unwrap_or_default();
        let read = from.len().min(buffer.len());
        buffer[..read].copy_from_slice(&from[..read]);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let write = |bytes: &[u8]| {
            let (offset, bytes) = (offset as usize, bytes.to_vec());
            move |file: &mut Content| {
                put(&mut file.seen, offset, &bytes);
                file.pending.push(Change::Write { offset, bytes });
            }
        };
        self.disk.lock().calls.writes += 1;
        let written = self.change(write(bytes));
        if written.is_err() && !self.disk.lock().is_stopped {
            // One that fails may have written something.
            let mut state = self.disk.lock();
            write(&bytes[..bytes.len() / 2])(state.files.get_mut(&self.id).unwrap());
        }
        written
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.change(|file| {
            file.seen.resize(length as usize, 0);
            file.pending.push(Change::Length(length as usize));
        })
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.lock().files[&self.id].seen.len() as u64)
    }

    /// One that fails leaves everything to be seen, although it is not on the disk and no later sync brings it there.
    fn sync(&self) -> io::Result<()> {
        self.disk.lock().calls.syncs += 1;
        let synced = self.change(|file| {
            for change in file.pending.drain(..) {
                match change {
                    Change::Write { offset, bytes } => put(&mut file.durable, offset, &bytes),
                    Change::Length(length) => file.durable.resize(length, 0),
                }
            }
        });
        let mut state = self.disk.lock();
        if synced.is_err() && !state.is_stopped {
            state.files.get_mut(&self.id).unwrap().pending.clear();
        }
        synced
    }
}

#[derive(Debug)]
pub(super) struct SimulatedLock(pub(super) SimulatedDisk, pub(super) PathBuf);

impl Lock for SimulatedLock {}

impl Drop for SimulatedLock {
    fn drop(&mut self) {
        self.0.0.lock().locks.remove(&self.1);
    }
}
