//! Why a live session ends.

use std::io;

use thiserror::Error;

use crate::{clients::Ended, index::IndexError, mailboxes::PeekError};

/// See the module.
#[derive(Debug, Error)]
pub(in crate::live) enum Failure {
    #[error(transparent)]
    Ended(#[from] Ended),
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error(transparent)]
    Peek(#[from] PeekError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("it said bye")]
    Bye,
}
