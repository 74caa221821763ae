//! A disk that works up to some moment.

use std::{
    io, panic,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use mensageiro_server::log::disk::{Access, Disk, DiskFile, Lock, SystemDisk};

/// What happens at that moment.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// There is no room left, then and later.
    Full,
    /// The program is killed.
    Killed,
}

/// See the module. The first calls succeed, whatever they ask for.
#[derive(Clone, Debug)]
pub struct FailingDisk {
    left: Arc<AtomicUsize>,
    end: End,
}

#[derive(Debug)]
struct FailingFile {
    file: Arc<dyn DiskFile>,
    disk: FailingDisk,
}

impl FailingDisk {
    /// Fails at the call with this number, from 1.
    pub fn new(calls: usize, end: End) -> Self {
        Self {
            left: Arc::new(AtomicUsize::new(calls)),
            end,
        }
    }

    /// One call.
    pub fn step(&self) -> io::Result<()> {
        let left = &self.left;
        let before = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
            (left > 0).then(|| left - 1)
        });
        match (before, self.end) {
            (Ok(2..), _) => Ok(()),
            (Ok(_), End::Killed) => panic::resume_unwind(Box::new(End::Killed)),
            // What is dropped on the way changes nothing any more.
            (Err(_), End::Killed) | (_, End::Full) => Err(io::ErrorKind::StorageFull.into()),
        }
    }
}

impl Disk for FailingDisk {
    fn open(&self, file: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        self.step()?;
        Ok(Arc::new(FailingFile {
            file: SystemDisk.open(file, access)?,
            disk: self.clone(),
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        SystemDisk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        SystemDisk.link(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        self.step()?;
        SystemDisk.remove(file)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.step()?;
        SystemDisk.list(folder)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.step()?;
        SystemDisk.create_folder(folder)
    }

    fn create_new_folder(&self, folder: &Path) -> io::Result<()> {
        self.step()?;
        SystemDisk.create_new_folder(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.step()?;
        SystemDisk.remove_folder(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step()?;
        SystemDisk.sync_folder(folder)
    }

    fn lock(&self, file: &Path) -> io::Result<Box<dyn Lock>> {
        self.step()?;
        SystemDisk.lock(file)
    }
}

impl DiskFile for FailingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk.step()?;
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let stepped = self.disk.step();
        if stepped.is_err() {
            // A part of it is written.
            self.file.write_at(&bytes[..bytes.len() / 2], offset)?;
        }
        stepped?;
        self.file.write_at(bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.disk.step()?;
        self.file.set_length(length)
    }

    fn length(&self) -> io::Result<u64> {
        self.disk.step()?;
        self.file.length()
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.step()?;
        self.file.sync()
    }
}
