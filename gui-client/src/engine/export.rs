//! A conversation for whoever writes it to a file.

use std::{fmt, sync::Arc};

use super::{
    message::{Message, Older},
    problem::StorageProblem,
};

type Open = dyn Fn() -> Result<Messages, StorageProblem> + Send + Sync;

/// All that this computer has of a conversation, to be read by whoever writes it to a file: message
/// by message, so that nobody holds all of it.
#[derive(Clone)]
pub struct Export(Arc<Open>);

/// The messages as they were when they were opened.
pub struct Messages {
    /// How many there are.
    pub count: usize,
    /// What there is before them: more on this computer, more at the server, or nothing.
    pub older: Older,
    /// Oldest first.
    pub all: Box<dyn Iterator<Item = Result<Message, StorageProblem>>>,
}

impl Export {
    /// What `open` gives.
    pub fn new(
        open: impl Fn() -> Result<Messages, StorageProblem> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(open))
    }

    /// Begins to read. It waits for the disk: not for the window's thread.
    ///
    /// # Errors
    /// [`StorageProblem`]
    pub fn open(&self) -> Result<Messages, StorageProblem> {
        (self.0)()
    }
}

impl PartialEq for Export {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Export")
    }
}
