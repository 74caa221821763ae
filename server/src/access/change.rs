//! What changes who may log in.

use mensageiro_protocol::{
    Login, Name,
    trust::{DeviceId, PublicKey, SecretHash},
};

/// What may be changed. Applying a change twice is the same as applying it once.
#[derive(Clone, Debug)]
pub enum Change {
    /// Closes or opens the server.
    Close(bool),
    /// One more code.
    Invite {
        /// Who is invited.
        login: Login,
        /// The hash of the code.
        hash: SecretHash,
        /// From when and until when it is valid.
        times: (i64, i64),
    },
    /// A device comes with a code.
    Join {
        /// Who it says it is.
        login: Login,
        /// The hash of its code.
        code: SecretHash,
        /// Its key.
        key: PublicKey,
        /// What its owner calls it.
        name: Name,
        /// Now.
        now: i64,
    },
    /// One more program key.
    AddKey {
        /// Whose.
        login: Login,
        /// Its hash.
        hash: SecretHash,
        /// What its owner calls it.
        name: Name,
        /// Now.
        now: i64,
    },
    /// A device or program key may not log in any more.
    Revoke {
        /// Whose.
        login: Login,
        /// Which one.
        id: DeviceId,
    },
    /// Logins have left users.csv.
    Gone {
        /// Who.
        logins: Vec<Login>,
        /// Now.
        now: i64,
    },
    /// Logins are there again. Without `keeps` they may be somebody else's: what was registered before is dropped.
    Back {
        /// Who, and whether it is still the same person.
        logins: Vec<(Login, bool)>,
    },
    /// When devices and program keys were last used.
    Seen(Vec<(Login, DeviceId, i64)>),
}

/// Why a change is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// The code is not valid for this login: unknown, used or expired.
    BadCode,
    /// There is no such device or program key.
    NoDevice,
    /// The login has as many devices or program keys as it may have.
    TooMany,
}

impl Unchanged {
    /// For people.
    pub fn reason(self) -> &'static str {
        match self {
            Self::BadCode => {
                "the code is not valid: mistyped, used before, or too old; ask for a new invitation"
            }
            Self::NoDevice => "there is no such device or program key",
            Self::TooMany => {
                "this user has as many devices or program keys as are allowed; revoke one first"
            }
        }
    }
}
