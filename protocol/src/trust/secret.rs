use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::base32::{self, Mistyped};

/// An invite code or a program key: 128 random bits, written as 26 letters and digits.
///
/// `Debug` does not show it, and there is no `Display`: what writes it says so ([`Secret::written`]). Comparing takes the
/// same time whatever the difference, and its memory is overwritten when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 16]>);

/// The SHA-256 of a [`Secret`], which is what a server stores. Nobody guesses 128 random bits, so it needs neither salt nor a
/// slow hash. Comparing takes the same time whatever the difference.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl Secret {
    /// A secret of 128 random bits.
    pub fn new(random: [u8; 16]) -> Self {
        Self(Zeroizing::new(random))
    }

    /// Reads a secret as a person has typed it.
    ///
    /// # Errors
    /// [`Mistyped`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, Mistyped> {
        base32::read(text).map(Self::new)
    }

    /// Whether a text could be a secret with a few letters too many, missing or mistyped: what shows texts of strangers then
    /// hides it.
    pub fn is_resembled_by(text: &str) -> bool {
        base32::count_signs(text).is_some_and(|count| (20..=32).contains(&count))
    }

    /// Its letters and digits in groups of four, for the one person who may see them.
    pub fn written(&self) -> Zeroizing<String> {
        Zeroizing::new(base32::grouped(&*self.0, '-'))
    }

    /// Its letters and digits without hyphens, as in an [`InviteLink`](super::InviteLink).
    pub fn plain(&self) -> Zeroizing<String> {
        Zeroizing::new(base32::plain(&*self.0))
    }

    /// What may be stored of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(*self.0).into())
    }
}

impl SecretHash {
    /// The 32 bytes of the hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl Eq for Secret {}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

/// In groups of four, for the connection to the one who may see it.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Self::parse(&text).map_err(D::Error::custom)
    }
}

impl Serialize for SecretHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base32::plain(&self.0))
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hash = base32::read(&String::deserialize(deserializer)?);
        hash.map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_hidden_where_it_could_be_shown_by_mistake() {
        let secret = Secret::new([0x5a; 16]);
        assert_eq!(&*secret.written(), "LJNF-UWS2-LJNF-UWS2-LJNF-UWS2-LI");
        assert_eq!(format!("{:?}", Some(&secret)), "Some(Secret(…))");
        assert_eq!(format!("{:?}", secret.hash()), "SecretHash(…)");
        let nearly = Secret::parse("LJNF-UWS2-LJNF-UWS2-LJNF-UWS2-L9").unwrap_err();
        assert_eq!(nearly, Mistyped::Character('9'));
        for text in [
            "ljnf uws2 ljnf uws2 ljnf uws2 l",
            "LJNF-UWS2-LJNF-UWS2-LJNF-UWS2-L9",
            "LJNFUWS2LJNFUWS2LJNFUWS2LIA",
        ] {
            assert!(Secret::is_resembled_by(text), "{text}");
        }
        for text in [
            "ana",
            "maria.silva@escola.example.br",
            "João-da-Silva-e-Souza-Filho",
        ] {
            assert!(!Secret::is_resembled_by(text), "{text}");
        }
        let error = serde_json::from_str::<Secret>(r#""LJNF-UWS2""#).unwrap_err();
        assert!(!error.to_string().contains("LJNF"), "{error}");
    }

    proptest! {
        #[test]
        fn the_same_secret_has_the_same_hash_however_it_is_typed(random: [u8; 16], other: [u8; 16]) {
            let secret = Secret::new(random);
            let typed = secret.written().to_lowercase().replace('-', " ");
            let typed = Secret::parse(&typed).unwrap();
            prop_assert_eq!(typed.hash(), secret.hash());
            prop_assert_eq!(&typed, &secret);
            prop_assert_eq!(Secret::new(other) == secret, other == random);
            prop_assert_eq!(Secret::new(other).hash() == secret.hash(), other == random);
            let json = serde_json::to_string(&secret.hash()).unwrap();
            prop_assert_eq!(serde_json::from_str::<SecretHash>(&json).unwrap(), secret.hash());
        }
    }
}
