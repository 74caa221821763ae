//! A server's folder at one moment, to restore and to corrupt.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Files and their contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(Vec<Entry>);

/// A file. Of the zeros at its end only the number is kept, because stores reserve space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub path: PathBuf,
    pub content: Vec<u8>,
    pub length: usize,
}

impl Snapshot {
    /// Reads a folder and everything in it.
    pub fn take(folder: &Path) -> io::Result<Self> {
        let mut entries = Vec::new();
        read(folder, Path::new(""), &mut entries)?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self(entries))
    }

    /// Restores the folder, and removes files that were not there.
    pub fn restore(&self, folder: &Path) -> io::Result<()> {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        for entry in &self.0 {
            let path = folder.join(&entry.path);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            let mut file = File::create(path)?;
            file.write_all(&entry.content)?;
            file.set_len(entry.length as u64)?;
        }
        Ok(())
    }

    /// The files of the store.
    pub fn store(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.0
            .iter_mut()
            .filter(|entry| entry.path.starts_with("store"))
    }

    /// The file with this path, if it was there.
    pub fn file(&mut self, path: &Path) -> Option<&mut Entry> {
        self.0.iter_mut().find(|entry| entry.path == path)
    }
}

fn read(folder: &Path, within: &Path, entries: &mut Vec<Entry>) -> io::Result<()> {
    for found in fs::read_dir(folder.join(within))? {
        let path = within.join(found?.file_name());
        if folder.join(&path).is_dir() {
            read(folder, &path, entries)?;
            continue;
        }
        let mut content = fs::read(folder.join(&path))?;
        let length = content.len();
        let end = content.iter().rposition(|&byte| byte != 0);
        content.truncate(end.map_or(0, |end| end + 1));
        entries.push(Entry {
            path,
            content,
            length,
        });
    }
    Ok(())
}
