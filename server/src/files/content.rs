//! Whole files: held by slots, and verified before they are sent.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::{Duration, Instant},
};

use mensageiro_protocol::live::FileHash;
use parking_lot::Mutex;

/// A content that was verified is not read again for so long.
const TRUST: Duration = Duration::from_secs(60 * 60);

/// Bytes that are read at a time to verify.
const BLOCK_BYTES: usize = 128 * 1024;

/// A content, and how many slots have it. The count changes only with the store's lock.
#[derive(Debug, Default)]
pub(super) struct Content {
    slots: AtomicUsize,
    /// When it was last read, and whether its hash was right. Held while it is read.
    verified: Mutex<Option<(Instant, bool)>>,
}

impl Content {
    pub(super) fn hold(&self) {
        self.slots.fetch_add(1, Relaxed);
    }

    /// Whether nobody has it any more.
    pub(super) fn let_go(&self) -> bool {
        self.slots.fetch_sub(1, Relaxed) == 1
    }

    /// Whether it is what it should be. It is read for that, unless that was done in the last hour. Whoever asks the same
    /// meanwhile waits for the result.
    pub(super) fn verify(&self, path: &Path, hash: &FileHash) -> io::Result<bool> {
        let mut verified = self.verified.lock();
        let known = verified.filter(|(at, _)| at.elapsed() < TRUST);
        if let Some((_, is_right)) = known {
            return Ok(is_right);
        }
        let is_right = is_content(path, hash, &mut || true)?;
        *verified = Some((Instant::now(), is_right));
        Ok(is_right)
    }

    /// It was read just now, and is right.
    pub(super) fn set_verified(&self) {
        *self.verified.lock() = Some((Instant::now(), true));
    }
}

/// Whether a file has this hash. `go_on` is asked before each block; if it says no, the answer is yes.
pub(super) fn is_content(
    path: &Path,
    hash: &FileHash,
    go_on: &mut dyn FnMut() -> bool,
) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut block = vec![0; BLOCK_BYTES];
    loop {
        if !go_on() {
            return Ok(true);
        }
        match file.read(&mut block) {
            Ok(0) => return Ok(hasher.finalize() == blake3::Hash::from(hash.0)),
            Ok(count) => drop(hasher.update(&block[..count])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
