use std::fmt;

use sha2::{Digest, Sha256};

use super::base32::{self, Mistyped};

/// What identifies a server: the SHA-256 of its public key (the SubjectPublicKeyInfo of its certificate, as DER).
///
/// A certificate that is renewed with the same key keeps it. It is shown in groups of four that can be read aloud.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a public key: the DER of a certificate's SubjectPublicKeyInfo.
    pub fn of(public_key: &[u8]) -> Self {
        Self(Sha256::digest(public_key).into())
    }

    /// A fingerprint from its 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads a fingerprint in either form, with or without separators.
    ///
    /// # Errors
    /// [`Mistyped`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, Mistyped> {
        base32::read(text).map(Self)
    }

    /// The 52 letters and digits without spaces, as in an [`InviteLink`](super::InviteLink).
    pub fn plain(&self) -> String {
        base32::plain(&self.0)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32::grouped(&self.0, ' '))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.plain())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hash_of_the_public_key_in_groups_of_four() {
        let of = Fingerprint::of(b"abc");
        // FIPS 180-4.
        assert_eq!(of.as_bytes()[..4], [0xba, 0x78, 0x16, 0xbf]);
        let written = "XJ4B NP4P AHH6 UQKB IDPF 3LRC EOYA GYND SYLX VHFU CD7W D4QA CWWQ";
        assert_eq!(of.to_string(), written);
        assert_eq!(of.plain().len(), 52);
        for written in [of.to_string(), of.plain(), of.plain().to_lowercase()] {
            assert_eq!(Fingerprint::parse(&written), Ok(of));
        }
    }
}
