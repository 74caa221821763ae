use std::{fs, io, path::PathBuf, time::SystemTime};

/// What tells whether a file is the one it was. Links are followed, so it is that of what they lead
/// to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stamp {
    /// Not there, or out of reach.
    Unknown(io::ErrorKind),
    /// There.
    File {
        length: u64,
        modified: Option<SystemTime>,
        /// Which file, and when the system last noted a change of it, which no program can set.
        #[cfg(unix)]
        identity: [i128; 4],
    },
}

impl Stamp {
    pub(super) fn of_all(files: &[PathBuf; 2]) -> [Self; 2] {
        files.each_ref().map(|file| match fs::metadata(file) {
            Err(error) => Self::Unknown(error.kind()),
            Ok(metadata) => Self::File {
                length: metadata.len(),
                modified: metadata.modified().ok(),
                #[cfg(unix)]
                identity: identity(&metadata),
            },
        })
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
