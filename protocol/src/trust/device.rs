use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};

use super::{
    SecretHash,
    base32::{self, Mistyped},
};

/// What identifies a device: the SHA-256 of its public key (the SubjectPublicKeyInfo of its certificate, as DER). TLS
/// proves that the device has the private key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

/// The name of a device, or of a program key, in lists and when it is revoked: 80 bits of the hash of its key, so nobody
/// makes a second key with the same one. It is written as 16 letters and digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId([u8; 10]);

impl PublicKey {
    /// A device's key: the DER of its certificate's SubjectPublicKeyInfo.
    pub fn of(public_key: &[u8]) -> Self {
        Self(Sha256::digest(public_key).into())
    }

    /// A key from the 32 bytes of its hash.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of its hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The device's id.
    pub fn id(&self) -> DeviceId {
        DeviceId::beginning(&self.0)
    }
}

impl DeviceId {
    /// Reads an id in any form.
    ///
    /// # Errors
    /// [`Mistyped`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, Mistyped> {
        base32::read(text).map(Self)
    }

    /// The 16 letters and digits, as in the live protocol.
    pub fn plain(&self) -> String {
        base32::plain(&self.0)
    }

    fn beginning([a, b, c, d, e, f, g, h, i, j, ..]: &[u8; 32]) -> Self {
        Self([*a, *b, *c, *d, *e, *f, *g, *h, *i, *j])
    }
}

impl From<&SecretHash> for DeviceId {
    fn from(program_key: &SecretHash) -> Self {
        Self::beginning(program_key.as_bytes())
    }
}

/// In groups of four.
impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32::grouped(&self.0, '-'))
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceId({self})")
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", base32::plain(&self.0))
    }
}

impl Serialize for DeviceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.plain())
    }
}

impl<'de> Deserialize<'de> for DeviceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The 52 letters and digits of its hash.
impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base32::plain(&self.0))
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = base32::read(&String::deserialize(deserializer)?);
        key.map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::Secret;

    #[test]
    fn an_id_is_the_beginning_of_the_hash() {
        let key = PublicKey::of(b"abc");
        assert_eq!(key.id().to_string(), "XJ4B-NP4P-AHH6-UQKB");
        assert_eq!(DeviceId::parse("xj4bnp4pahh6uqkb"), Ok(key.id()));
        assert_eq!(
            serde_json::to_string(&key.id()).unwrap(),
            r#""XJ4BNP4PAHH6UQKB""#
        );
        let hash = Secret::new([7; 16]).hash();
        assert_eq!(DeviceId::from(&hash).0, hash.as_bytes()[..10]);
    }

    #[test]
    fn a_key_is_stored_as_its_hash() {
        let key = PublicKey::of(b"abc");
        let stored = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<PublicKey>(&stored).unwrap(), key);
        assert!(serde_json::from_str::<PublicKey>(r#""XJ4B""#).is_err());
    }
}
