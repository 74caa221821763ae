//! Exporting a conversation to a file.

use std::{fmt, sync::Arc};

use super::{
    message::{Message, Older},
    problem::StorageProblem,
};

type Open = dyn Fn() -> Result<Messages, StorageProblem> + Send + Sync;

/// All messages of a conversation that this computer has. Whoever writes them to a file reads them
/// one by one, so memory holds only a page of them.
#[derive(Clone)]
pub struct Export(Arc<Open>);

/// The messages at the moment they were opened.
pub struct Messages {
    /// The number of messages.
    pub count: usize,
    /// What older messages there are elsewhere.
    pub older: Older,
    /// Oldest first.
    pub all: Box<dyn Iterator<Item = Result<Message, StorageProblem>>>,
}

impl Export {
    /// An export that `open` begins to read.
    pub fn new(
        open: impl Fn() -> Result<Messages, StorageProblem> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(open))
    }

    /// Begins to read. It waits for the disk, so not on the window's thread.
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
