//! What the log needs of a disk, as a trait: tests use a disk that loses what was not synced, fails, or stops between
//! any two calls.

use std::{
    fmt,
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::Path,
    sync::Arc,
};

use crate::{file_rights, rename::rename};

/// A disk with files and folders. A power cut may undo a change of a folder's entries until [`Disk::sync_folder`] has
/// returned.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Opens a file.
    ///
    /// # Errors
    /// The error of the system; `NotFound` if there is no such file, unless it is created.
    fn open(&self, file: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// Renames a file. It replaces a file that has the new name.
    ///
    /// # Errors
    /// The error of the system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Makes a hard link, or fails where the system has none.
    ///
    /// # Errors
    /// The error of the system.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// The error of the system.
    fn remove(&self, file: &Path) -> io::Result<()>;

    /// The names of all entries of a folder, in any order.
    ///
    /// # Errors
    /// The error of the system; `NotFound` if there is no such folder.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;

    /// Creates a folder, and its missing parents.
    ///
    /// # Errors
    /// The error of the system.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;

    /// Creates a folder in one that others may write to. Only the own account can open it, and an existing entry with
    /// its name is not used.
    ///
    /// # Errors
    /// `AlreadyExists`, or another error of the system.
    fn create_new_folder(&self, folder: &Path) -> io::Result<()>;

    /// Removes an empty folder.
    ///
    /// # Errors
    /// The error of the system.
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;

    /// Syncs the entries of a folder: afterwards a power cut cannot undo changes of them.
    ///
    /// # Errors
    /// The error of the system.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Creates a file if it is missing, and locks it against other programs until the returned value is dropped.
    ///
    /// # Errors
    /// `WouldBlock` while another program holds the lock, otherwise the error of the system.
    fn lock(&self, file: &Path) -> io::Result<Box<dyn Lock>>;
}

/// An open file. Each call names an offset in it, so that threads can share it.
pub trait DiskFile: fmt::Debug + Send + Sync {
    /// Reads until `buffer` is full or the file ends, and returns the number of bytes.
    ///
    /// # Errors
    /// The error of the system.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes`. Until [`DiskFile::sync`] has returned, a power cut may leave any part of them on the disk.
    ///
    /// # Errors
    /// The error of the system.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Truncates the file, or extends it with zeros.
    ///
    /// # Errors
    /// The error of the system.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// The length of the file in bytes.
    ///
    /// # Errors
    /// The error of the system.
    fn length(&self) -> io::Result<u64>;

    /// Syncs the data and the length of the file.
    ///
    /// # Errors
    /// The error of the system. Then written data may be lost even if a later call succeeds.
    fn sync(&self) -> io::Result<()>;
}

/// A lock on a file, held until this is dropped.
pub trait Lock: fmt::Debug + Send + Sync {}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For reading. It must exist.
    Read,
    /// For reading and writing. It must exist.
    Write,
    /// For reading and writing. It is created or truncated.
    Create,
}

/// The disk of this computer.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn open(&self, file: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let is_created = access == Access::Create;
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(access != Access::Read)
            .truncate(is_created);
        let opened = match is_created {
            true => file_rights::open_or_create(&options, file),
            false => options.open(file),
        };
        Ok(Arc::new(opened?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, file: &Path) -> io::Result<()> {
        fs::remove_file(file)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name()));
        // All names that the log uses are Unicode.
        let names = names.filter_map(|name: io::Result<_>| match name {
            Ok(name) => name.into_string().ok().map(Ok),
            Err(error) => Some(Err(error)),
        });
        names.collect()
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)
    }

    fn create_new_folder(&self, folder: &Path) -> io::Result<()> {
        file_rights::create_new_folder(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        fs::remove_dir(folder)
    }

    #[cfg(unix)]
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    /// Other systems make the entries of a folder durable by themselves.
    #[cfg(not(unix))]
    fn sync_folder(&self, _folder: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, file: &Path) -> io::Result<Box<dyn Lock>> {
        let opened = file_rights::open_or_create(OpenOptions::new().write(true), file)?;
        match opened.try_lock() {
            Ok(()) => Ok(Box::new(opened)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl Lock for File {}

impl DiskFile for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match read_some_at(self, &mut buffer[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < bytes.len() {
            match write_some_at(self, &bytes[done..], offset + done as u64) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => done += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

#[cfg(unix)]
use std::os::unix::fs::FileExt;
#[cfg(windows)]
use std::os::windows::fs::FileExt;

#[cfg(unix)]
fn read_some_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    FileExt::read_at(file, buffer, offset)
}

#[cfg(unix)]
fn write_some_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    FileExt::write_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_some_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}

#[cfg(windows)]
fn write_some_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
    file.seek_write(bytes, offset)
}
