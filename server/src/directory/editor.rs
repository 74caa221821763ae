//! Edits of a running server: they count at once, as they are certainly complete.

use std::{fs, sync::Arc, time::Duration};

use crossbeam_channel::{Receiver, Sender, bounded};
use mensageiro_protocol::live::Change;
use parking_lot::Mutex;

use super::{
    Directory,
    edit::{Author, EditError, Made, edit},
};

/// How long to wait for edits of others.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait until an edit counts. If that takes longer, it counts later, like an edit by hand.
const LONGEST: Duration = Duration::from_secs(10);

/// An edit whose files are replaced, and whom to tell that it counts.
#[derive(Debug)]
pub(super) struct News {
    pub(super) made: Made,
    pub(super) counts: Sender<()>,
}

/// Edits the files of a running server, one edit after the other.
#[derive(Debug)]
pub struct Editor {
    directory: Arc<Directory>,
    news: Sender<News>,
    turn: Mutex<()>,
}

impl Editor {
    /// Also returns where edits are told to the thread that reads the files.
    pub(super) fn new(directory: Arc<Directory>) -> (Self, Receiver<News>) {
        // One at a time is made.
        let (news, made) = bounded(1);
        let editor = Self {
            directory,
            news,
            turn: Mutex::default(),
        };
        (editor, made)
    }

    /// How many bytes the files have: what an edit costs depends on that.
    pub fn bytes(&self) -> u64 {
        let files = self.directory.files().iter();
        let lengths = files.filter_map(|file| Some(fs::metadata(file).ok()?.len()));
        lengths.sum()
    }

    /// Makes a change, and returns when it is on disk and counts.
    ///
    /// # Errors
    /// [`EditError`] says why nothing was changed.
    pub fn edit(&self, change: &Change, author: Author<'_>) -> Result<(), EditError> {
        // Whoever may not do it costs nothing more.
        author.may(change, &self.directory.people())?;
        let files = self.directory.files();
        let Some(_turn) = self.turn.try_lock_for(PATIENCE) else {
            return Err(EditError::Busy(files[0].clone()));
        };
        let made = edit(files, change, author)?;
        let (counts, counting) = bounded(1);
        // A server that stops reads the files when it starts again.
        if self
            .news
            .send_timeout(News { made, counts }, LONGEST)
            .is_ok()
        {
            let _ = counting.recv_timeout(LONGEST);
        }
        Ok(())
    }
}
