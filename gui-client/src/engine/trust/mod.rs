//! How far a server can be trusted: how the connection is protected, and why it is refused.

mod decision;
mod device_key;
mod keyring;
mod stored;

use jiff::Timestamp;
use mensageiro_protocol::trust::Fingerprint;

pub use device_key::KeyPlace;

pub(super) use self::{
    decision::{Offer, Pin, meet, must_ask, needs_system},
    device_key::DeviceKey,
    stored::{Known, Trust, TrustError},
};

/// How a connection is protected, and what the server lets this user do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// The encryption; `None`: everything is sent as plain text.
    pub encryption: Option<Encryption>,
    /// What this user may do. Nothing, with a classic server.
    pub rights: Rights,
}

/// An encrypted connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encryption {
    /// The protocol and the cipher, as experts call them: `TLS 1.3, AES-256-GCM`.
    pub cipher: String,
    /// Of the server's key.
    pub fingerprint: Fingerprint,
    /// How it is known whose key this is.
    pub verified: Verified,
    /// When this key was first seen on this computer.
    pub since: Timestamp,
}

/// How it is known that a key belongs to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// The invite named the key.
    Invite,
    /// The server has a certificate that this computer trusts for this address.
    System,
    /// The person has compared the fingerprint.
    Person,
    /// It is not known: the key was taken from whoever answered first.
    FirstContact,
}

/// What a server lets the user do, besides writing messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The server is closed: a name alone does not let anybody in.
    pub is_closed: bool,
    /// The server knows this device, so the user has a list of devices and may invite more.
    pub is_registered: bool,
    /// May manage users and all groups.
    pub is_administrator: bool,
    /// May create groups.
    pub may_create_groups: bool,
    /// May edit and delete own messages: the server knows how.
    pub may_change_messages: bool,
}

/// Why the app does not talk to what answers, or may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// The first contact with a closed server: the person is asked. [`super::Command::Trust`] says yes.
    Unknown {
        /// Of the key it has.
        fingerprint: Fingerprint,
    },
    /// The server has another key than before.
    Changed {
        /// Of the key it had.
        known: Fingerprint,
        /// Of the key it has now.
        offered: Fingerprint,
        /// When the key it had was first seen.
        since: Timestamp,
    },
    /// The server has another key than the one the invite names.
    NotInvited {
        /// Of the key in the invite.
        invited: Fingerprint,
        /// Of the key it has.
        offered: Fingerprint,
    },
    /// The server was encrypted before, and now it is not.
    Plain {
        /// When it was first seen with encryption.
        since: Timestamp,
    },
    /// The server is closed, and this device is not registered.
    NeedsKey,
    /// Somebody has taken this device its access.
    Revoked,
    /// The server asks for encryption and offers none.
    NeedsTls,
    /// The code of the invite is not accepted: it is unknown, used or expired. The server gives one answer
    /// for all of these.
    BadCode,
    /// Too many wrong codes have come from this address.
    TooManyTries,
}
