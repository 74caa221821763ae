//! Who somebody is: fingerprints of servers, keys of devices, invite codes, program keys, and invite links
//! (PROTOCOL.md, "Access").
//!
//! Everything that a person may have to type or read aloud is written in the letters and digits of base32 (RFC 4648:
//! A-Z and 2-7), in groups of four. It is read in upper and lower case, with or without what separates the groups; 0, 1
//! and 8, which are not among the digits, count as the letters that look like them: O, I and B.

mod base32;
mod device;
mod fingerprint;
mod link;
mod secret;

pub use self::{
    base32::Mistyped,
    device::{DeviceId, PublicKey},
    fingerprint::Fingerprint,
    link::{BadInviteLink, InviteLink, SCHEME},
    secret::{Secret, SecretHash},
};
