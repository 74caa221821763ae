//! Why somebody is not let in.

use thiserror::Error;

use super::{RegisterError, Unchanged};

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// A closed server takes no plain text from elsewhere.
    #[error(
        "the server is closed and accepts only encrypted connections from other computers (--allow-plain)"
    )]
    NeedsTls,
    /// Neither the device nor the program key is registered, or there is no such user: nobody learns which.
    #[error(
        "the server is closed, and this is no device or program key that may log in as this user"
    )]
    NeedsKey,
    /// It is gone, or the server stops.
    #[error("it left before it was answered")]
    Gone,
}

/// Why a device does not join.
#[derive(Debug, Error)]
pub enum JoinRefusal {
    /// It is not to be answered with anything else than a login would be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The code is not valid, or there is no such user: nobody learns which.
    #[error("it joins with a code that is not valid")]
    BadCode,
    /// It has not shown a certificate.
    #[error("it joins without a certificate of its own")]
    NoCertificate,
    /// The login has as many devices as it may have.
    #[error("{}", Unchanged::TooMany.reason())]
    TooMany,
    /// It cannot be stored.
    #[error("it cannot join: {0}")]
    NotStored(RegisterError),
}
