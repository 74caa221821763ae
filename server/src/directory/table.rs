//! Reads the bytes of a file of the directory, and defines what can be wrong with it.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

/// How many bad lines an error names; the rest is counted.
const NAMED_LINES: usize = 20;

/// The longest file, in bytes. A million users take 30 MB.
const FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Why a file of the directory cannot be used.
#[derive(Debug, Error)]
pub enum ReadError {
    /// There is no users.csv.
    #[error(
        "{0}: there is no such file; write one with a line `login,name` and one line for each user, or start with --init for a sample"
    )]
    Missing(PathBuf),
    /// It is a link to a file that is not there.
    #[error("{file}: it is a link to {}, which is not there; put the file there or remove the link", target.display())]
    LeadsNowhere {
        /// The link.
        file: PathBuf,
        /// The missing target.
        target: PathBuf,
    },
    /// It is a folder or a device.
    #[error("{0}: it is not a file; put a CSV file in its place")]
    NotAFile(PathBuf),
    /// It is too long for a list of users.
    #[error(
        "{0}: it is longer than 256 MiB, so it is not read; put a list of users or groups in its place"
    )]
    TooLong(PathBuf),
    /// The system reported an error.
    #[error(
        "{file}: cannot be read: {source}; the user who runs the server must be allowed to read it, and no other program may lock it"
    )]
    Io {
        /// Which file.
        file: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Some of its lines are wrong.
    #[error("{}", BadLines { file, lines, more: *more })]
    BadLines {
        /// Which file.
        file: PathBuf,
        /// The first bad lines.
        lines: Vec<BadLine>,
        /// How many further bad lines there are.
        more: usize,
    },
}

/// A bad line of a file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {reason}")]
pub struct BadLine {
    /// The line number, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

impl BadLine {
    pub(super) fn new(line: u64, reason: impl fmt::Display) -> Self {
        Self {
            line,
            reason: reason.to_string(),
        }
    }
}

struct BadLines<'a> {
    file: &'a Path,
    lines: &'a [BadLine],
    more: usize,
}

impl fmt::Display for BadLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.lines.len() > 1 { "\n  " } else { " " };
        write!(f, "{}:", self.file.display())?;
        for line in self.lines {
            write!(f, "{separator}{line}")?;
        }
        if self.more > 0 {
            write!(f, "\n  and {} more bad lines", self.more)?;
        }
        Ok(())
    }
}

impl ReadError {
    pub(super) fn bad_lines(file: &Path, mut lines: Vec<BadLine>) -> Self {
        lines.sort_by_key(|bad| bad.line);
        let more = lines.len().saturating_sub(NAMED_LINES);
        lines.truncate(NAMED_LINES);
        Self::BadLines {
            file: file.to_owned(),
            lines,
            more,
        }
    }
}

/// The bytes of a file; `None` if it does not exist.
pub(super) fn read(file: &Path) -> Result<Option<Vec<u8>>, ReadError> {
    let failed = |source| ReadError::Io {
        file: file.to_owned(),
        source,
    };
    let metadata = match fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match fs::read_link(file) {
                Ok(target) => Err(ReadError::LeadsNowhere {
                    file: file.to_owned(),
                    target,
                }),
                Err(_) => Ok(None),
            };
        }
        metadata => metadata.map_err(failed)?,
    };
    // Reading a pipe could wait for ever.
    if !metadata.is_file() {
        return Err(ReadError::NotAFile(file.to_owned()));
    }
    if metadata.len() > FILE_BYTES {
        return Err(ReadError::TooLong(file.to_owned()));
    }
    fs::read(file).map(Some).map_err(failed)
}
