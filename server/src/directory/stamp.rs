use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Tells whether a file is the same as before. Links are followed, so it describes their target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// The file is missing or not accessible.
    Unknown(io::ErrorKind),
    /// The file exists.
    File {
        length: u64,
        modified: Option<SystemTime>,
        /// Which file it is, and when the system last noted a change, which no program can set.
        #[cfg(unix)]
        identity: [i128; 4],
    },
}

impl Stamp {
    pub(crate) fn of_all(files: &[PathBuf; 2]) -> [Self; 2] {
        files.each_ref().map(|file| Self::of(file))
    }

    pub(crate) fn of(file: &Path) -> Self {
        match fs::metadata(file) {
            Err(error) => Self::Unknown(error.kind()),
            Ok(metadata) => Self::File {
                length: metadata.len(),
                modified: metadata.modified().ok(),
                #[cfg(unix)]
                identity: identity(&metadata),
            },
        }
    }
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> [i128; 4] {
    use std::os::unix::fs::MetadataExt;
    [
        metadata.dev().into(),
        metadata.ino().into(),
        metadata.ctime().into(),
        metadata.ctime_nsec().into(),
    ]
}
